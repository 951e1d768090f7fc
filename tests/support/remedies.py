"""The function `remediate` in this process, on a real API server or on a stand-in of one, with a clock of its own."""

import asyncio
import contextlib
import copy
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml

from functions.remediate.handler import Remediate, new
from shared.cluster.access import Access, Cluster
from shared.events.cloudevent import CloudEvent, type_of_transition
from shared.events.episode import Episode
from shared.events.identity import digest
from shared.events.model import ObjectRef
from shared.runtime.function import Call, Result
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics
from tests.support.servers import live, serve
from tests.support.tickets import Clock
from tests.support.tickets import episode as any_episode

CLUSTER = "lab"
Thing = dict[str, Any]
MARK = "tidings.dev/remediated"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
POD = "/api/v1/namespaces/shop/pods/web-1"
RESTART = {
    "name": "restart",
    "when": {"kind": "Pod", "condition": "crash-loop"},
    "do": "restart",
    "only": {"kinds": ["Deployment"], "namespaces": ["shop"]},
}


def hook(**changes: Any) -> Thing:
    """Return a hook as a file says it; None takes a member away."""
    return {name: value for name, value in {**RESTART, **changes}.items() if value is not None}


def written(*hooks: Thing) -> str:
    """Return a file of hooks."""
    return yaml.safe_dump({"hooks": list(hooks)}, sort_keys=False)


def problem(clock: Callable[[], float], name: str = "web-1", revision: int = 1, **changes: Any) -> Episode:
    """Return an episode of a pod that crashes since an hour."""
    started = datetime.fromtimestamp(clock(), UTC) - timedelta(hours=1)
    thing = ObjectRef(api_version="v1", kind="Pod", namespace=changes.pop("namespace", "shop"), name=name)
    said = {"object": thing, "condition": "crash-loop", "cluster": CLUSTER, "started": started, **changes}
    key = digest(name, thing.namespace)
    known = any_episode(revision, start=started, id=f"{key}-1", problem_key=key)
    return known.model_copy(update={"revision": revision, **said})


def event_of(episode: Episode) -> CloudEvent:
    """Return the event that carries an episode, as the correlator sends it."""
    kind = type_of_transition(episode.transition)
    return CloudEvent(
        f"{episode.id}-{episode.revision}", "tidings/correlator", kind, data=episode.model_dump(mode="json")
    )


class Lab:
    """One cluster, store and clock for any number of functions. `access` says where the API server is."""

    def __init__(self, folder: Path, access: Callable[[], Access], *hooks: Thing, **settings: str) -> None:
        self.file = folder / "hooks.yaml"
        self.file.write_text(written(*(hooks or (hook(),))))
        self.clock = Clock()
        self.metrics = Metrics()
        self.store: Store = MemoryStore(self.clock)
        self._access = access
        self._settings = {"REMEDIATE": "on", "REMEDIATE_HOOKS": str(self.file), "OWN_NAMESPACE": "tidings", **settings}

    def function(self, store: Store | None = None) -> Remediate:
        """Return the function, not started."""
        clusters = (Cluster(CLUSTER, self._access),)
        made = new(self._settings, self.metrics, store=store or self.store, clusters=clusters)
        made.acting.clock = self.clock
        return made

    def problem(self, name: str = "web-1", revision: int = 1, **changes: Any) -> Episode:
        """Return an episode by this lab's clock."""
        return problem(self.clock, name, revision, **changes)

    def play(self, main: Callable[[Remediate], Awaitable[Any]]) -> Any:
        """Run a scenario with a started function."""

        async def scenario() -> Any:
            function = self.function()
            await function.start()
            try:
                return await main(function)
            finally:
                await function.stop()

        return asyncio.run(scenario())

    def tell(self, *episodes: Episode) -> list[Result]:
        """Tell a function of its own of episodes, one after the other."""

        async def main(function: Remediate) -> list[Result]:
            return [await told(function, one) for one in episodes]

        results: list[Result] = self.play(main)
        return results


async def told(function: Remediate, episode: Episode, seconds: float = 20.0) -> Result:
    """Tell a function of an episode."""
    return await function.handle(event_of(episode), Call(asyncio.get_running_loop().time() + seconds))


def names(results: list[Result]) -> list[str]:
    """Return how they ended, by the names of outcomes."""
    return [type(one.outcome).__name__ for one in results]


def report(result: Result) -> Thing:
    """Return what a reply says."""
    assert result.reply is not None
    data: Thing = result.reply.data
    return data


class StandIn:
    """Objects by path, read and patched as an API server does it, with faults: only what acts need.

    `answers` has by method and path what is answered instead, each once: a status, or `hang`, or `dies` after it was
    done. `requests` has method, path and query of what was asked, `done` those that changed something.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Thing] = {}
        self.answers: dict[tuple[str, str], list[int | str]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.done: list[tuple[str, str]] = []

    def put(self, path: str, **content: Any) -> str:
        """Make an object; return its path."""
        namespace = path.partition("/namespaces/")[2].partition("/")[0]
        metadata = {"name": path.rpartition("/")[2], "namespace": namespace, "uid": f"uid-of-{path}"}
        metadata |= {"resourceVersion": "1", **content.pop("metadata", {})}
        self.objects[path] = {"metadata": {name: value for name, value in metadata.items() if value}, **content}
        return path

    def deployment(self, name: str = "web", *pods: str, namespace: str = "shop", **content: Any) -> str:
        """Make a Deployment with a ReplicaSet and pods; return its path."""
        apps, core = f"/apis/apps/v1/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
        content = {"spec": {"replicas": 2, "template": {"metadata": {}}}, **content}
        self.put(f"{apps}/replicasets/{name}-7d4", metadata=owned("apps/v1", "Deployment", name, namespace))
        for pod in pods or (f"{name}-1",):
            self.put(f"{core}/pods/{pod}", metadata=owned("apps/v1", "ReplicaSet", f"{name}-7d4", namespace))
        return self.put(f"{apps}/deployments/{name}", **content)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        method, path = scope["method"], scope["path"]
        self.requests.append((method, path, query))
        scripted = self.answers.get((method, path))
        said = scripted.pop(0) if scripted else 0
        if said == "hang":
            await asyncio.sleep(30)
        if isinstance(said, int) and said:
            status, answer = said, refusal(said)
        else:
            status, answer = self._do(method, path, query, json.loads(body or b"null"))
        if said == "dies":
            raise ConnectionError("it did it, and dies")
        raw = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    def _do(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Thing]:
        thing = self.objects.get(path.removesuffix("/eviction"))
        dry = query.get("dryRun") == "All"
        if method == "POST" and not path.endswith("/eviction"):
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return 409, {**refusal(409), "reason": "AlreadyExists"}
            thing = {"metadata": {"uid": f"uid-of-{path}"}}
        if thing is None:
            return 404, refusal(404)
        if method == "GET":
            return 200, thing
        wanted = (body.get("metadata") or {}).get("resourceVersion", "")
        if wanted not in {"", thing.get("metadata", {}).get("resourceVersion")}:
            return 409, refusal(409)
        if not dry:
            self.done.append((method, path))
            if path.endswith("/eviction"):
                del self.objects[path.removesuffix("/eviction")]
            else:
                self.objects[path] = merged(thing, managed(body, query) if method == "PATCH" else body)
        return 201 if method == "POST" else 200, merged(thing, body)


class Rig:
    """A stand-in that is served, and labs on it."""

    def __init__(self, folder: Path, url: str, server: StandIn) -> None:
        self._folder = folder
        self.url = url
        self.server = server

    def lab(self, *hooks: Thing, **settings: str) -> Lab:
        """Return a lab with these hooks."""
        return Lab(self._folder, lambda: Access(self.url), *hooks, **settings)


@contextlib.contextmanager
def standing(folder: Path, pods: Iterable[str] = ("web-1", "web-2")) -> Iterator[Rig]:
    """Serve a stand-in that has a Deployment `web` with these pods."""
    server = StandIn()
    server.deployment("web", *pods)
    with serve(server) as url:
        yield Rig(folder, url, server)


def owned(version: str, kind: str, name: str, namespace: str = "shop") -> Thing:
    """Return the metadata of what a controller of a stand-in made."""
    uid = f"uid-of-/apis/{version}/namespaces/{namespace}/{kind.lower()}s/{name}"
    return {"ownerReferences": [{"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": True}]}


def managed(body: Thing, query: dict[str, str]) -> Thing:
    """Return what is sent with who sent it, as an API server writes it down; of a node's closing alone."""
    if not (body.get("spec") or {}).get("unschedulable"):
        return body
    mine = {"manager": query["fieldManager"], "operation": "Update", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}
    return merged(body, {"metadata": {"managedFields": [mine]}})


def merged(thing: Any, patch: Any) -> Any:
    """Return a value with a merge patch applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    found = copy.deepcopy(thing) if isinstance(thing, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def refusal(status: int) -> Thing:
    """Return a Status; a 403 as RBAC writes it, with what nobody may read in an answer of ours."""
    who = 'User "system:serviceaccount:tidings:tidings-remediate" cannot patch resource "deployments"'
    return {"kind": "Status", "code": status, "message": f"{who}: hunter2-{status}"}


def refused(lab: Lab, name: str = "web-2", revision: int = 1) -> str:
    """Return why a problem of a pod is not acted upon."""
    (result,) = lab.tell(lab.problem(name, revision))
    assert names([result]) == ["Ignored"]
    return str(report(result)["reason"]).removeprefix("restart: not done: ")


def job(lab: Lab, name: str) -> Any:
    """Return an episode of a Job that crashes."""
    one = lab.problem(name)
    return one.model_copy(update={"object": one.object.model_copy(update={"kind": "Job"})})

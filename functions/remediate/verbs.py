"""What each thing that can be done is as one request to the API server. Pure; each is here, and nothing else is done.

A request that is sent twice does once: a patch has the same values, a Job the same name, an eviction the Pod's uid.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from functions.remediate.hook import CRON_JOB, MANAGER, Do, Hook, Thing
from functions.remediate.ledger import Refusal
from functions.remediate.mark import MARK, Mark
from functions.remediate.objects import annotations, controller_of, member, set_by
from shared.events.times import to_text
from shared.sources.resources import plural

_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_BY_HAND: Final = "cronjob.kubernetes.io/instantiate"
_MERGE: Final = "application/merge-patch+json"
_LONGEST: Final = 42  # of a CronJob's name: a Job's is at most 63, with ours and that of its pods behind it


class Right(NamedTuple):
    """What RBAC must grant, as people write it: `patch deployments.apps`."""

    verb: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f" in the namespace {self.namespace}" if self.namespace else "")


class Request(NamedTuple):
    """One request, with the right that it takes."""

    method: str
    path: str
    right: Right
    body: dict[str, Any] | None = None
    kind: str = "application/json"

    def params(self, *, dry: bool) -> dict[str, str]:
        """Return the query: who we are, and whether the API server shall only try."""
        who = {} if self.body is None else {"fieldManager": MANAGER}
        return {**who, **({"dryRun": "All"} if dry else {})}


class Found(NamedTuple):
    """A thing with its resource, as `deployments`, and what it looks like; empty where nobody has looked."""

    thing: Thing
    resource: str
    object: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Return where it is served."""
        return f"{place_of(self.thing, self.resource)}/{self.thing.name}"


def place_of(thing: Thing, resource: str) -> str:
    """Return the path of a resource in the thing's namespace."""
    version = thing.kind.api_version
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{thing.namespace}/{resource}" if thing.namespace else f"{root}/{resource}"


def known(thing: Thing) -> Found:
    """Return a thing of a kind that Kubernetes itself has, without having looked at it."""
    return Found(thing, plural(thing.kind.name), {})


def right_to(verb: str, found: Found, resource: str = "") -> Right:
    """Return the right to do something to a thing."""
    group = found.thing.kind.api_version.rpartition("/")[0]
    return Right(verb, f"{resource or found.resource}{f'.{group}' if group else ''}", found.thing.namespace)


def switch_of(place: str) -> Request:
    """Return the request that reads the ConfigMap of a `namespace/name`."""
    namespace, _, name = place.partition("/")
    return Request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}", Right("get", "configmaps", namespace))


def getting(found: Found) -> Request:
    """Return the request that reads it."""
    return Request("GET", found.path, right_to("get", found))


def doing(hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    """Return the request by which it is done, or why there is nothing to do, or nothing may be done."""
    return _MADE[hook.do](hook, found, mark)


def _restart(_hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    spec = member(found.object, "spec") or {}
    if spec.get("paused") is True:
        return Refusal("its roll-out is paused")
    if spec.get("replicas") == 0:
        return Refusal("it has no replicas")
    if member(spec, "updateStrategy", "type") == "OnDelete":
        return Refusal("its pods are made anew only when they are deleted (OnDelete)")
    template = {"metadata": {"annotations": {_RESTARTED: to_text(mark.at)}}}
    return _patched(found, mark, {"spec": {"template": template}})


def _scale(hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    scale = hook.scale
    if scale is None:
        raise ValueError("a hook that scales says how")
    now = member(found.object, "spec", "replicas")
    if scale.to is not None:
        wanted: Any = scale.to
    elif isinstance(now, int):
        wanted = max(now, min(now + scale.by, scale.up_to))
    else:
        wanted = f"{{replicas + {scale.by}, at most {scale.up_to}}}"
    if wanted == now:
        return Refusal(f"it has {now} replicas already")
    body: dict[str, Any] = {"spec": {"replicas": wanted}}
    if version := member(found.object, "metadata", "resourceVersion"):
        body["metadata"] = {"resourceVersion": version}  # whoever scaled it since is not overruled
    return _patched(found, mark, body)


def _cordon(_hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    if member(found.object, "spec", "unschedulable") is True:
        return Refusal("it is cordoned already")
    return _patched(found, mark, {"spec": {"unschedulable": True}})


def _uncordon(_hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    if found.object:
        if member(found.object, "spec", "unschedulable") is not True:
            return Refusal("it is not cordoned")
        # Our mark would not do: it stays where people open the node and close it again.
        if not set_by(found.object, MANAGER, "spec", "unschedulable"):
            return Refusal("somebody else cordoned it")
    return _patched(found, mark, {"spec": {"unschedulable": None}})


def _evict(_hook: Hook, found: Found, _mark: Mark) -> Request | Refusal:
    uid = member(found.object, "metadata", "uid") or "{uid}"
    controller = controller_of(found.object)
    if found.object and (controller is None or controller.get("kind") == "Node"):
        return Refusal("nothing would make it again: it has no controller")
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": found.thing.name, "namespace": found.thing.namespace},
        "deleteOptions": {"preconditions": {"uid": uid}},
    }
    return Request("POST", f"{found.path}/eviction", right_to("create", found, "pods/eviction"), body)


def _patch(hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    if found.object and _has(found.object, hook.patch):
        return Refusal("it is so already")
    return _patched(found, mark, copy.deepcopy(dict(hook.patch)))


def _run_job(_hook: Hook, found: Found, mark: Mark) -> Request | Refusal:
    """Make a Job as `kubectl create job --from=cronjob/NAME` does."""
    spec = member(found.object, "spec") or {}
    if spec.get("suspend") is True:
        return Refusal("people suspended it")
    name = f"{found.thing.name[:_LONGEST]}-{mark.act[:10]}"
    active = [one for one in member(found.object, "status", "active") or [] if member(one, "name") != name]
    if active and spec.get("concurrencyPolicy") == "Forbid":
        return Refusal("a run of it is under way")
    template = spec.get("jobTemplate") or {}
    owner = {
        "apiVersion": CRON_JOB.api_version,
        "kind": CRON_JOB.name,
        "name": found.thing.name,
        "uid": member(found.object, "metadata", "uid") or "{uid}",
        "controller": True,
    }
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": found.thing.namespace,
            "labels": dict(member(template, "metadata", "labels") or {}),
            "annotations": {**annotations(template), _BY_HAND: "manual", MARK: mark.text()},
            "ownerReferences": [owner],
        },
        "spec": template.get("spec") or "{spec of its jobTemplate}",
    }
    return Request("POST", place_of(found.thing, "jobs"), right_to("create", found, "jobs"), body)


def _patched(found: Found, mark: Mark, body: dict[str, Any]) -> Request:
    metadata = body.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), MARK: mark.text()}
    return Request("PATCH", found.path, right_to("patch", found), body, _MERGE)


def _has(thing: Any, patch: Any) -> bool:
    """Return True where a merge patch would change nothing."""
    if not isinstance(patch, Mapping):
        return bool(thing == patch)
    if not isinstance(thing, Mapping):
        return False
    return all(name not in thing if wanted is None else _has(thing.get(name), wanted) for name, wanted in patch.items())


_MADE: Final[Mapping[Do, Callable[[Hook, Found, Mark], Request | Refusal]]] = {
    "restart": _restart,
    "evict": _evict,
    "scale": _scale,
    "cordon": _cordon,
    "uncordon": _uncordon,
    "patch": _patch,
    "run-job": _run_job,
}

"""An API server of ours for what a real one cannot be made to do at will: silence, odd lists, refusals, lost history.

Faithful to https://kubernetes.io/docs/reference/using-api/api-concepts in what it has: discovery of a group's version,
pages that show one moment, watches with bookmarks and `timeoutSeconds`, 410 as a status and within a stream. It lives
in a thread; tests change it from theirs.
"""

import asyncio
import base64
import copy
import json
import threading
import time
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.support.servers import live

Thing = dict[str, Any]
KINDS = {
    "/api/v1": {"Event": ("events", True), "Pod": ("pods", True), "Node": ("nodes", False)},
    "/apis/apps/v1": {"Deployment": ("deployments", True)},
    "/apis/example.com/v1": {"Oddity": ("oddities-of-all-kinds", True)},
}
TOKEN = "good-token"  # noqa: S105 - of this server alone
_PAUSE = 0.005


@dataclass
class StandIn:
    """The app, and what tests set: `refuse` maps a path to a status, `silent` stops every watch from saying anything.

    `cut` ends each list after so many bytes, `pause` stops in its middle for so many seconds; `sorted_lists` writes
    lists as those of custom resources are written.
    """

    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    refuse: dict[str, int] = field(default_factory=dict)
    retry_after: str = ""
    silent: bool = False
    cut: int = 0
    pause: float = 0.0
    sorted_lists: bool = False
    requests: list[str] = field(default_factory=list)
    watching: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._version = 1000
        self._things: dict[tuple[str, str, str], Thing] = {}
        self._history: list[tuple[int, str, Thing, str]] = []
        self._oldest = 0
        self._pages: dict[str, tuple[str, list[Thing]]] = {}

    def put(self, path: str, name: str, namespace: str = "shop", **content: Any) -> Thing:
        """Create or change an object."""
        with self._lock:
            before = self._things.get((path, namespace, name))
            self._version += 1
            metadata = {"name": name, "uid": before["metadata"]["uid"] if before else str(uuid.uuid4())}
            metadata |= {"namespace": namespace} if namespace else {}
            thing = {"metadata": {**metadata, "resourceVersion": str(self._version)}, **content}
            self._things[path, namespace, name] = thing
            self._history.append((self._version, "MODIFIED" if before else "ADDED", thing, path))
            return copy.deepcopy(thing)

    def delete(self, path: str, name: str, namespace: str = "shop") -> None:
        """Delete an object."""
        with self._lock:
            thing = copy.deepcopy(self._things.pop((path, namespace, name)))
            self._version += 1
            thing["metadata"]["resourceVersion"] = str(self._version)
            self._history.append((self._version, "DELETED", thing, path))

    def forget_history(self, *, to: int = 0, pages: bool = False) -> None:
        """Do as after a compaction: no watch goes on from before now, or `to`, nor, with `pages`, does a list."""
        with self._lock:
            self._version += 1
            self._oldest = to or self._version
            if pages:
                self._pages.clear()

    @property
    def version(self) -> str:
        """Return the newest version."""
        return str(self._version)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        path = scope["path"]
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        self.requests.append(f"{path}?{scope['query_string'].decode()}")
        headers = dict(scope["headers"])
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        status = 401 if token not in self.tokens else self.refuse.get(path, 200)
        if status != 200:
            await self._answer(send, {"kind": "Status", "code": status}, status)
        elif path in KINDS:
            found = [{"name": name, "kind": kind, "namespaced": many} for kind, (name, many) in KINDS[path].items()]
            status_of = {"name": f"{found[0]['name']}/status", "kind": found[0]["kind"], "namespaced": True}
            await self._answer(send, {"kind": "APIResourceList", "resources": [status_of, *found]})
        elif not any(path == f"{group}/{name}" for group, kinds in KINDS.items() for name, _ in kinds.values()):
            await self._answer(send, {"kind": "Status", "code": 404}, 404)
        elif query.get("watch"):
            await self._watch(path, query, receive, send)
        else:
            await self._list(path, query, send)

    async def _list(self, path: str, query: dict[str, str], send: Any) -> None:
        with self._lock:
            if "continue" in query:
                page = self._pages.get(query["continue"])
            else:
                there = [self._things[key] for key in sorted(self._things) if key[0] == path]
                page = (str(self._version), [thing for thing in there if _selected(thing, query)])
            if page is None:
                await self._answer(send, {"kind": "Status", "code": 410, "reason": "Expired"}, 410)
                return
            version, things = page
            limit = int(query.get("limit", len(things) or 1))
            rest = things[limit:]
            following = base64.b64encode(f"{path} {version} {len(rest)}".encode()).decode() if rest else ""
            if rest:
                self._pages[following] = (version, rest)
        said = {"resourceVersion": version, **({"continue": following} if rest else {})}
        kind = next(kind for kinds in KINDS.values() for kind, (name, _) in kinds.items() if path.endswith(f"/{name}"))
        listed: Thing = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": said, "items": things[:limit]}
        await self._answer(send, listed if not self.sorted_lists else dict(sorted(listed.items())))

    async def _watch(self, path: str, query: dict[str, str], receive: Any, send: Any) -> None:
        since, end = int(query["resourceVersion"]), time.monotonic() + int(query["timeoutSeconds"])
        if since < self._oldest and self.refuse.get("expired") == 410:
            await self._answer(send, {"kind": "Status", "code": 410}, 410)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        self.watching += 1
        told = since
        gone = asyncio.create_task(_gone(receive))
        try:
            while time.monotonic() < end and not gone.done():
                if since < self._oldest:
                    lost = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
                    await _line(send, {"type": "ERROR", "object": lost})
                    break
                with self._lock:
                    news = [] if self.silent else [item for item in self._history if item[0] > since]
                    newest = self._version
                for version, kind, thing, place in news:
                    since = version
                    if place == path and _selected(thing, query):
                        told = version
                        await _line(send, {"type": kind, "object": thing})
                if not self.silent and newest > told:
                    since = told = newest
                    mark = {"kind": "X", "metadata": {"resourceVersion": str(newest), "creationTimestamp": None}}
                    await _line(send, {"type": "BOOKMARK", "object": mark})
                await asyncio.sleep(_PAUSE)
            if self.silent and not gone.done():
                await gone  # it has gone without a word: it does not end the stream either
        finally:
            self.watching -= 1
            gone.cancel()
        if not gone.done() or gone.cancelled():
            await send({"type": "http.response.body", "body": b""})

    async def _answer(self, send: Any, value: Thing, status: int = 200) -> None:
        body = json.dumps(value).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if self.retry_after:
            headers.append((b"retry-after", self.retry_after.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if self.cut and value.get("items") is not None:
            await send({"type": "http.response.body", "body": body[: self.cut], "more_body": True})
            raise ConnectionError("the server dies in the middle of a list")
        if self.pause and value.get("items") is not None:
            await send({"type": "http.response.body", "body": body[:100], "more_body": True})
            await asyncio.sleep(self.pause)
            body = body[100:]
        await send({"type": "http.response.body", "body": body})


def _selected(thing: Thing, query: dict[str, str]) -> bool:
    left_out = query.get("fieldSelector", "").removeprefix("metadata.namespace!=")
    return not left_out or thing["metadata"].get("namespace", "") != left_out


async def _line(send: Any, event: Thing) -> None:
    await send({"type": "http.response.body", "body": json.dumps(event).encode() + b"\n", "more_body": True})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""One page of a list, cut into its objects as it comes: neither the page nor the list is ever held."""

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson

from shared.cluster.api import Api, ApiError
from shared.cluster.kinds import Resource
from shared.events.json_items import Cutter

LIMIT = 500
MAX_OBJECT = 4 * 1024 * 1024  # the API server keeps none of more than 1.5 MiB, and JSON is larger than what it keeps
_TAIL = 64 * 1024  # the token that continues a list holds a key of at most some hundred bytes
# Lists of custom resources are written in the order of the alphabet: what they say of themselves comes last.
_LAST = re.compile(rb'"metadata"\s*:\s*(\{[^{}]*\})\s*(?:,\s*"[A-Za-z]+"\s*:\s*"[^"]*"\s*)*\}\s*\Z')


class Page:
    """One page. What it says of itself (`version`, `following`) is there once `objects` has ended."""

    def __init__(self, api: Api, resource: Resource, selector: str, following: str = "") -> None:
        """`selector` is a field selector; `following` is what the page before gave."""
        self.version = ""
        self.following = ""
        self.unreadable = 0
        self._api = api
        self._path = resource.path
        self._kind = resource.kind
        self._params: dict[str, str | int] = {"limit": LIMIT}
        if selector:
            self._params["fieldSelector"] = selector
        if following:
            self._params["continue"] = following

    async def objects(self, seconds: float) -> AsyncGenerator[tuple[dict[str, Any], int]]:
        """Yield each object, as a watch would send it, and its size in bytes. Raises ApiError."""
        cutter = Cutter(MAX_OBJECT)
        tail = b""
        async with self._api.open(self._path, self._params, seconds=seconds) as answer:
            async for piece in answer.pieces():
                tail = (tail + piece)[-_TAIL:]
                for item in cutter.feed(piece):
                    found = self._whole(item.body)
                    if found is not None:
                        yield found, len(item.body)
        for _ in cutter.end():
            pass
        self._end(cutter, tail)

    def _whole(self, body: bytes) -> dict[str, Any] | None:
        """Return an object with what its list does not repeat."""
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            self.unreadable += 1
            return None
        return {"kind": self._kind.name, "apiVersion": self._kind.api_version, **found}

    def _end(self, cutter: Cutter, tail: bytes) -> None:
        said: Any = cutter.head.get("metadata")
        if not isinstance(said, Mapping):
            last = _LAST.search(tail)
            said = orjson.loads(last[1]) if last is not None else None
        if cutter.broken or not isinstance(said, Mapping) or not said.get("resourceVersion"):
            raise ApiError("broken", "the answer is no complete list")
        self.version = str(said["resourceVersion"])
        self.following = str(said.get("continue") or "")

"""What a watch says, line by line (https://kubernetes.io/docs/reference/using-api/api-concepts)."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, NamedTuple

import orjson

from shared.cluster.api import Api, ApiError, error_of
from shared.cluster.kinds import Resource
from shared.cluster.pages import MAX_OBJECT
from shared.events.json_items import Lines
from shared.events.model import Operation

_PATIENCE = 5.0
_OPERATIONS: Mapping[str, Operation] = {"ADDED": "add", "MODIFIED": "update", "DELETED": "delete"}


class Change(NamedTuple):
    """What happened to an object, whose state this is; `size` in bytes, as it came."""

    operation: Operation
    thing: dict[str, Any]
    size: int

    @property
    def uid(self) -> str:
        """Return what tells objects apart: the uid, or the name of what has none."""
        metadata = self._metadata
        found = metadata.get("uid")
        return found if isinstance(found, str) and found else f"{self.namespace}/{self.name}"

    @property
    def version(self) -> str:
        """Return the resourceVersion."""
        return str(self._metadata.get("resourceVersion") or "")

    @property
    def namespace(self) -> str:
        """Return the namespace, empty where there is none."""
        return str(self._metadata.get("namespace") or "")

    @property
    def name(self) -> str:
        """Return the name."""
        return str(self._metadata.get("name") or "")

    @property
    def _metadata(self) -> Mapping[str, Any]:
        found = self.thing.get("metadata")
        return found if isinstance(found, dict) else {}


class Said(NamedTuple):
    """What came at once: changes in their order, and the version up to which nothing is missing then, where it moved.

    `too_large` is the number of those that were larger than anything that we read.
    """

    changes: list[Change]
    version: str = ""
    too_large: int = 0


async def changes(api: Api, resource: Resource, version: str, selector: str, *, seconds: int) -> AsyncGenerator[Said]:
    """Yield what a watch says from a version on, until the server ends it after so many seconds.

    Raises ApiError: `expired` where the version is too old, also where the stream says so.
    """
    params: dict[str, str | int] = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": seconds,
    }
    if selector:
        params["fieldSelector"] = selector
    lines = Lines(MAX_OBJECT)
    # A server that has gone without a word does not end the stream in time either.
    async with api.open(resource.path, params, seconds=seconds + min(_PATIENCE, seconds)) as answer:
        yield Said([])
        async for piece in answer.pieces():
            items = list(lines.feed(piece))
            said = [_read(item.body) for item in items if not item.too_large]
            found = [one for one in said if isinstance(one, Change)]
            marks = [one if isinstance(one, str) else one.version for one in said]
            yield Said(found, marks[-1] if marks else "", len(items) - len(said))


def _read(line: bytes) -> Change | str:
    """Return a change, or the version of a bookmark. Raises ApiError."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        event = None
    thing = event.get("object") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(thing, dict):
        raise ApiError("broken", "the stream holds what is no event")
    kind = str(event.get("type"))
    operation = _OPERATIONS.get(kind)
    if operation is not None:
        return Change(operation, thing, len(line))
    if kind == "BOOKMARK":
        return Change("update", thing, 0).version
    code = thing.get("code")
    raise error_of(code if isinstance(code, int) else 0, str(thing.get("reason") or "the stream ended in an error"))

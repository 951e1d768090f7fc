"""`_bulk`: pairs of lines, each answered for itself, in the order in which they came."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

_ACTIONS = frozenset({"create", "index", "update", "delete"})
_NAME = re.compile(r"[^A-Z\\/*?\"<>| ,#:]{1,255}")
_LONGEST_ID = 512


class BulkError(Exception):
    """The whole request is refused: type and reason of the error, with status 400."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Item:
    """One action with its source; `raw` is the source as it came, `source` None where it is no JSON object."""

    action: str
    index: str
    id: str
    raw: bytes
    source: dict[str, Any] | None


def items(body: bytes, default_index: str) -> Iterator[Item]:
    """Yield the items of a bulk body. Raises BulkError where the original refuses the whole of it."""
    if not body:
        raise BulkError("parse_exception", "request body is required")
    if not body.endswith(b"\n"):
        raise BulkError("illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]")
    lines = iter(body.split(b"\n")[:-1])
    number = 0
    for line in lines:
        number += 1
        if not line.strip():
            continue
        action, told = _action(line, number)
        index = told.get("_index", default_index)
        name = told.get("_id")
        if not isinstance(index, str) or not index:
            raise BulkError("action_request_validation_exception", "Validation Failed: 1: index is missing;")
        if name is not None and len(str(name).encode()) > _LONGEST_ID:
            raise BulkError("action_request_validation_exception", "Validation Failed: 1: id is too long;")
        number += 1
        raw = b"" if action == "delete" else next(lines, None)
        if raw is None:
            return  # the original passes over a last action without its source
        yield Item(action, index, "" if name is None else str(name), raw, _source(raw))


def is_name(index: str) -> bool:
    """Return True for what an index or a data stream may be called."""
    return _NAME.fullmatch(index) is not None and index[0] not in "-_+" and index not in {".", ".."}


def _action(line: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        told = None
    if isinstance(told, dict) and len(told) == 1:
        ((action, inner),) = told.items()
        if action in _ACTIONS and isinstance(inner, dict):
            return action, inner
    raise BulkError("illegal_argument_exception", f"Malformed action/metadata line [{number}]")


def _source(raw: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None

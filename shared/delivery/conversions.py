"""What a field's `type` makes of its value."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from shared.delivery.printing import as_json


def _number(value: Any) -> int | float:
    if isinstance(value, int | float):
        return value
    return float(value) if "." in value or "e" in value.lower() else int(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return (
        {"true": True, "false": False}[str(value).lower()] if str(value).lower() in {"true", "false"} else bool(value)
    )


def _list(value: Any) -> list[Any]:
    """Return a list as it is, and a text as the list of its lines, without empty and repeated ones."""
    if isinstance(value, list):
        return value
    return list(dict.fromkeys(line.strip() for line in str(value).splitlines() if line.strip()))


TYPES: Final[dict[str, Callable[[Any], Any] | None]] = {
    "text": None,
    "number": _number,
    "boolean": _truth,
    "list": _list,
    "json-text": as_json,
    "json": orjson.loads,
}

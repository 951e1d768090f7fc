"""What a field's `type` makes of its value."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from shared.delivery.printing import as_json


def _number(value: Any) -> int | float:
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        raise TypeError("an object or a list is no number")
    return float(value) if "." in value or "e" in value.lower() else int(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return (
        {"true": True, "false": False}[str(value).lower()] if str(value).lower() in {"true", "false"} else bool(value)
    )


def _list(value: Any) -> list[Any]:
    """Return a list as it is, a text as its lines, without empty and repeated ones, and anything else alone in one."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        return [value]
    return list(dict.fromkeys(line.strip() for line in value.splitlines() if line.strip()))


TYPES: Final[dict[str, Callable[[Any], Any] | None]] = {
    "text": None,
    "number": _number,
    "boolean": _truth,
    "list": _list,
    "json-text": as_json,
    "json": orjson.loads,
}


def converts(convert: Callable[[Any], Any] | None, value: Any) -> bool:
    """Return True where a value can have the type, as one that a mapping writes down."""
    try:
        if convert is not None:
            convert(value)
    except (TypeError, ValueError):
        return False
    return True

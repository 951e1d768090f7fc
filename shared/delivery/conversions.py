"""What a field's `type` makes of its value."""

from collections.abc import Callable
from typing import Any, Final


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
    return value if isinstance(value, list) else [value]


TYPES: Final[dict[str, Callable[[Any], Any] | None]] = {
    "text": None,
    "number": _number,
    "boolean": _truth,
    "list": _list,
}

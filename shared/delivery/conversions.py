"""What a field's `type` makes of its value."""

from collections.abc import Callable
from typing import Any, Final


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


TYPES: Final[dict[str, Callable[[Any], Any] | None]] = {"text": None, "number": _number, "boolean": _truth}


def converts(convert: Callable[[Any], Any] | None, value: Any) -> bool:
    """Return True where a value can have the type, as one that a mapping writes down."""
    try:
        return convert is None or convert(value) is not None
    except (TypeError, ValueError):
        return False

"""CESQL's casts between its three types; None where there is none (spec §3.7)."""

import re

from shared.local.broker.cesql.tree import Value

_INTEGER = re.compile(r"[+-]?\d+")
_LOWEST, _HIGHEST = -(2**31), 2**31 - 1


def to_integer(value: Value) -> int | None:
    """Return a value as an Integer: true is 1; of texts those of digits that fit into 32 bits."""
    if not isinstance(value, str):
        return int(value)
    if not _INTEGER.fullmatch(value):
        return None
    number = int(value)
    return number if _LOWEST <= number <= _HIGHEST else None


def to_boolean(value: Value) -> bool | None:
    """Return a value as a Boolean: every number but 0 is true; of texts `true` and `false`, in any case."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value != 0


def to_string(value: Value) -> str:
    """Return a value as a String; this cast always exists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def wrapped(number: int) -> int:
    """Return what 32 bits keep of a number."""
    return (number - _LOWEST) % 2**32 + _LOWEST

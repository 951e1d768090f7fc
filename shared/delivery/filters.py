"""The filters that mapping templates may use: a fixed list, each bounded by what it is given."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from jinja2.runtime import Undefined
from pydantic import BaseModel

_MAX_RESULT = 131_072
_MAX_ITEMS = 1_000
_MAX_JSON = 1_048_576  # members, and characters of all of them: four times the largest original


def show(value: Any) -> Any:
    """Return how a value is printed: nothing for None, `true`, ISO time in UTC, JSON for what has members."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, BaseModel | dict | list | tuple):
        return as_json(value)
    if isinstance(value, str | int | float | Undefined):
        return value
    raise TypeError("this cannot be printed")


def as_json(value: Any) -> str:
    """Return the value as compact JSON; models by their members. Raises ValueError for what would be too long."""
    _weigh(value)
    return orjson.dumps(value, default=_member).decode()


def duration(value: Any) -> str:
    """Return a duration (timedelta or seconds) for people, its two largest units: `2 h 5 min`."""
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    seconds = max(0, seconds)
    parts = [
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    ]
    first = next((index for index, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    return " ".join(f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount) or "0 s"


def _weigh(value: Any) -> None:
    """Raise ValueError before a list that names one long text a thousand times becomes that long."""
    left = _MAX_JSON
    waiting = [value]
    while waiting:
        one = waiting.pop()
        members = one.__dict__ if isinstance(one, BaseModel) else one
        left -= len(members) + 1 if isinstance(members, str | dict | list | tuple) else 1
        if left < 0:
            raise ValueError("the result would be too long")
        if isinstance(members, dict):
            waiting.extend(members)
            waiting.extend(members.values())
        elif isinstance(members, list | tuple):
            waiting.extend(members)


def _member(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)


def _text(value: Any) -> str:
    _defined(value)
    return str(show(value))


def _defined(value: Any) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises: StrictUndefined


def _default(value: Any, fallback: Any = "") -> Any:
    return fallback if isinstance(value, Undefined) or value is None or value == "" else value


def _replace(value: Any, old: str, new: str) -> str:
    text = _text(value)
    if not old or len(text) + text.count(old) * len(new) > _MAX_RESULT:
        raise ValueError("the result would be too long")
    return text.replace(old, new)


def _join(value: Iterable[Any], separator: str = "") -> str:
    _defined(value)
    parts = [_text(part) for part in islice(value, _MAX_ITEMS)]
    if sum(map(len, parts)) + len(separator) * len(parts) > _MAX_RESULT:
        raise ValueError("the result would be too long")
    return separator.join(parts)


def _truncate(value: Any, length: int) -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


def _indent(value: Any, width: int = 2) -> str:
    lines = _text(value).split("\n")
    width = max(0, min(width, 16))
    if sum(map(len, lines)) + (width + 1) * len(lines) > _MAX_RESULT:
        raise ValueError("the result would be too long")
    return ("\n" + " " * width).join(lines)


def _minus(later: Any, earlier: Any) -> timedelta:
    _defined(later)
    _defined(earlier)
    result: timedelta = later - earlier
    return result


def _epoch(value: Any) -> str:
    _defined(value)
    return f"{value.timestamp():.3f}"


def _first(value: Iterable[Any]) -> Any:
    for one in value:
        return one
    raise ValueError("there is none")  # StopIteration would end the template as an error of ours


def _get(value: Any, name: str, fallback: Any = "") -> Any:
    _defined(value)
    return value.get(name, fallback) if isinstance(value, Mapping) else fallback


def _int(value: Any) -> int:
    _defined(value)
    return int(value)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "duration": duration,
    "epoch": _epoch,
    "first": _first,
    "get": _get,
    "indent": _indent,
    "int": _int,
    "join": _join,
    "json": as_json,
    "last": lambda value: value[-1],
    "length": len,
    "lower": lambda value: _text(value).lower(),
    "minus": _minus,
    "replace": _replace,
    "string": _text,
    "time": show,
    "title": lambda value: _text(value).title(),
    "trim": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: _text(value).upper(),
}

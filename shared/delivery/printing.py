"""How the values of events are printed, in templates and in fields that are taken over; imports no template engine."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import BaseModel

from shared.events.times import to_seconds

_MAX_JSON = 1_048_576  # members, and characters of all of them: four times the largest original


def show(value: Any) -> Any:
    """Return how a value is printed: nothing for None, `true`, ISO time in UTC, JSON for what has members."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return to_seconds(value)
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, BaseModel | dict | list | tuple):
        return as_json(value)
    if isinstance(value, str | int | float):
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

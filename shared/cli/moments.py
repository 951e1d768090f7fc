"""Times as people give them to a command: a time, how long it is ago, or how long something is."""

import re
from datetime import UTC, datetime, timedelta

from shared.cli.output import fail
from shared.events.times import parse_time

_SPAN = re.compile(r"(\d{1,6})([smhdwy])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 366 * 86_400}  # no year is longer than that


def moment(text: str, option: str) -> datetime | None:
    """Return the time of an option, None for an empty text; what is no time ends the command with a sentence."""
    if not text:
        return None
    found = _read(text)
    if found is None:
        fail(f"{option}: {text!r} is no time: write 2026-03-01T12:00:00Z, or 2h for two hours ago", code=2)
    return found


def span(text: str, option: str) -> timedelta:
    """Return how long 12h, 7d or 7y is; what is no span, or none at all, ends the command with a sentence."""
    found = _span(text)
    if not found:
        fail(f"{option}: {text!r} is no span of time: write 12h, 7d or 7y", code=2)
    return found


def _read(text: str) -> datetime | None:
    ago = _span(text)
    if ago is None:
        return parse_time(text)
    try:
        return datetime.now(UTC) - ago
    except OverflowError:  # before the first of all years
        return None


def _span(text: str) -> timedelta | None:
    found = _SPAN.fullmatch(text)
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None

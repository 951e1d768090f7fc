"""Times as people give them to a command: a time, or how long it is ago."""

import re
from datetime import UTC, datetime, timedelta

from shared.cli.output import fail
from shared.events.times import parse_time

_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, option: str) -> datetime | None:
    """Return the time of an option, None for an empty text; what is no time ends the command with a sentence."""
    if not text:
        return None
    found = _read(text)
    if found is None:
        fail(f"{option}: {text!r} is no time: write 2026-03-01T12:00:00Z, or 2h for two hours ago", code=2)
    return found


def _read(text: str) -> datetime | None:
    ago = _AGO.fullmatch(text)
    if ago is None:
        return parse_time(text)
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    except OverflowError:  # before the first of all years
        return None

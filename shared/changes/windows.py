"""Times at which changes are planned: `Sat 22:00-02:00 Europe/Paris`, several separated by `;`.

    WINDOW := [DAYS] HH:MM-HH:MM [ZONE]
    DAYS   := DAY | DAY-DAY | DAY,DAY,...

Without days it is every day, without a zone UTC. A window that ends at or before its beginning ends on the next day,
and belongs to the day on which it begins.
"""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from shared.events.problem import did_you_mean
from shared.events.times import zone

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM = re.compile(r"(?:(?P<days>[A-Za-z,-]+)\s+)?(?P<begin>\d\d?:\d\d)-(?P<end>\d\d?:\d\d)(?:\s+(?P<zone>\S+))?")
_DAY_MINUTES = 24 * 60
_LIKE = "write it as Sat 22:00-02:00 Europe/Paris"


class Window(NamedTuple):
    """`days` are numbers from 0 for Monday; `begin` and `end` minutes of the day, `end` beyond 1440 on the next."""

    text: str
    days: frozenset[int]
    begin: int
    end: int
    zone: tzinfo

    def holds(self, moment: datetime) -> bool:
        """Return True where a moment lies in the window: its beginning is in, its end is not."""
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if local.weekday() in self.days and self.begin <= minute < self.end:
            return True
        before = (local - timedelta(days=1)).weekday()
        return before in self.days and minute + _DAY_MINUTES < self.end


def parse_windows(value: str) -> tuple[Window, ...]:
    """Read windows. Raises ValueError that says which one is wrong, and how to write it."""
    return tuple(_parse(part.strip()) for part in value.split(";") if part.strip())


def window_at(windows: tuple[Window, ...], moment: datetime) -> Window | None:
    """Return the first window that holds the moment."""
    return next((window for window in windows if window.holds(moment)), None)


def _parse(part: str) -> Window:
    found = _FORM.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is no change window: {_LIKE}")
    begin, end = _minutes(found["begin"], part), _minutes(found["end"], part)
    if end <= begin:
        end += _DAY_MINUTES
    return Window(part, _days(found["days"], part), begin, end, _zone(found["zone"] or "UTC", part))


def _minutes(text: str, part: str) -> int:
    hours, minutes = (int(number) for number in text.split(":"))
    if minutes >= 60 or hours * 60 + minutes > _DAY_MINUTES:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(f"{part!r}: {text} is no time of day: write 00:00 to 24:00")
    return hours * 60 + minutes


def _days(text: str | None, part: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        begin = _day(first, part)
        end = _day(last, part) if dash else begin
        found |= {day % 7 for day in range(begin, end + (1 if end >= begin else 8))}
    return frozenset(found)


def _day(name: str, part: str) -> int:
    if name.capitalize() not in _DAYS:
        raise ValueError(f"{part!r}: {name!r} is no day: {did_you_mean(name, _DAYS)}")
    return _DAYS.index(name.capitalize())


def _zone(name: str, part: str) -> tzinfo:
    if name in {"UTC", "Z"}:
        return timezone.utc  # noqa: UP017 - a tzinfo as any other, without the zone database
    try:
        return zone(name)
    except ValueError:
        raise ValueError(f"{part!r}: {name!r} is no time zone known here: write one as Europe/Paris, or UTC") from None

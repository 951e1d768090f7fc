"""Times as RFC 3339 text: what Kubernetes and CloudEvents write, read without raising."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

import orjson

# All that may be written, which is rare: compiled when it is met, and kept by `re`.
_RFC3339 = r"(?a)^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:([Zz])|([+-])(\d\d):(\d\d))\Z"
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_LEAP_SECOND = 60
_OF_UTC = b'Z"'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(value: Any) -> datetime | None:
    """Return the time in UTC, or None where the value is no RFC 3339 timestamp of the years 1 to 9999.

    Nanoseconds, which Go writes, are cut to microseconds; a leap second becomes the second before it.
    """
    if not isinstance(value, str):
        return None
    if _USUAL.fullmatch(value):
        try:
            return datetime.fromisoformat(value)  # a tenth of the cost; it would take much that is no RFC 3339
        except ValueError:
            pass  # a leap second, or no such day
    found = re.match(_RFC3339, value)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction = int((found[7] or "").ljust(6, "0")[:6])
    second -= second == _LEAP_SECOND
    try:
        zone: timezone = UTC
        if not found[8]:
            offset = timedelta(hours=int(found[10]), minutes=int(found[11]))
            zone = timezone(-offset if found[9] == "-" else offset)
        return datetime(year, month, day, hour, minute, second, fraction, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def of_milliseconds(value: float) -> datetime:
    """Return the time that is so many milliseconds after 1970 began, and that beginning for what no date can have.

    Whoever wrote the number may have meant anything by it: one absurd time must not end what reads the others.
    """
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return _EPOCH


def to_text(value: datetime) -> str:
    """Return RFC 3339 in UTC with a Z, without a fraction where it is zero."""
    return _written(value, orjson.OPT_UTC_Z)


def to_seconds(value: datetime) -> str:
    """Return the same without any fraction."""
    return _written(value, orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)


def _written(value: datetime, option: int) -> str:
    text = orjson.dumps(value, option=option)  # a fifth of what `isoformat` costs
    if not text.endswith(_OF_UTC):
        text = orjson.dumps(value.astimezone(UTC), option=option)
    return text[1:-1].decode()


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name. Raises ValueError where there is none."""
    from zoneinfo import ZoneInfo  # of no use to a start

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"no time zone {name!r}") from error

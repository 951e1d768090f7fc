"""An event's time as the Kafka data plane, which is Java, writes it where a filter looks at it. Times are in UTC."""

from datetime import datetime

_MILLI = 1_000


def as_instant(time: datetime) -> str:
    """Return a time as `exact`, `prefix` and `suffix` compare it (ISO_INSTANT): as `2026-01-02T03:04:05.250Z`."""
    return f"{time:%Y-%m-%dT%H:%M:%S}{_fraction(time)}Z"


def as_offset(time: datetime) -> str:
    """Return a time as CESQL sees it (OffsetDateTime.toString): at a full minute as `2026-01-02T03:04Z`."""
    seconds = ":%S" if time.second or time.microsecond else ""
    return f"{time:%Y-%m-%dT%H:%M}{time.strftime(seconds)}{_fraction(time)}Z"


def _fraction(time: datetime) -> str:
    """Return as many groups of three digits as are needed."""
    if not time.microsecond:
        return ""
    if time.microsecond % _MILLI:
        return f".{time.microsecond:06}"
    return f".{time.microsecond // _MILLI:03}"

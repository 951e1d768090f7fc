"""Times in which tickets are quiet: once, or again and again by a cron schedule in a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.events.times import parse_time, zone

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` to `to` (seconds), or with a `schedule` for `duration` seconds from each of its times on."""

    name: str
    why: str = ""
    begin: float = 0.0
    to: float = 0.0
    schedule: str = ""
    duration: float = 0.0
    timezone: str = "UTC"

    def end(self, now: float) -> float | None:
        """Return when what is in force at `now` ends; None where nothing is."""
        if not self.schedule:
            return self.to if self.begin <= now < self.to else None
        started = last_start(self.schedule, self.timezone, int(now // _MINUTE))
        return started + self.duration if started is not None and now < started + self.duration else None


@lru_cache(maxsize=1024)
def last_start(schedule: str, timezone: str, minute: int) -> float | None:
    """Return the latest time of a schedule not after a minute (since 1970), None where there is none in 50 years.

    As Debian's cron has it where clocks change: a time that is skipped comes right after the gap, one that there is
    twice comes the first time only; with a star for the minute or the hour each time that there is counts.
    """
    from cronsim import CronSim  # only where there is a schedule

    now = datetime.fromtimestamp(minute * _MINUTE, UTC).astimezone(zone(timezone))
    # One step back from the minute after it; a time in the hour that is there twice may lie ahead of where that leads.
    back = next(CronSim(schedule, _later(now, 1), reverse=True), None)
    if back is None:
        return None
    *_, last = _from(back, CronSim(schedule, back), now)
    return last.timestamp()


def _from(first: datetime, others: Iterator[datetime], now: datetime) -> Iterator[datetime]:
    yield first
    for other in others:
        if other.timestamp() > now.timestamp():
            return
        yield other


def _later(time: datetime, minutes: int) -> datetime:
    return (time.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(time.tzinfo)


def moment(written: str, timezone: str) -> float | None:
    """Return the seconds of an RFC 3339 time, or of a local one as `2026-12-24 18:00`; None for neither."""
    exact = parse_time(written)
    if exact is not None:
        return exact.timestamp()
    try:
        local = datetime.fromisoformat(written)
    except ValueError:
        return None
    return local.replace(tzinfo=zone(timezone)).timestamp() if local.tzinfo is None else None

"""A simulated day: 200,000 events in 24 hours by a clock that is moved; nothing may grow that retention does not allow.

`python -m tests.endurance.day [--events N] [--hours H] [--seed S]`; prints a line an hour and exits with 1 where
something grew, was lost, was told twice, or where it took longer than ten minutes.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median

import uvloop

from shared.events.cloudevent import CloudEvent
from tests.endurance.generated import events
from tests.endurance.simulated import Simulated, simulated

_START = 1_767_225_600.0  # 2026-01-01, a midnight
_DAY = 86_400.0
# What is kept for 90, 8 and 2 days (claims, closed episodes, marks of what ended) shall end in the middle of the day.
_EARLIER = tuple(_START + (0.5 - days) * _DAY for days in (90, 8, 2))
_KEEP = 10_000  # the broker's own default
_STEP = 10.0  # simulated seconds between looks at the clock
_AHEAD = 400  # events that may wait before the day goes on
_MARGIN_MIB = 24.0
_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What there is at the end of one simulated hour. Sizes are in MiB, with the WAL beside each file."""

    hour: float
    posted: int
    rss: float
    files: int
    broker: float
    state: float
    rows: int
    expired: int
    splunk: int
    tickets: int
    seconds: float


def main(arguments: list[str]) -> int:
    """Run the day, print what became of it, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.day", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    print("  ".join(f"{field.name:>8}" for field in fields(Sample)), flush=True)  # noqa: T201
    with (
        tempfile.TemporaryDirectory(prefix="day-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # the loop that `tidings up` has
    ):
        day = run(Path(folder), options.events, options.hours, options.seed, show=True)
        samples, problems = runner.run(day)
    problems += judge(samples)
    for problem in problems:
        print(f"MISSED: {problem}")  # noqa: T201
    print("not as it should be: see above" if problems else "nothing grew, nothing was lost, nothing came twice")  # noqa: T201
    return 1 if problems else 0


async def run(  # noqa: PLR0913 -- a day's measures
    folder: Path, total: int, hours: float, seed: int, *, show: bool = False, keep: int = _KEEP
) -> tuple[list[Sample], list[str]]:
    """Play the day; return a sample an hour and what is wrong with what arrived."""
    samples: list[Sample] = []
    begun = time.monotonic()
    async with simulated(folder, _EARLIER[0], keep) as system:
        posted = 0
        for number, start in enumerate(_EARLIER, 1):  # an hour of long ago
            posted += await _play(system, events(seed + number, start, 1.0, total // 100), start, 1.0)

        def sample(hour: float, more: int) -> None:
            samples.append(_sample(system, hour, posted + more, time.monotonic() - begun))
            _print(samples[-1], show=show)

        posted += await _play(system, events(seed, _START, hours, total), _START, hours, sample)
        problems = arrived(system, posted)
    return samples, problems


async def _play(
    system: Simulated,
    feed: Iterator[tuple[float, CloudEvent]],
    start: float,
    hours: float,
    each_hour: Callable[[float, int], None] | None = None,
) -> int:
    """Jump to `start`, play the events in their time, wait ten minutes for what is held; return how many there were."""
    system.clock.jump(start)
    posted, moved, hour = 0, start, 1
    together: list[CloudEvent] = []  # of one step: they come side by side, as from several senders
    for at, event in feed:
        while at > moved + _STEP:
            posted += await _post(system, together)
            moved += _STEP
            await system.clock.move(moved)
            await system.catch_up(_AHEAD)
            if each_hour is not None and moved >= start + hour * 3600:
                each_hour(float(hour), posted)
                hour += 1
        together.append(event)
    posted += await _post(system, together)
    for step in range(1, 61):
        await system.clock.move(start + hours * 3600 + step * _STEP)
        await system.catch_up()
    if each_hour is not None:
        each_hour(hours, posted)
    return posted


async def _post(system: Simulated, events: list[CloudEvent]) -> int:
    """Have the broker accept these, which are then none; return how many there were."""
    count = len(events)
    if events and await system.broker.accept(tuple(events)) != "accepted":
        raise RuntimeError("events were not accepted")
    events.clear()
    return count


def arrived(system: Simulated, posted: int) -> list[str]:
    """Return what is wrong with what the stand-ins were told."""
    problems: list[str] = []
    if system.splunk.distinct() != posted:
        problems.append(f"{posted} events were posted, Splunk has {system.splunk.distinct()} different ones")
    rows = system.servicenow.records("incident")
    if not rows:
        problems.append("there is no ticket at all")
    if len({row["correlation_id"] for row in rows}) != len(rows):
        problems.append("one episode has two tickets")
    still = [row["number"] for row in rows if row["state"] in {"1", "2"}]
    if still:
        problems.append(f"{len(still)} of {len(rows)} tickets are open although everything has ended")
    dead = sum(status.dead + status.lost for status in system.broker.status())
    if dead:
        problems.append(f"{dead} events became dead letters or were lost")
    return problems


def judge(samples: list[Sample], longest: float = _LONGEST) -> list[str]:
    """Return what grew from the first third of the day to the last, beyond what retention explains.

    The store may grow, for claims are kept for 90 days and closed episodes for 8: by as much as its rows, and none may
    long outlive its end. What the stand-ins hold is what foreign systems hold, and for ever.
    """
    third = max(1, len(samples) // 3)
    first, last = samples[:third], samples[-third:]
    problems: list[str] = []

    def grown(name: str, margin: float) -> None:
        before = median(getattr(sample, name) for sample in first)
        after = median(getattr(sample, name) for sample in last)
        if after > before * 1.1 + margin:
            problems.append(f"{name} grew from {before:.1f} to {after:.1f}")

    grown("rss", _MARGIN_MIB)
    grown("files", 2)
    grown("broker", _MARGIN_MIB)
    most = max(sample.expired for sample in last)
    if most > 1000:
        problems.append(f"{most} rows of the store have expired and are still there")
    before, after = median(per_row(sample) for sample in first), median(per_row(sample) for sample in last)
    if after > before * 1.25:
        problems.append(f"the store's file grew faster than its rows: {before:.0f} to {after:.0f} bytes for each")
    if samples[-1].seconds > longest:
        problems.append(f"it took {samples[-1].seconds:.0f} s")
    return problems


def per_row(sample: Sample) -> float:
    """Return the bytes of the store's files for each row."""
    return sample.state * (1 << 20) / max(1, sample.rows)


def _sample(system: Simulated, hour: float, posted: int, seconds: float) -> Sample:
    rows, expired = _rows(system.data / "state.db", system.clock.now())
    return Sample(
        hour=hour,
        posted=posted,
        rss=_resident(),
        files=len(list(Path("/proc/self/fd").iterdir())),
        broker=_size(system.data / "broker.db"),
        state=_size(system.data / "state.db"),
        rows=rows,
        expired=expired,
        splunk=system.splunk.count(),
        tickets=len(system.servicenow.records("incident")),
        seconds=seconds,
    )


def _print(sample: Sample, *, show: bool) -> None:
    if show:
        cells = (f"{value:8.1f}" if isinstance(value, float) else f"{value:8d}" for value in astuple(sample))
        print("  ".join(cells), flush=True)  # noqa: T201


def _rows(file: Path, now: float) -> tuple[int, int]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        rows, expired = connection.execute("SELECT count(*), total(expires <= ?) FROM entry", (now,)).fetchone()
    return int(rows), int(expired)


def _size(file: Path) -> float:
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / (1 << 20)


def _resident() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

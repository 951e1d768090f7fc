"""One foreign system is away for a while, with events that wait for it; what the other one notices is measured.

The embedded system hosts all functions, as `tidings up` does; the foreign systems are processes of their own.
"""

import asyncio
import contextlib
import json
import sqlite3
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tests.support.harness import watch
from tests.support.harness.judge import Arrived, Expected, cancelled, judge, repeats
from tests.support.harness.processes import BROKER, SERVICENOW, SPLUNK, Pace, Topology, running
from tests.support.harness.producer import Oracle, produce
from tests.support.harness.workload import Post, Workload, workload

How = Literal["refuse", "freeze", "kill"]
_LOOK = 0.02  # seconds between looks into the file of the system that stays
_PART = 0.7  # of a stream is posted before its later part
_SINCE = {
    SPLUNK: "SELECT seq, event_id FROM events WHERE seq > ?",
    SERVICENOW: "SELECT rowid, correlation_id FROM incident WHERE rowid > ?",
}


@dataclass(frozen=True, slots=True)
class Outage:
    """Which system is away, in which way, and for how many seconds; `events` come meanwhile, `problems` among them.

    It answers 503 (`refuse`), says nothing (`freeze`), or its port is closed (`kill`). `how` None: nothing happens.
    `within` seconds after its end everything must be there.
    """

    down: str = SPLUNK
    how: How | None = "refuse"
    seconds: float = 60.0
    events: int = 5000
    problems: int = 150
    seed: int = 1
    within: float = 150.0

    @property
    def other(self) -> str:
        """Return the system that stays."""
        return SERVICENOW if self.down == SPLUNK else SPLUNK


@dataclass(slots=True)
class Report:
    """What came of it; nothing in `wrong` means that all arrived by itself, and once where that can be told.

    `waited` are the seconds in which each event, or problem, reached the system that stayed; `waiting` is how many
    events waited when the outage was over, `drained` how long they took then.
    """

    waited: list[float] = field(default_factory=list)
    waiting: int = 0
    drained: float = 0.0
    repeats: int = 0
    cancelled: int = 0
    wrong: list[str] = field(default_factory=list)


def play(outage: Outage, folder: Path) -> Report:
    """Run it and return what came of it; all processes have ended."""
    return asyncio.run(_play(outage, Topology(folder, Pace(), hosted=True)))


async def _play(outage: Outage, topology: Topology) -> Report:
    report, oracle = Report(), Oracle()
    count = round(outage.events / _PART)
    stream = workload(outage.seed, count, outage.problems, datetime.now(UTC))
    rate = len(stream.posts) / outage.seconds
    with running(topology):
        end = time.monotonic() + 3 * outage.seconds + 2 * outage.within
        if not await watch.until(lambda: watch.listening(topology), end, 0.1):
            raise RuntimeError(f"not everything listens: {topology.tracebacks()}")
        async with _arrivals(topology, outage.other) as arrived:
            async with _away(outage, topology):
                await produce(topology.ports[BROKER], stream.posts, oracle, rate=rate)
                report.waiting = _wanted(outage.down, stream, oracle) - _stored(topology, outage.down)
            begun = time.monotonic()
            if not await watch.until(lambda: _caught_up(topology, stream), begun + outage.within, 0.2):
                report.wrong.append(f"not everything was there {outage.within:.0f} s after the outage")
            report.drained = time.monotonic() - begun
        await produce(topology.ports[BROKER], stream.later, oracle, rate=rate)
        await watch.until(lambda: watch.calm(topology, stream.problems), end)
        letters = await watch.dead_letters(topology)
    records, tickets = topology.records(), topology.tickets()
    report.waited, missing = _waited(outage.other, stream, oracle, arrived)
    report.repeats, report.cancelled = repeats(records), cancelled(tickets)
    expected = Expected(oracle.accepted, oracle.posted, stream.problems)
    report.wrong += [*missing, *oracle.unexpected, *topology.tracebacks()]
    report.wrong += judge(expected, Arrived(records, tickets, letters))
    return report


def _wanted(name: str, stream: Workload, oracle: Oracle) -> int:
    """Return how many records or incidents what was posted so far makes at least."""
    return len(oracle.accepted) if name == SPLUNK else sum(not one.brief for one in stream.problems)


def _stored(topology: Topology, name: str) -> int:
    """Return how many a system has on disk; a frozen one, too, can be read."""
    with contextlib.closing(_file(topology, name)) as file:
        return len(file.execute(_SINCE[name], (0,)).fetchall())


def _file(topology: Topology, name: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{topology.folder / name}?mode=ro", uri=True)


async def _caught_up(topology: Topology, stream: Workload) -> bool:
    return not await watch.waiting(topology) and await watch.told(topology, stream.problems)


@contextlib.asynccontextmanager
async def _away(outage: Outage, topology: Topology) -> AsyncIterator[None]:
    """Take the system away for as long as this lasts."""
    process = topology.processes[outage.down]
    if outage.how == "refuse":
        await _fault(topology.url(outage.down), [{"do": "status", "status": 503, "count": 0}])
    elif outage.how == "freeze":
        process.freeze()
    elif outage.how == "kill":
        process.kill()
    try:
        yield
    finally:
        if outage.how == "refuse":
            await _fault(topology.url(outage.down), [])
        elif outage.how == "freeze":
            process.resume()
        elif outage.how == "kill":
            process.start()


async def _fault(url: str, rules: list[dict[str, object]]) -> None:
    def put() -> None:
        body = json.dumps(rules).encode()
        request = urllib.request.Request(f"{url}/_standin/faults", body, method="PUT")  # noqa: S310 -- ours
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 -- ours

    await asyncio.to_thread(put)


@contextlib.asynccontextmanager
async def _arrivals(topology: Topology, name: str) -> AsyncIterator[dict[str, float]]:
    """Note when what a system has on disk was first seen there, by its identity there. Costs that system nothing."""
    at: dict[str, float] = {}
    with contextlib.closing(_file(topology, name)) as file:
        watching = asyncio.create_task(_look(file, _SINCE[name], at))
        try:
            yield at
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching


async def _look(file: sqlite3.Connection, since: str, at: dict[str, float]) -> None:
    place = 0
    while True:
        now = time.monotonic()
        rows = file.execute(since, (place,)).fetchall()
        for _, identity in rows:
            at.setdefault(identity, now)
        place = rows[-1][0] if rows else place
        await asyncio.sleep(_LOOK)


def _waited(name: str, stream: Workload, oracle: Oracle, arrived: dict[str, float]) -> tuple[list[float], list[str]]:
    """Return how long each was on its way to the system that stayed, and what did not get there while we looked."""
    if name == SPLUNK:
        wanted = {post.identity: oracle.since[post.identity] for post in stream.posts}
        seen = arrived
    else:
        first = _first(stream.posts, _involved)
        wanted = {one.key: oracle.since[first[one.name].identity] for one in stream.problems if not one.brief}
        seen = {identity.rpartition("-")[0]: at for identity, at in arrived.items()}
    missing = len(wanted.keys() - seen.keys())
    waited = [seen[key] - since for key, since in wanted.items() if key in seen]
    return waited, [f"{missing} did not reach {name}"] if missing else []


def _first(posts: Sequence[Post], key: Callable[[Post], str]) -> dict[str, Post]:
    return {key(post): post for post in reversed(posts)}


def _involved(post: Post) -> str:
    return str(json.loads(post.body)["involvedObject"]["name"])

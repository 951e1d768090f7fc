"""Part `up`: the embedded system, foreign systems beside it, the load and the bare app, all on the same cores."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from statistics import median

from shared.events.identity import event_identity
from tests.bench.events import stream, templates, uid
from tests.bench.load import flat_out, steady
from tests.bench.measure import LEAST, MOST, Effort, Row, Wanted, in_turns, percentile
from tests.bench.processes import BARE, BARE_NAME, free_port, running
from tests.bench.upped import Stored, Up, embedded, wait_for

_NAME = "up, foreign systems as processes of their own"
_MARKS = count(100)  # each load has Events of its own
_BASELINE = f"{BARE_NAME}, same load"
_OFFERED = 2100.0  # events a second while what is carried is measured: a little more than must be accepted
_DRAIN = 90.0
_AT_LEAST_CARRIED = Wanted(LEAST, 1200, "ours")


def up(effort: Effort) -> list[Row]:
    """Acceptance, what is carried, latency, memory, and the same while destinations are down or events wait."""
    bare = free_port()
    with running((*BARE, "--port", str(bare)), bare):
        rows = _flat_out(effort, bare)
        rows += _flat_out(effort, bare, storm=True)
        rows += _carried(effort, bare)
        rows += _latencies(effort, bare)
    return rows + _waiting(effort)


def _mark() -> str:
    return f"b{next(_MARKS)}"


def _flat_out(effort: Effort, bare: int, *, storm: bool = False) -> list[Row]:
    """Post as fast as it accepts, a burst at a time, and wait until Splunk has it all before the next."""
    carried: list[float] = []
    seconds = effort.seconds(3.0)
    what = "bursts in a storm" if storm else "bursts"
    with embedded() as system, system.splunk() as stored:

        def accepted() -> float:
            before, begun = stored.count(), time.perf_counter()
            requests = stream(_mark(), storm=storm)
            load = flat_out(system.port, requests, connections=8, seconds=seconds).only(202)
            if not wait_for(stored, before + load.statuses.total(), _DRAIN):
                raise RuntimeError("not every event arrived at Splunk")
            carried.append(load.statuses.total() / (time.perf_counter() - begun))
            system.settled(10)
            return load.rate

        def baseline() -> float:
            return flat_out(bare, stream(_mark()), connections=8, seconds=seconds).only(204).rate

        row = in_turns(
            f"{_NAME}: accepted over 8 connections, {what}",
            _BASELINE,
            "events/s",
            accepted,
            baseline,
            rounds=effort.turns(4),
            wanted=None if storm else Wanted(LEAST, 2000, "ours"),
        )
    name = f"{_NAME}: {what}, from the first post until Splunk has all"
    return [row, Row(name, _BASELINE, row.unit, carried[-len(row.ours) :], row.baseline)]


@dataclass(slots=True)
class _Samples:
    """What was seen of the system, once a second."""

    at: list[float] = field(default_factory=list)
    carried: list[int] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)

    def look(self, system: Up, stored: Stored) -> None:
        self.at.append(time.perf_counter())
        self.carried.append(stored.count())
        self.rss.append(system.process.rss())

    def rates(self, pieces: int) -> list[float]:
        """Return how many events were carried a second, in each of so many pieces of the time."""
        step = max(1, (len(self.at) - 1) // pieces)
        places = range(0, len(self.at) - step, step)
        return [
            (self.carried[place + step] - self.carried[place]) / (self.at[place + step] - self.at[place])
            for place in places
        ]

    def growth(self) -> float:
        """Return the memory of the last third by that of the first."""
        third = max(1, len(self.rss) // 3)
        return median(self.rss[-third:]) / median(self.rss[:third])


def _carried(effort: Effort, bare: int) -> list[Row]:
    """Offer a little more than must be accepted for a minute, and count what Splunk gets meanwhile."""
    seconds = effort.seconds(60.0)
    seen = _Samples()
    before = flat_out(bare, stream(_mark()), connections=8, seconds=2.0).rate
    with embedded() as system, system.splunk() as stored:
        looks = [(1.0, lambda: seen.look(system, stored))]
        load = steady(system.port, stream(_mark()), rate=_OFFERED, connections=8, seconds=seconds, looks=looks)
    after = flat_out(bare, stream(_mark()), connections=8, seconds=2.0).rate
    base = (before + after) / 2
    rates = seen.rates(6)
    what = f"while {_OFFERED:.0f}/s are offered for {seconds:.0f} s over 8 connections"
    return [
        Row(f"{_NAME}: accepted {what}", _BASELINE, "events/s", [load.rate], [base], Wanted(LEAST, 2000, "ours")),
        Row(
            f"{_NAME}: carried to Splunk meanwhile",
            _BASELINE,
            "events/s",
            rates,
            [base] * len(rates),
            _AT_LEAST_CARRIED,
        ),
        Row(f"{_NAME}: most memory meanwhile", "", "MiB", [max(seen.rss)], (), Wanted(MOST, 150, "ours")),
        Row(f"{_NAME}: memory, last third by first third", "", "x", [seen.growth()], (), Wanted(MOST, 1.1, "ours")),
    ]


def _latencies(effort: Effort, bare: int) -> list[Row]:
    """How long an event takes to Splunk at 500/s, and how long its sender waits at 1,000/s, also with all down."""
    arrivals: dict[str, list[float]] = {"50": [], "99": []}
    intake: list[float] = []
    down: list[float] = []
    base_500: list[float] = []
    base_1000: list[float] = []
    seconds = effort.seconds(10.0)
    with embedded() as system, system.splunk() as stored:
        for _ in range(3):
            waits = arrived(system, stored, rate=500, seconds=seconds)
            for percent, values in arrivals.items():
                values.append(percentile(waits, float(percent)) * 1000)
            base_500.append(_p(bare, 500, seconds / 2, 99))
            _drain(system)
            intake.append(_p(system.port, 1000, seconds, 95))
            base_1000.append(_p(bare, 1000, seconds / 2, 95))
            _drain(system)
        for _ in range(3):
            system.destinations_down()
            down.append(_p(system.port, 1000, seconds, 95))
            system.settled(_DRAIN)
    answer = "its answer alone, bare app"
    return [
        Row(f"{_NAME}: event to Splunk at 500/s, p50", "", "ms", arrivals["50"]),
        Row(
            f"{_NAME}: event to Splunk at 500/s, p99", answer, "ms", arrivals["99"], base_500, Wanted(MOST, 250, "ours")
        ),
        Row(f"{_NAME}: acknowledged at 1,000/s, p95", _BASELINE, "ms", intake, base_1000, Wanted(MOST, 200, "ours")),
        Row(
            f"{_NAME}: the same, every destination down, p95",
            _BASELINE,
            "ms",
            down,
            base_1000,
            Wanted(MOST, 200, "ours"),
        ),
    ]


def _p(port: int, rate: float, seconds: float, percent: float) -> float:
    load = steady(port, stream(_mark()), rate=rate, connections=64, seconds=seconds).only(202, 204)
    return percentile(load.waits, percent) * 1000


def _drain(system: Up) -> None:
    if not system.settled(_DRAIN):
        raise RuntimeError("the system does not come to rest")


def arrived(system: Up, stored: Stored, *, rate: float, seconds: float) -> list[float]:
    """Return for each event the seconds from the moment at which it was to be posted until Splunk had it on disk.

    The file is looked at every 4 ms, so each figure is up to that much too large.
    """
    mark = _mark()
    at: dict[str, float] = {}
    place = stored.count()

    def look() -> None:
        nonlocal place
        now = time.time()
        for seq, identity in stored.after(place):
            place = seq
            at[identity] = now

    load = steady(system.port, stream(mark), rate=rate, connections=64, seconds=seconds, looks=[(0.004, look)]).only(
        202
    )
    kept = templates()
    wanted = {
        event_identity(kept[number % len(kept)][0]["ce-cluster"], uid(mark, number), occurrences(number)): due
        for number, due in enumerate(load.due)
    }
    end = time.time() + _DRAIN
    while not wanted.keys() <= at.keys():
        if time.time() > end:
            raise RuntimeError(f"{len(wanted.keys() - at.keys())} of {len(wanted)} events did not arrive")
        time.sleep(0.004)
        look()
    return [at[identity] - due for identity, due in wanted.items()]


def occurrences(number: int) -> int:
    """Return the count of a stream's n-th Event, which is part of its identity."""
    kept = templates()
    _, body = kept[number % len(kept)]
    return max(int(body.get("count") or 0), int((body.get("series") or {}).get("count") or 0), 1)


@contextmanager
def _two() -> Iterator[tuple[Up, Up]]:
    with ExitStack() as opened:
        systems = (opened.enter_context(embedded()), opened.enter_context(embedded()))
        for system in systems:
            system.destinations_down()
            _post(system, 500)
        yield systems


def _post(system: Up, count: int) -> None:
    requests = stream(_mark())
    flat_out(system.port, (next(requests) for _ in range(count)), connections=8).only(202)
    system.settled(_DRAIN)


def _waiting(effort: Effort) -> list[Row]:
    """Two systems whose destinations are down: in one 50,000 events wait, in the other next to none."""
    total = 50_000 if not effort.quick else 15_000
    with _two() as (full, empty):
        before = full.process.rss()
        _post(full, total)
        growth = full.process.rss() - before

        def rate(system: Up) -> float:
            load = flat_out(system.port, stream(_mark()), connections=8, seconds=1.0).only(202)
            system.settled(_DRAIN)
            return load.rate

        row = in_turns(
            f"{_NAME}: accepted while {total:,} events wait",
            "the same with next to none waiting",
            "events/s",
            lambda: rate(full),
            lambda: rate(empty),
            rounds=effort.turns(3),
            wanted=Wanted(LEAST, 0.8),
        )
    return [
        Row(f"{_NAME}: memory added by {total:,} waiting events", "", "MiB", [growth], (), Wanted(MOST, 40, "ours")),
        row,
    ]

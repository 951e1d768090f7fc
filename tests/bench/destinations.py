"""Part `destinations`: functions that tell a foreign system, over HTTP, by how long that system takes to answer.

The baseline is the client that existing exporters are (tests/bench/exporter.py), in turns with ours to the same target,
a process of its own that does next to nothing (tests/bench/target.py).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.exporter import Exporter
from tests.bench.load import flat_out, steady
from tests.bench.measure import LEAST, MOST, Effort, Row, Wanted, percentile
from tests.bench.outgoing import SUBJECTS, Subject, Telling, telling
from tests.bench.redelivery import delivered

LATENCIES = (0, 5, 50)
"""Milliseconds after which the target answers."""
_ALONE = 10.0  # events a second: the next comes long after the last one's answer
_ALONE_BOUND = 10.0  # ms above the target's latency
_BASELINE = "sequential client, one request an event"
_DOWN = 10.0
_OFFERED = 100.0  # events a second while the target is down


def destinations(effort: Effort) -> list[Row]:
    """Events a second and the latency of one alone at each latency of the target; what an outage costs."""
    rows: list[Row] = []
    for subject in SUBJECTS:
        with telling(subject) as ours, Exporter(ours.foreign.url) as exporter:
            if subject is SUBJECTS[0]:  # what waits at the broker is the same for all; first, while few were counted
                rows.append(_outage(subject, ours, exporter))
            for latency in LATENCIES:
                ours.foreign.answers_after(latency)
                rows += _rates(effort, subject, ours, exporter, latency)
                rows.append(_alone(effort, subject, ours, exporter, latency))
    return rows


@dataclass(slots=True)
class _Turns:
    """What was measured with so many requests in flight, turn by turn."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def _rates(effort: Effort, subject: Subject, ours: Telling, exporter: Exporter, latency: int) -> list[Row]:
    """Every number of requests in flight and the baseline in turns; the first turn only warms up."""
    seen = {in_flight: _Turns() for in_flight in subject.wanted}
    base: list[float] = []
    seconds = effort.seconds(1.0)
    for turn in range(effort.turns(3) + 1):
        for in_flight, turns in seen.items():
            before = ours.process.cpu()
            load = flat_out(ours.port, subject.told(), connections=in_flight, seconds=seconds).only(200, 204)
            if turn:
                turns.rates.append(load.rate)
                turns.cpu.append((ours.process.cpu() - before) * 1e6 / load.statuses.total())
        rate = exporter.rate(seconds / 2)
        if turn:
            base.append(rate)
    rows: list[Row] = []
    for in_flight, turns in seen.items():
        bound = subject.wanted[in_flight].get(latency)
        name = f"{subject.name}, which answers after {latency} ms, {in_flight} in flight"
        wanted = Wanted(LEAST, bound, "ours") if bound else None
        rows.append(Row(name, _BASELINE, "events/s", turns.rates, base, wanted))
        if latency == LATENCIES[0]:
            rows.append(Row(f"{name}: CPU of the function for each event", "", "µs", turns.cpu))
    return rows


def _alone(effort: Effort, subject: Subject, ours: Telling, exporter: Exporter, latency: int) -> Row:
    """One event alone on an idle system: batching shall not let it wait for company that does not come."""
    mine: list[float] = []
    base: list[float] = []
    for _ in range(3):
        mine += (
            steady(ours.port, subject.told(), rate=_ALONE, connections=4, seconds=effort.seconds(2.0))
            .only(200, 204)
            .waits
        )
        exporter.paced(_ALONE, effort.seconds(1.5), _noted(base))
    name = f"{subject.name}, which answers after {latency} ms: one event alone, p99 of {len(mine)}"
    wanted = Wanted(MOST, latency + _ALONE_BOUND, "ours")
    return Row(name, _BASELINE, "ms", [percentile(mine, 99) * 1000], [percentile(base, 99) * 1000], wanted)


def _noted(waits: list[float]) -> Callable[[bool, float], None]:
    return lambda _taken, seconds: waits.append(seconds)


def _outage(subject: Subject, ours: Telling, exporter: Exporter) -> Row:
    """What of a steady stream is lost that meets 503 for ten seconds, in percent."""
    total = int(_OFFERED * _DOWN)
    lost: list[bool] = []
    ours.foreign.is_down_for(_DOWN)
    exporter.paced(_OFFERED, _DOWN, lambda taken, _seconds: lost.append(not taken))
    time.sleep(0.5)
    before = ours.foreign.counts().distinct
    ours.foreign.is_down_for(_DOWN)
    delivered(ours.port, subject.told(), rate=_OFFERED, count=total)
    missing = total - (ours.foreign.counts().distinct - before)
    name = f"{subject.name}: lost of what comes during {_DOWN:.0f} s of 503, its sender redelivering as a broker"
    percent = 100 / total
    return Row(name, f"{_BASELINE}, tried twice", "%", [missing * percent], [sum(lost) * percent])

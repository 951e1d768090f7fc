"""Part `correlator`: the correlator over HTTP, 32 in flight, with its state in SQLite and in a real NATS.

The load is a busy cluster's (tests.bench.observed), with a tick each ten seconds; the broker is a bare app that accepts
all it is told, and another one under the same load is what it is compared with.
"""

import asyncio
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from shared.stores.registry import sqlite_url
from tests.bench.load import Load, flat_out, steady
from tests.bench.measure import LEAST, MOST, Effort, Row, Wanted, in_turns, percentile
from tests.bench.observed import fill, heard_again, observed, ticking
from tests.bench.processes import BARE, BARE_NAME, Running, free_port, running, tidings
from tests.support.nats import nats

IN_FLIGHT = 32
FEW, MANY = 10, 100_000
_MARKS = count()
_ROUNDS = 5
_OBSERVATIONS = 6_000  # of a turn
_P99 = Wanted(MOST, 20, "ours")
_SAME = 1.3
"""The most that an observation may cost among many open episodes, by what it costs among few."""


@dataclass(frozen=True, slots=True)
class Correlator:
    """A correlator that listens."""

    port: int
    process: Running


def correlator(effort: Effort) -> list[Row]:
    """Observations a second and their waits in each store, and their cost among many open episodes."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        sink = opened.enter_context(bare())
        rows = _in_sqlite(effort, folder, sink)
        server = opened.enter_context(nats(folder / "default"))
        rows += _stored(effort, "NATS", server.url(), sink, 1000)
        server.kill()
        server = opened.enter_context(nats(folder / "always", sync="always"))
        return [*rows, *_stored(effort, "NATS with sync always", server.url(), sink, 400)]


def _in_sqlite(effort: Effort, folder: Path, sink: int) -> list[Row]:
    rows = _stored(effort, "SQLite", sqlite_url(folder / "rate.db"), sink, 2000)
    return rows + _among_many(effort, folder, MANY // 10 if effort.quick else MANY)


@contextmanager
def serving(url: str, sink: int) -> Iterator[Correlator]:
    """Run a correlator on a store."""
    port = free_port()
    command = tidings("serve", "correlator", "--port", str(port))
    with running(command, port, STORE_URL=url, K_SINK=f"http://127.0.0.1:{sink}") as process:
        yield Correlator(port, process)


@contextmanager
def bare() -> Iterator[int]:
    """Run the bare app, and yield its port."""
    port = free_port()
    with running((*BARE, "--port", str(port)), port):
        yield port


def _stored(effort: Effort, store: str, url: str, sink: int, least: float) -> list[Row]:
    """Return what it does with its state there: flat out, and what an observation waits at half of what is wanted."""
    number = int(effort.seconds(_OBSERVATIONS))
    seconds = effort.seconds(9.0)
    name = f"correlator over HTTP, {IN_FLIGHT} in flight, {store}"
    waits: list[float] = []
    with serving(url, sink) as served:
        rate = in_turns(
            name,
            f"{BARE_NAME} that answers 204",
            "observations/s",
            lambda: _flat_out(served.port, _new(number)).rate,
            lambda: _bare_rate(sink, effort.seconds(1.0)),
            rounds=effort.turns(_ROUNDS),
            wanted=Wanted(LEAST, least, "ours"),
        )
        for _ in range(3):
            requests = ticking(_new(int(least / 2 * seconds)))
            load = steady(served.port, requests, rate=least / 2, connections=IN_FLIGHT, seconds=seconds)
            waits.append(percentile(load.only(200, 204).waits, 99) * 1000)
    return [rate, Row(f"correlator at {least / 2:.0f} observations/s, {store}, p99", "", "ms", waits, wanted=_P99)]


def _among_many(effort: Effort, folder: Path, many: int) -> list[Row]:
    """Return what an observation costs while so many other episodes are open, by CPU time and by the clock."""
    number = int(effort.seconds(_OBSERVATIONS))
    cpu: dict[int, list[float]] = {FEW: [], many: []}
    draw = random.Random(7)  # noqa: S311 -- which episode is heard of is no secret
    with ExitStack() as opened:
        sink = opened.enter_context(bare())
        served = {}
        for episodes in (FEW, many):
            url = sqlite_url(folder / f"{episodes}.db")
            asyncio.run(fill(url, episodes))
            served[episodes] = opened.enter_context(serving(url, sink))

        def among(episodes: int) -> Callable[[], float]:
            def turn() -> float:
                one, requests = served[episodes], _new(number)
                before = one.process.cpu()
                load = _flat_out(one.port, requests)
                cpu[episodes].append((one.process.cpu() - before) * 1e6 / number)
                return load.rate

            return turn

        name, than = f"correlator while {many:,} episodes are open, SQLite", f"while {FEW} are open"
        rate = in_turns(
            name,
            than,
            "observations/s",
            among(many),
            among(FEW),
            rounds=effort.turns(_ROUNDS),
            wanted=Wanted(LEAST, 1 / _SAME),
        )
        spent, base = (values[-len(rate.ours) :] for values in (cpu[many], cpu[FEW]))
        each = [
            _flat_out(
                served[many].port, heard_again(f"m{next(_MARKS)}", (draw.randrange(many) for _ in range(number)))
            ).rate
            for _ in range(3)
        ]
    return [
        rate,
        Row(f"{name}: CPU of one", than, "µs", spent, base, Wanted(MOST, _SAME)),
        Row(f"{name}, each heard of again by chance", "", "observations/s", each),
    ]


def _new(number: int) -> list[bytes]:
    return observed(f"c{next(_MARKS)}", number)


def _flat_out(port: int, requests: Sequence[bytes]) -> Load:
    return flat_out(port, ticking(requests), connections=IN_FLIGHT).only(200, 204)


def _bare_rate(port: int, seconds: float) -> float:
    return flat_out(port, cycle(_new(1000)), connections=IN_FLIGHT, seconds=seconds).only(204).rate

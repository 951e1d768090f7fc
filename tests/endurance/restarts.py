"""The correlator ends among many open episodes and begins again: how long until it does its work.

    python -m tests.endurance.restarts [--sqlite N] [--nats N] [--real N]

Prints the seconds from the start of its process until a tick is done and until an observation is answered after that;
exits with 1 where they are more than 30. In SQLite the correlator itself opened every episode; in NATS it opened the
first `--real`, and all others are their records under other keys: for a million of its own it takes an hour.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

from shared.episodes.keeper import THINGS
from shared.stores.protocol import ABSENT, Store, StoreUnavailableError
from shared.stores.registry import open_store, sqlite_url
from tests.bench.correlator import MANY, bare, serving
from tests.bench.load import flat_out
from tests.bench.measure import MOST, Row, Wanted, table
from tests.bench.observed import fill, heard_again, request_of, ticked
from tests.support.nats import nats

_MOST_SECONDS = 30.0
_ROUNDS = 3
_REAL = 10_000
_FILLING = 128


def main(arguments: Sequence[str] = ()) -> int:
    """Measure; return 0 where all bounds are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.restarts", description=__doc__)
    parser.add_argument("--sqlite", type=int, default=MANY)
    parser.add_argument("--nats", type=int, default=1_000_000)
    parser.add_argument("--real", type=int, default=_REAL)
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="restarts-")))
        sink = opened.enter_context(bare())
        if options.sqlite:
            url = sqlite_url(folder / "many.db")
            asyncio.run(fill(url, options.sqlite))
            rows += _restarts(f"SQLite, {options.sqlite:,} episodes open", url, options.sqlite, sink)
        if options.nats:
            server = opened.enter_context(nats(folder))
            real = min(options.real, options.nats)
            asyncio.run(fill(server.url(), real))
            asyncio.run(multiply(server.url(), options.nats - real))
            rows += _restarts(f"NATS, {options.nats:,} episodes open", server.url(), real, sink)
    print(table(rows), flush=True)  # noqa: T201
    return 1 if any(row.met is False for row in rows) else 0


def _restarts(where: str, url: str, episodes: int, sink: int) -> list[Row]:
    """Return how long it takes: each time it is killed as it ends, and everything due by now is done."""
    until_tick: list[float] = []
    until_answer: list[float] = []
    for number in range(_ROUNDS):
        begun = time.perf_counter()
        with serving(url, sink) as served:
            flat_out(served.port, iter([request_of(ticked(datetime.now(UTC)))]), connections=1).only(204)
            until_tick.append(time.perf_counter() - begun)
            flat_out(served.port, iter(heard_again(f"r{number}", [number % episodes])), connections=1).only(200, 204)
            until_answer.append(time.perf_counter() - begun)
    wanted = Wanted(MOST, _MOST_SECONDS, "ours")
    return [
        Row(f"correlator starts, {where}: first tick done", "", "s", until_tick, wanted=wanted),
        Row(f"correlator starts, {where}: first observation answered", "", "s", until_answer, wanted=wanted),
    ]


async def multiply(url: str, episodes: int) -> None:
    """Write the records that are there under so many other keys, each with its entry in the index of due work."""
    store = open_store(url, {})
    try:
        found = [(entry.key.removeprefix(THINGS), entry.value) async for entry in store.scan(THINGS, limit=1000)]
        dues = [entry.key.split(".")[1] async for entry in store.scan("due.", limit=1000)]
        copies = enumerate(zip(islice(cycle(found), episodes), cycle(dues), strict=False))
        await asyncio.gather(*(_copy(store, copies) for _ in range(_FILLING)))
    finally:
        await store.close()


async def _copy(store: Store, copies: Iterator[tuple[int, tuple[tuple[str, bytes], str]]]) -> None:
    for number, ((thing, value), second) in copies:
        key = f"{number:07d}{thing[7:]}"
        await _put(store, THINGS + key, value)
        await _put(store, f"due.{second}.{key}", b"1")


async def _put(store: Store, key: str, value: bytes) -> None:
    """Write a key, however often that takes on a machine that is busy."""
    while True:
        try:
            await store.put(key, value, expected=ABSENT)
        except StoreUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

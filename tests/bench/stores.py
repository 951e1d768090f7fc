"""What state costs: reading and writing a record among few and among many, and how long a restart takes.

Each kind of store is compared with itself in turns: one holds a thousand keys, the other many. NATS is a real server.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from shared.stores.protocol import ABSENT, Store, StoreUnavailableError
from shared.stores.registry import open_store, sqlite_url
from tests.bench.measure import MOST, Effort, Row, Wanted, in_turns, percentile
from tests.support.nats import Nats, nats

FEW, MANY = 1_000, 100_000
_IN_FLIGHT = 8
_OPERATIONS = 2_000
_FILLING = 128
_VALUE = b"x" * 1_000  # a record with one problem has about as much
_TURNS = 7
_RESTART = 30.0
T = TypeVar("T")


class Filled:
    """A store with so many keys, in an event loop of its own that runs while something is asked."""

    def __init__(self, url: str, keys: int, spelled: Callable[[int], str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._keys = keys
        self._draw = random.Random(7)  # noqa: S311 -- which keys are asked for is no secret
        self._store: Store = self.run(_opened(url))
        self.run(_fill(self._store, keys, spelled))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def p99(self) -> float:
        """Return the 99th percentile of reading a record and writing it back, in ms, with some in flight."""
        names = [name(self._draw.randrange(self._keys)) for _ in range(_OPERATIONS)]
        return percentile(self.run(_touch(self._store, names)), 99) * 1e3

    def wait(self) -> None:
        """Wait until the store answers, with what was in it."""
        self.run(_answered(self._store, name(0)))

    def close(self) -> None:
        self.run(self._store.close())
        self._loop.close()


def name(number: int) -> str:
    """Return a key as the correlator has them, spread over the alphabet as digests are."""
    return f"thing.{random.Random(number).getrandbits(128):026x}"  # noqa: S311 -- a digest without its cost


def stores(effort: Effort) -> list[Row]:
    """Return the rows; `make endurance ARGS=stores` takes a million keys."""
    with in_nats(MANY) as kept:
        rows = [*sqlite_rows(effort, MANY), *nats_rows(effort, kept)]
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        server = opened.enter_context(nats(folder, sync="always"))
        one = opened.enter_context(filled(server.url(), FEW))
        always = [one.p99() for _ in range(effort.turns(_TURNS))]
    return [*rows, Row(f"state in NATS, {FEW:,} keys, p99 with sync always", "", "ms", always)]


def sqlite_rows(effort: Effort, many: int) -> list[Row]:
    """Return how SQLite does with many keys."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        few, lots = (opened.enter_context(filled(sqlite_url(folder / f"{keys}.db"), keys)) for keys in (FEW, many))
        return [_compared("SQLite", few, lots, many, effort)]


class Kept(NamedTuple):
    """A server and two buckets in it: one with few keys, one with many."""

    server: Nats
    few: Filled
    many: Filled
    keys: int


@contextmanager
def in_nats(keys: int) -> Iterator[Kept]:
    """Start a server and fill it."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        server = opened.enter_context(nats(folder))
        few, many = (opened.enter_context(filled(server.url(f"b{count}"), count)) for count in (FEW, keys))
        yield Kept(server, few, many, keys)


def nats_rows(effort: Effort, kept: Kept) -> list[Row]:
    """Return how NATS does with many keys, and how long it is away when it is killed."""
    compared = _compared("NATS", kept.few, kept.many, kept.keys, effort)
    away = [_restarted(kept) for _ in range(3)]
    named = f"NATS killed with {kept.keys:,} keys, until state is there again"
    return [compared, Row(named, "", "s", away, wanted=Wanted(MOST, _RESTART, "ours"))]


def _compared(kind: str, few: Filled, many: Filled, keys: int, effort: Effort) -> Row:
    return in_turns(
        f"state in {kind}, {keys:,} keys, p99 of a read and a write",
        f"the same with {FEW:,} keys",
        "ms",
        many.p99,
        few.p99,
        rounds=effort.turns(_TURNS),
        wanted=Wanted(MOST, 2.0),
    )


def _restarted(kept: Kept) -> float:
    kept.server.kill()
    begun = time.perf_counter()
    kept.server.start(wait=False)
    kept.many.wait()
    return time.perf_counter() - begun


@contextmanager
def filled(url: str, keys: int, spelled: Callable[[int], str] = name) -> Iterator[Filled]:
    """Fill an empty store; `spelled` says how each key is named."""
    one = Filled(url, keys, spelled)
    try:
        yield one
    finally:
        one.close()


async def _opened(url: str) -> Store:
    return open_store(url, {})


async def _fill(store: Store, keys: int, spelled: Callable[[int], str]) -> None:
    numbers = iter(range(keys))

    async def write() -> None:
        for number in numbers:
            await _put(store, spelled(number))

    await asyncio.gather(*(write() for _ in range(_FILLING)))


async def _put(store: Store, key: str) -> None:
    """Write a key, however often that takes on a machine that is busy."""
    while True:
        try:
            await store.put(key, _VALUE, expected=ABSENT)
        except StoreUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return


async def _touch(store: Store, names: list[str]) -> list[float]:
    took: list[float] = []
    left = iter(names)

    async def work() -> None:
        for key in left:
            begun = time.perf_counter()
            entry = await store.get(key)
            if entry is None:
                raise RuntimeError("a key is gone")
            await store.put(key, _VALUE, expected=entry.revision)
            took.append(time.perf_counter() - begun)

    await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
    return took


async def _answered(store: Store, key: str) -> None:
    while True:
        try:
            entry = await store.get(key)
        except StoreUnavailableError:
            await asyncio.sleep(0.02)
        else:
            if entry is None:
                raise RuntimeError("a key is gone")
            return

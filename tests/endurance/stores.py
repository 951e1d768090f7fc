"""State with a million open objects in NATS, and a hundred thousand in SQLite, beside a thousand in the same run.

    python -m tests.endurance.stores [--keys N]

Prints what a scan takes for its first page and for the next ones, how long it takes to find what is due, the server's
memory, and the rows of `make bench ARGS=stores`; exits with 1 where a bound is missed.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from shared.stores.protocol import Store
from shared.stores.registry import open_store
from tests.bench.measure import Effort, table
from tests.bench.processes import Running
from tests.bench.stores import MANY, Kept, filled, in_nats, name, nats_rows, sqlite_rows

_PAGES = 5
_PAGE = 1_000
_NOW, _DUE = 1_800_000_000, 100


def main(arguments: Sequence[str] = ()) -> int:
    """Measure; return 0 where all bounds are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.stores", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    with in_nats(options.keys) as kept:
        scanned(kept)
        with filled(kept.server.url("due"), options.keys, due):
            asyncio.run(found(kept.server.url("due"), options.keys))
        rows = [*sqlite_rows(Effort(), MANY), *nats_rows(Effort(), kept)]
    print(table(rows), flush=True)  # noqa: T201
    return 1 if any(row.met is False for row in rows) else 0


def due(number: int) -> str:
    """Return a key as the index of due work has them: 100 are due at _NOW, the others within the hour that follows."""
    second = _NOW - number if number < _DUE else _NOW + 1 + number % 3600
    return f"due.{second:012d}.{name(number).removeprefix('thing.')}"


async def found(url: str, keys: int) -> None:
    """Print how long it takes to find what is due. Raises RuntimeError where that is anything else."""
    store = open_store(url, {})
    await store.get("probe")
    for _ in range(_PAGES):
        begun = time.perf_counter()
        names = [entry.key async for entry in store.scan("due.", before=f"due.{_NOW + 1:012d}")]
        took = time.perf_counter() - begun
        if names != sorted(map(due, range(_DUE))):
            raise RuntimeError("what was found is not what is due")
    await store.close()
    print(f"{_DUE} that are due among {keys:,} of the index: {took * 1e3:.0f} ms", flush=True)  # noqa: T201


def scanned(kept: Kept) -> None:
    """Print what scans take among so many keys, and what the server needs."""
    assert kept.server.process is not None
    memory = Running(kept.server.process.pid, 0.0).rss()
    first, later = asyncio.run(_scan(kept.server.url(f"b{kept.keys}")))
    print(f"{_PAGE:,} of {kept.keys:,} keys: the first ones {first:.2f} s, the next ones {later:.3f} s a page")  # noqa: T201
    print(f"memory of the server: {memory:.0f} MiB", flush=True)  # noqa: T201


async def _scan(url: str) -> tuple[float, float]:
    store = open_store(url, {})
    begun = time.perf_counter()
    last = await _page(store, "")
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    for _ in range(_PAGES):
        last = await _page(store, last)
    later = (time.perf_counter() - begun) / _PAGES
    await store.close()
    return first, later


async def _page(store: Store, after: str) -> str:
    page = [entry.key async for entry in store.scan("thing.", after=after, limit=_PAGE)]
    if page != sorted(page) or len(page) != _PAGE or page[0] <= after:
        raise RuntimeError("a page is not what follows")
    return page[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

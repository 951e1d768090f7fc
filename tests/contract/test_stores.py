"""What every store promises. A new store runs all of this by being registered."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from shared.stores.protocol import ABSENT, Store, StoreUnavailableError
from shared.stores.registry import STORES, open_store, sqlite_path, sqlite_url
from tests.support.nats import store_url

ALL = sorted(STORES)
DURABLE = sorted(name for name, kind in STORES.items() if kind.durable)
Result = TypeVar("Result")


class Clock:
    """A wall clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def run(
    name: str, folder: Path, work: Callable[[Store], Awaitable[Result]], clock: Callable[[], float] = time.time
) -> Result:
    async def inside() -> Result:
        store = open_store(store_url(name, folder), {}, clock)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(inside())


async def keys(store: Store, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> list[str]:
    return [entry.key async for entry in store.scan(prefix, after=after, before=before, limit=limit)]


@pytest.mark.parametrize("name", ALL)
def test_what_was_put_is_there_with_its_revision(name: str, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        assert await store.get("a.b") is None
        first = await store.put("a.b", b"\x00one", expected=ABSENT)
        assert first is not None
        assert first >= 1
        entry = await store.get("a.b")
        assert entry is not None
        assert (entry.key, entry.value, entry.revision) == ("a.b", b"\x00one", first)
        second = await store.put("a.b", b"two", expected=first)
        assert second is not None
        assert second > first

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
def test_a_write_that_expects_another_revision_changes_nothing(name: str, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        revision = await store.put("k", b"1", expected=ABSENT)
        assert revision is not None
        assert await store.put("k", b"2", expected=ABSENT) is None
        assert await store.put("k", b"2", expected=revision + 7) is None
        assert not await store.delete("k", expected=revision + 7)
        entry = await store.get("k")
        assert entry is not None
        assert entry.value == b"1"

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
def test_f40_of_many_writers_at_once_exactly_one_wins(name: str, tmp_path: Path) -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""

    async def work(store: Store) -> None:
        expected = ABSENT
        for round_ in range(5):
            answers = await asyncio.gather(
                *(store.put("hot", f"{round_}-{writer}".encode(), expected=expected) for writer in range(40))
            )
            winners = [writer for writer, revision in enumerate(answers) if revision is not None]
            assert len(winners) == 1
            entry = await store.get("hot")
            assert entry is not None
            assert entry.value == f"{round_}-{winners[0]}".encode()
            expected = entry.revision

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
def test_no_increment_is_lost_among_writers_that_try_again(name: str, tmp_path: Path) -> None:
    async def add(store: Store) -> None:
        while True:
            entry = await store.get("sum")
            value, expected = (0, ABSENT) if entry is None else (int(entry.value), entry.revision)
            if await store.put("sum", str(value + 1).encode(), expected=expected) is not None:
                return

    async def work(store: Store) -> None:
        await asyncio.gather(*(add(store) for _ in range(30)))
        entry = await store.get("sum")
        assert entry is not None
        assert entry.value == b"30"

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
def test_a_key_made_again_after_deletion_never_has_an_old_revision(name: str, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        old = await store.put("k", b"1", expected=ABSENT)
        assert old is not None
        assert await store.delete("k", expected=old)
        assert await store.get("k") is None
        assert not await store.delete("k", expected=old)
        new = await store.put("k", b"1", expected=ABSENT)
        assert new is not None
        assert new != old
        assert await store.put("k", b"2", expected=old) is None

    run(name, tmp_path, work)


class Time:
    """Lets time pass until entries of a ttl are over: the store's own clock is moved, a server's is waited for."""

    def __init__(self, name: str) -> None:
        self.clock = Clock()
        self._remote = STORES[name].remote
        self.ttl = 1.2 if self._remote else 10.0

    def almost(self) -> None:
        if not self._remote:
            self.clock.now += self.ttl - 0.5

    async def over(self, store: Store, key: str) -> None:
        if not self._remote:
            self.clock.now += 0.5
        until = time.monotonic() + 10
        while self._remote and await store.get(key) is not None and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ALL)
def test_an_entry_ends_with_its_ttl_for_every_operation(name: str, tmp_path: Path) -> None:
    when = Time(name)

    async def work(store: Store) -> None:
        revision = await store.put("short", b"1", expected=ABSENT, ttl=when.ttl)
        assert revision is not None
        await store.put("long", b"1", expected=ABSENT)
        when.almost()
        assert await store.get("short") is not None
        await when.over(store, "short")
        assert await store.get("short") is None
        assert await keys(store, "") == ["long"]
        assert not await store.delete("short", expected=revision)
        assert await store.put("short", b"2", expected=revision) is None
        assert await store.put("short", b"2", expected=ABSENT) is not None

    run(name, tmp_path, work, when.clock)


@pytest.mark.parametrize("name", ALL)
def test_a_new_write_replaces_the_ttl(name: str, tmp_path: Path) -> None:
    when = Time(name)

    async def work(store: Store) -> None:
        revision = await store.put("k", b"1", expected=ABSENT, ttl=when.ttl)
        assert revision is not None
        assert await store.put("k", b"2", expected=revision) is not None
        await store.put("other", b"1", expected=ABSENT, ttl=when.ttl)
        when.almost()
        await when.over(store, "other")
        assert await store.get("other") is None
        assert await store.get("k") is not None

    run(name, tmp_path, work, when.clock)


@pytest.mark.parametrize("name", ALL)
def test_a_scan_goes_in_key_order_by_prefix_and_goes_on_after_a_key(name: str, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        names = [f"due.{number:04d}" for number in range(700)]
        await asyncio.gather(*(store.put(key, b"", expected=ABSENT) for key in reversed(names)))
        for key in ("du", "duf", "due-x", "dud.1", "a", "z"):
            await store.put(key, b"", expected=ABSENT)
        assert await keys(store, "due.") == names
        assert await keys(store, "due.", limit=3) == names[:3]
        assert await keys(store, "due.", limit=0) == []
        assert await keys(store, "due.", after="due.0697") == names[698:]
        assert await keys(store, "due.", after="due.0697x") == names[698:]
        assert await keys(store, "due.", after="z") == []
        assert await keys(store, "due.", after="a", limit=2) == names[:2]
        assert await keys(store, "nothing.") == []
        assert await keys(store, "due.", before="due.0003") == names[:3]
        assert await keys(store, "due.", before="due.0003x") == names[:4]
        assert await keys(store, "due.", after="due.0001", before="due.0693") == names[2:693]
        assert await keys(store, "due.", before="due.0003", limit=2) == names[:2]
        assert await keys(store, "due.", before="due.") == []
        assert await keys(store, "due.", before="a") == []
        assert await keys(store, "due.", before="z") == names
        assert await keys(store, "", before="due.0001") == ["a", "du", "dud.1", "due-x", "due.0000"]

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
def test_a_closed_store_says_that_it_is_unavailable(name: str, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        await store.put("k", b"1", expected=ABSENT)
        await store.close()
        for call in (store.get("k"), store.put("k", b"", expected=ABSENT), store.delete("k", expected=1)):
            with pytest.raises(StoreUnavailableError):
                await call
        with pytest.raises(StoreUnavailableError):
            await keys(store, "")

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("key", "size"), [("", 1), ("With Capitals", 1), ("a/b", 1), ("k" * 600, 1), ("k", 2**20 + 1)])
def test_a_key_or_value_that_no_store_takes_is_refused(name: str, key: str, size: int, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        with pytest.raises(ValueError, match=r"a (key|value) has"):
            await store.put(key, b"x" * size, expected=ABSENT)

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", ALL)
def test_the_event_loop_goes_on_while_the_store_writes(name: str, tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        worst, running = 0.0, True

        async def watch() -> None:
            nonlocal worst
            while running:
                begun = time.perf_counter()
                await asyncio.sleep(0)
                worst = max(worst, time.perf_counter() - begun)

        watcher = asyncio.create_task(watch())
        await asyncio.gather(*(store.put(f"k{number}", b"x" * 2000, expected=ABSENT) for number in range(500)))
        running = False
        await watcher
        assert worst < 1.0

    run(name, tmp_path, work)


@pytest.mark.parametrize("name", DURABLE)
def test_a_durable_store_finds_everything_after_reopening(name: str, tmp_path: Path) -> None:
    async def fill(store: Store) -> int | None:
        await store.put("gone", b"1", expected=ABSENT, ttl=0.001)
        return await store.put("k", b"1", expected=ABSENT)

    async def look(store: Store) -> None:
        entry = await store.get("k")
        assert entry is not None
        assert (entry.value, entry.revision) == (b"1", revision)
        newer = await store.put("other", b"", expected=ABSENT)
        assert newer is not None
        assert newer > entry.revision

    revision = run(name, tmp_path, fill)
    run(name, tmp_path, look)


_WRITER = """
import asyncio, os, sys
from shared.stores.registry import open_store
async def main():
    store = open_store(sys.argv[1], {})
    async def write(number):
        await store.put(f"k.{number:06d}", b"v" * 100, expected=0)
        os.write(1, b"%d\\n" % number)  # whole, whenever the kill comes
    for start in range(0, 100_000, 20):
        await asyncio.gather(*(write(start + each) for each in range(20)))
asyncio.run(main())
"""


@pytest.mark.parametrize("name", DURABLE)
def test_a_durable_store_keeps_every_acknowledged_write_over_sigkill(name: str, tmp_path: Path, root: Path) -> None:
    url = store_url(name, tmp_path)
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, url],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert writer.stdout is not None
    try:
        acknowledged = [int(writer.stdout.readline()) for _ in range(150)]
    finally:
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=10)
    acknowledged += [int(line) for line in rest.split(b"\n")[:-1]]

    async def look(store: Store) -> None:
        found = set(await keys(store, "k.", limit=200_000))
        assert {f"k.{number:06d}" for number in acknowledged} <= found
        assert await store.put("fresh", b"", expected=ABSENT) is not None

    run(name, tmp_path, look)


@pytest.mark.parametrize("name", DURABLE)
def test_two_openings_of_a_durable_store_have_one_winner(name: str, tmp_path: Path) -> None:
    """F40, with two stores on one file as two processes have them."""

    async def work(store: Store) -> None:
        other = open_store(store_url(name, tmp_path), {})
        try:
            for round_ in range(10):
                answers = await asyncio.gather(
                    *(each.put(f"k{round_}", b"", expected=ABSENT) for each in (store, other, store, other))
                )
                assert sum(answer is not None for answer in answers) == 1
        finally:
            await other.close()

    run(name, tmp_path, work)


def test_an_unknown_url_is_refused_with_what_there_is() -> None:
    with pytest.raises(ValueError, match="memory, nats, sqlite"):
        open_store("redis://x", {})
    for url in ("sqlite:", "sqlite:///", "sqlite://host/path", "sqlite:path"):
        with pytest.raises(ValueError, match="sqlite:///"):
            open_store(url, {})


def test_a_sqlite_store_has_one_file_whether_or_not_its_url_has_an_empty_host(tmp_path: Path) -> None:
    file = tmp_path / "what? [1]#.db"
    assert sqlite_path(sqlite_url(file)) == file
    assert sqlite_path(sqlite_url(file).replace("sqlite://", "sqlite:")) == file

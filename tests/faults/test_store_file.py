"""A SQLite store whose file cannot be used, and what ages in it."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.stores.protocol import ABSENT, StoreUnavailableError
from shared.stores.sqlite import SqliteStore


def test_a_file_that_is_no_database_is_unavailable_and_works_once_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is no database" * 100)

    async def work() -> None:
        store = SqliteStore(path)
        with pytest.raises(StoreUnavailableError):
            await store.get("k")
        with pytest.raises(StoreUnavailableError):
            await store.put("k", b"", expected=ABSENT)
        path.unlink()
        assert await store.put("k", b"1", expected=ABSENT) is not None
        assert await store.get("k") is not None
        await store.close()

    asyncio.run(work())


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    async def work() -> None:
        store = SqliteStore(tmp_path / "file" / "store.db")
        with pytest.raises(StoreUnavailableError):
            await store.put("k", b"", expected=ABSENT)
        await store.close()

    asyncio.run(work())


def test_what_expired_leaves_the_file_in_the_background(tmp_path: Path) -> None:
    now = 1000.0
    path = tmp_path / "store.db"

    async def work() -> None:
        nonlocal now
        store = SqliteStore(path, lambda: now)
        await asyncio.gather(*(store.put(f"k{number}", b"", expected=ABSENT, ttl=5) for number in range(50)))
        now += 60
        await store.put("other", b"", expected=ABSENT)
        await store.close()

    asyncio.run(work())
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    connection.close()


def test_a_cancelled_writer_does_not_disturb_the_others(tmp_path: Path) -> None:
    async def work() -> None:
        store = SqliteStore(tmp_path / "store.db")
        tasks = [asyncio.create_task(store.put(f"k{number}", b"", expected=ABSENT)) for number in range(20)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(answer, int) for answer in answers) == 19
        await store.close()

    asyncio.run(work())


def test_while_another_process_writes_nobody_but_the_writer_waits(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def work() -> None:
        store = SqliteStore(path)
        assert await store.put("k", b"1", expected=ABSENT) is not None
        assert await store.get("k") is not None
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE entry SET value = x'32'")
        writing = asyncio.create_task(store.put("new", b"2", expected=ABSENT))
        worst, until = 0.0, time.perf_counter() + 0.3
        while time.perf_counter() < until:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            entry = await store.get("k")
            worst = max(worst, time.perf_counter() - begun)
            assert entry is not None
            assert entry.value == b"1"
        assert worst < 0.25, "as long as the other one held the lock, had the event loop waited for it"
        assert not writing.done()
        other.execute("COMMIT")
        other.close()
        assert await writing is not None
        entry = await store.get("k")
        assert entry is not None
        assert entry.value == b"2"
        await store.close()

    asyncio.run(work())


_FULL = """
import asyncio, resource, sys
from pathlib import Path
from shared.stores.protocol import StoreUnavailableError
from shared.stores.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    revision = await store.put("kept", b"1", expected=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1] + "-wal").stat().st_size + 4096, hard))
    puts = (store.put(f"lost.{number}", b"x" * 4000, expected=0) for number in range(40))
    answers = await asyncio.gather(*puts, store.put("kept", b"2", expected=revision), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailableError}, answers
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [entry.key async for entry in store.scan("")] == ["kept"]
    assert (await store.get("kept")).value == b"1"
    assert await store.put("kept", b"2", expected=revision) is not None
    await store.close()

asyncio.run(main())
"""


def test_of_a_batch_that_does_not_fit_on_the_disk_nothing_is_written_and_all_are_told(
    root: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path / "store.db")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_store_goes_on_in_another_event_loop(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")

    async def leave(number: int) -> None:
        """End with writes that wait, and with one that is on its way to the disk."""
        await store.put(f"done.{number}", b"", expected=ABSENT)
        for each in range(3):
            asyncio.create_task(store.put(f"left.{number}.{each}", b"", expected=ABSENT))  # noqa: RUF006
            await asyncio.sleep(0)

    async def look() -> list[str]:
        found = [entry.key async for entry in store.scan("done.")]
        await store.close()
        return found

    for number in range(5):
        asyncio.run(leave(number))
    assert asyncio.run(look()) == [f"done.{number}" for number in range(5)]


def test_closing_finishes_the_writes_that_wait(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def work() -> None:
        store = SqliteStore(path)
        tasks = [asyncio.create_task(store.put(f"k{number}", b"", expected=ABSENT)) for number in range(50)]
        await asyncio.sleep(0)
        await store.close()
        assert all(isinstance(revision, int) for revision in await asyncio.gather(*tasks))

    asyncio.run(work())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (50,)

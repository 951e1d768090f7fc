"""A SQLite store whose file cannot be used, and what ages in it."""

import asyncio
import sqlite3
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

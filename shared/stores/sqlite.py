"""The store in one SQLite file (WAL, synchronous=FULL): survives SIGKILL and power loss; one host may share it.

All writes that wait share one transaction in one writer thread; reads have a thread and a connection of their own.
The file is opened by the first use, not by building the store.
"""

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shared.stores.limits import check
from shared.stores.protocol import ABSENT, Entry, StoreUnavailableError
from shared.stores.worker import BusyError, Job, Worker

Result = TypeVar("Result")
Connection = sqlite3.Connection

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL, expires REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_expires ON entry (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""
_BUSY_SECONDS = 5.0
_BUSY_PAUSE = 0.01
_LINGER = 0.001  # of the order of a commit on a fast disk
_PURGE_SECONDS = 10.0
_PURGE_ROWS = 500
_PAGE = 256
_BEYOND = "\x7f"  # greater than every character of a key


@dataclass(slots=True)
class _Transaction:
    """The writes of one batch. `revision` is the whole file's counter: nobody else can move it until the commit.

    So it is read and written once for the batch. A key that was deleted and made again never has an old revision.
    """

    connection: Connection
    revision: int


class SqliteStore:
    """A store in one file. `clock` returns seconds of the wall clock; a ttl is kept as an absolute time of it."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._closed = False
        self._purge_at = 0.0
        self._opening = threading.Lock()  # switching a new file to WAL takes no second connection beside it
        self._writing: Connection | None = None
        self._reading: Connection | None = None
        self._writer = Worker("tidings-store-write", self._write_batch, self._end_writing, _LINGER)
        self._reader = Worker("tidings-store-read", self._read_batch, self._end_reading)

    async def get(self, key: str) -> Entry | None:
        """Return the entry, or None where there is none or it expired."""
        check(key)
        now = self._clock()
        return await self._do(self._reader, lambda connection: _get(connection, key, now))

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        """Write if the key's revision is `expected`; return the new revision once it is on the disk."""
        check(key, value)
        now = self._clock()
        expires = None if ttl is None else now + ttl
        return await self._do(
            self._writer, lambda transaction: _put(transaction, Entry(key, value, expected), expires, now)
        )

    async def delete(self, key: str, *, expected: int) -> bool:
        """Delete if the key's revision is `expected`."""
        check(key)
        now = self._clock()
        return await self._do(self._writer, lambda transaction: _delete(transaction.connection, key, expected, now))

    async def scan(self, prefix: str, *, after: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        """Iterate at most `limit` entries under `prefix` in key order, keys greater than `after` only."""
        left = limit
        last = after
        while left > 0:
            page = await self._page(prefix, last, min(left, _PAGE))
            for entry in page:
                yield entry
            if len(page) < min(left, _PAGE):
                return
            left -= len(page)
            last = page[-1].key

    async def close(self) -> None:
        """Finish the writes that wait and close the file."""
        self._closed = True
        await self._writer.stop()
        await self._reader.stop()

    async def _page(self, prefix: str, after: str, size: int) -> list[Entry]:
        now = self._clock()
        return await self._do(self._reader, lambda connection: _page(connection, prefix, after, size, now))

    async def _do(self, worker: Worker, work: Callable[[Any], Result]) -> Result:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        try:
            return await worker.do(work)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"the store's file cannot be used ({type(error).__name__})") from error
        except (OSError, BusyError) as error:
            raise StoreUnavailableError(f"the store cannot work now ({type(error).__name__})") from error

    def _write_batch(self, batch: Sequence[Job]) -> None:
        """Do all jobs in one transaction: all are on the disk, or none is."""
        try:
            connection = self._writing = self._writing or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            (before,) = connection.execute("SELECT revision FROM counter").fetchone()
            transaction = _Transaction(connection, before)
            for job in batch:
                job.result = job.work(transaction)
            if transaction.revision != before:
                connection.execute("UPDATE counter SET revision = ?", (transaction.revision,))
            self._purge(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._end_writing()  # closing rolls back; the next batch opens the file again
            raise

    def _connect(self) -> Connection:
        with self._opening:
            return _connect(self._path)

    def _read_batch(self, batch: Sequence[Job]) -> None:
        try:
            connection = self._reading = self._reading or self._connect()
            connection.execute("BEGIN")
            for job in batch:
                job.result = job.work(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._end_reading()
            raise

    def _purge(self, connection: Connection) -> None:
        now = self._clock()
        if now < self._purge_at:
            return
        self._purge_at = now + _PURGE_SECONDS
        connection.execute(
            "DELETE FROM entry WHERE key IN (SELECT key FROM entry WHERE expires <= ? LIMIT ?)", (now, _PURGE_ROWS)
        )

    def _end_writing(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


def _connect(path: Path) -> Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _to_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _to_wal(connection: Connection) -> None:
    """Switch the file to WAL; unlike all other statements this one does not wait while another process opens it."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


def _get(connection: Connection, key: str, now: float) -> Entry | None:
    row = connection.execute(
        "SELECT value, revision FROM entry WHERE key = ? AND (expires IS NULL OR expires > ?)", (key, now)
    ).fetchone()
    return None if row is None else Entry(key, row[0], row[1])


def _put(transaction: _Transaction, entry: Entry, expires: float | None, now: float) -> int | None:
    """Compare and set in one statement: each one gives the interpreter's lock away, and it takes time to come back."""
    revision = transaction.revision + 1
    if entry.revision == ABSENT:
        done = transaction.connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, "
            "revision = excluded.revision, expires = excluded.expires WHERE entry.expires <= ?",
            (entry.key, entry.value, revision, expires, now),
        )
    else:
        done = transaction.connection.execute(
            "UPDATE entry SET value = ?, revision = ?, expires = ? "
            "WHERE key = ? AND revision = ? AND (expires IS NULL OR expires > ?)",
            (entry.value, revision, expires, entry.key, entry.revision, now),
        )
    if done.rowcount != 1:
        return None
    transaction.revision = revision
    return revision


def _delete(connection: Connection, key: str, expected: int, now: float) -> bool:
    done = connection.execute(
        "DELETE FROM entry WHERE key = ? AND revision = ? AND (expires IS NULL OR expires > ?)", (key, expected, now)
    )
    return done.rowcount == 1


def _page(connection: Connection, prefix: str, after: str, size: int, now: float) -> list[Entry]:
    rows = connection.execute(
        "SELECT key, value, revision FROM entry WHERE key >= ? AND key > ? AND key < ? "
        "AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?",
        (prefix, after, prefix + _BEYOND, now, size),
    )
    return [Entry(*row) for row in rows]

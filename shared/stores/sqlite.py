"""The store in one SQLite file (WAL, synchronous=FULL): survives SIGKILL and power loss; one host may share it.

All writes that wait share one transaction. Its statements run on the event loop: they touch memory only, and each one
in a thread would cost several handoffs of the interpreter's lock. What waits for the disk or for another process runs
in a thread; reads have a thread and a connection of their own. The file is opened by the first use, not by building
the store.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from shared.stores import statements
from shared.stores.batches import Batches, Job
from shared.stores.limits import check
from shared.stores.protocol import Entry, StoreUnavailableError
from shared.stores.statements import Connection, Transaction
from shared.stores.worker import BusyError, Worker

Result = TypeVar("Result")

_LINGER = 0.001  # of the order of a commit on a fast disk
_PURGE_SECONDS = 10.0
_PAGE = 256


class SqliteStore:
    """A store in one file. `clock` returns seconds of the wall clock; a ttl is kept as an absolute time of it.

    One event loop at a time uses it.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._closed = False
        self._purge_at = 0.0
        self._opening = threading.Lock()  # switching a new file to WAL takes no second connection beside it
        self._writing: Connection | None = None
        self._begun = False  # the thread began a transaction, in which nothing was done so far
        self._reading: Connection | None = None
        self._reads = threading.Lock()  # who holds it has the connection that reads
        self._reader = Worker("tidings-store-read", self._end_reading)
        self._writes = Batches(Worker("tidings-store-write", self._end_writing), self._begin, _LINGER)

    async def get(self, key: str) -> Entry | None:
        """Return the entry, or None where there is none or it expired."""
        check(key)
        self._check_open()
        now = self._clock()
        if self._reading is None:
            with _unavailable():
                await self._reader.do(self._open_reading)
        if self._reads.acquire(blocking=False):
            try:
                with contextlib.suppress(sqlite3.Error):  # the thread tries again: it can wait, and open the file again
                    if self._reading is not None:
                        return statements.get(self._reading, key, now)
            finally:
                self._reads.release()
        return await self._read(lambda connection: statements.get(connection, key, now))

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        """Write if the key's revision is `expected`; return the new revision once it is on the disk."""
        check(key, value)
        now = self._clock()
        expires = None if ttl is None else now + ttl
        entry = Entry(key, value, expected)
        return await self._write(lambda transaction: statements.put(transaction, entry, expires, now), len(value))

    async def delete(self, key: str, *, expected: int) -> bool:
        """Delete if the key's revision is `expected`."""
        check(key)
        now = self._clock()
        return await self._write(lambda transaction: statements.delete(transaction, key, expected, now))

    async def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        """Iterate at most `limit` entries under `prefix` in key order, keys between `after` and `before` only."""
        left = limit
        last = after
        while left > 0:
            page = await self._page(prefix, last, before, min(left, _PAGE))
            for entry in page:
                yield entry
            if len(page) < min(left, _PAGE):
                return
            left -= len(page)
            last = page[-1].key

    async def close(self) -> None:
        """Finish the writes that wait and close the file."""
        self._closed = True
        await self._writes.stop()
        await self._reader.stop()

    async def _page(self, prefix: str, after: str, before: str, size: int) -> list[Entry]:
        now = self._clock()
        wanted = statements.Range(prefix, after, before)
        return await self._read(lambda connection: statements.page(connection, wanted, size, now))

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailableError("the store is closed")

    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        self._check_open()
        with _unavailable():
            return await self._reader.do(partial(self._read_there, work))

    async def _write(self, work: Callable[[Transaction], Result], size: int = 0) -> Result:
        self._check_open()
        with _unavailable():
            return await self._writes.do(work, size)

    def _begin(self, batch: Sequence[Job]) -> Callable[[], bool]:
        """Do a batch's statements in one transaction; return what is to be done in the thread now.

        That is the commit, or what must come first, and then it returns True and the batch begins again.
        """
        begun, self._begun = self._begun, False
        if self._writing is None:
            return self._open_writing
        try:
            if not begun:
                statements.begin(self._writing)
            _write(self._writing, batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the thread closes the file, which may take a while
            return self._wait_to_write if statements.is_busy(error) else partial(self._give_up, error)
        return self._commit

    def _open_writing(self) -> bool:
        self._writing = self._connect()
        return True

    def _wait_to_write(self) -> bool:
        """Begin the transaction as soon as no other process writes."""
        with self._in_writing() as connection, statements.patience(connection):
            statements.begin(connection)
        self._begun = True
        return True

    def _commit(self) -> bool:
        """After this all of a batch is on the disk, or none is."""
        with self._in_writing() as connection:
            now = self._clock()
            if now >= self._purge_at:
                self._purge_at = now + _PURGE_SECONDS
                statements.purge(connection, now)
            connection.commit()  # gives the interpreter's lock away once; executing COMMIT does three times
        return False

    def _give_up(self, error: Exception) -> bool:
        with self._in_writing():
            raise error

    @contextlib.contextmanager
    def _in_writing(self) -> Iterator[Connection]:
        assert self._writing is not None  # noqa: S101 - a batch was begun with it
        try:
            yield self._writing
        except BaseException:
            self._end_writing()  # closing rolls back; the next batch opens the file again
            raise

    def _connect(self) -> Connection:
        with self._opening:
            return statements.connect(self._path)

    def _open_reading(self) -> None:
        if self._reading is None:
            self._reading = self._connect()

    def _read_there(self, work: Callable[[Connection], Result]) -> Result:
        with self._reads:
            try:
                connection = self._reading = self._reading or self._connect()
                with statements.patience(connection):
                    return work(connection)
            except BaseException:
                self._end_reading()
                raise

    def _end_writing(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"the store's file cannot be used ({type(error).__name__})") from error
    except (OSError, BusyError) as error:
        raise StoreUnavailableError(f"the store cannot work now ({type(error).__name__})") from error


def _write(connection: Connection, batch: Sequence[Job]) -> None:
    before = statements.revision(connection)
    transaction = Transaction(connection, before)
    for job in batch:
        job.result = job.work(transaction)
    if transaction.revision != before:
        statements.set_revision(connection, transaction.revision)

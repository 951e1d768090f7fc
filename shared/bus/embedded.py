"""The embedded bus: one SQLite file on this machine, for the system in one process and for small sites.

Publishing that waits together shares one transaction (shared.stores.batches). Several processes may publish and read;
one at a time consumes: the file says how far a group is, the process who has what.
"""

import contextlib
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from shared.bus.codec import UNWRITABLE, key_of, message_id, to_file
from shared.bus.embedded_file import BusFile, New, Row, state_of
from shared.bus.embedded_group import Group, record_of, time_of
from shared.bus.progress import Progress
from shared.bus.protocol import (
    MAX_RECORD,
    OLDEST,
    Abilities,
    BusUnavailableError,
    Delivery,
    Published,
    Record,
    Refused,
    Room,
    Start,
    State,
    Topic,
    deadline,
)
from shared.events.cloudevent import CloudEvent
from shared.stores.batches import Batches, Job
from shared.stores.worker import BusyError, Worker

T = TypeVar("T")

_EXPIRE_SECONDS = 10.0


class EmbeddedBus:
    """A bus in one file. `clock` returns seconds of the wall clock. One event loop uses it."""

    abilities = Abilities(dedupe=True, limit=True, order=False, early=True, change=True)

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._file: BusFile | None = None
        self._reading: BusFile | None = None
        self._expire_at = 0.0
        self._closed = False
        self._room = Room()
        self._groups: dict[tuple[str, str], Group] = {}
        self._reader = Worker("tidings-bus-read", self._end_reading)
        self._writes = Batches(Worker("tidings-bus-write", self._end_writing), self._begin)

    async def publish(self, topic: str, event: CloudEvent) -> Published:
        """Return once it is on the disk."""
        try:
            body = to_file(event)
        except UNWRITABLE:
            return Refused("invalid")
        if len(body) > MAX_RECORD:
            return Refused("too large")
        if not self._room.take(len(body)):
            return Refused("full")
        new = New(topic, message_id(event), key_of(event), body)
        try:
            done = await self._write(lambda file: file.add(new, self._clock()), len(body))
        except _FullError:
            return Refused("full")
        finally:
            self._room.give_back(len(body))
        for (name, _), group in self._groups.items():
            if name == topic:
                group.wake()
        return done

    @asynccontextmanager
    async def consume(self, topic: str, group: str, *, in_flight: int = 64) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take part in a group of this process."""
        place = (topic, group)
        if place not in self._groups:
            progress = await self._read(lambda file: file.progress(topic, group))
            self._groups.setdefault(place, Group(self, topic, group, progress))
        mine: set[int] = set()
        try:
            yield self._groups[place].deliveries(mine, in_flight)
        finally:
            self._groups[place].leave(mine)
            await self._groups[place].keep()

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        """Iterate what is there now."""
        until = await self._read(lambda file: file.last(topic))
        after = start.after.get(0, 0)
        if start.since is not None:
            at = start.since.timestamp()
            after = max(after, await self._read(lambda file: file.since(topic, at)))
        while True:
            rows = await self.page(topic, after, until, key)
            for row in rows:
                yield record_of(topic, row)
            if not rows:
                return
            after = rows[-1].offset

    async def page(self, topic: str, after: int, until: int, key: str = "", most: int = 256) -> list[Row]:
        """Return some records in order."""
        return await self._read(lambda file: file.page(topic, after, until, key, most))

    async def keep_progress(self, topic: str, group: str, progress: Progress) -> None:
        """Keep how far a group is."""
        state = state_of(progress)  # as it is now: the thread writes it later
        await self._write(lambda file: file.keep_progress(topic, group, state), 0)

    async def behind(self, topic: str, group: str) -> int:
        """Return how many events a group has still to end."""
        if (known := self._groups.get((topic, group))) is not None:
            return await self._read(lambda file: file.behind(topic, known.progress))
        return await self._read(lambda file: file.behind(topic, file.progress(topic, group)))

    async def ensure(self, topic: Topic) -> list[str]:
        """Make the topic, or change it."""
        return await self._write(lambda file: file.ensure(topic), 0)

    async def describe(self, name: str) -> State | None:
        """Return what there is."""
        found, bounds = await self._read(lambda file: (file.topic(name), file.bounds(name)))
        if found is None:
            return None
        seconds, max_bytes, events, size = found
        first, last = (None, None) if bounds is None else map(time_of, bounds)
        return State(Topic(name, partitions=0, seconds=seconds, max_bytes=max_bytes), events, size, first, last)

    async def close(self) -> None:
        """Finish what waits and close the file."""
        for group in self._groups.values():
            await group.keep()
        self._closed = True
        await self._writes.stop()
        await self._reader.stop()

    async def _write(self, work: Callable[[BusFile], T], size: int) -> T:
        with _unavailable(closed=self._closed):
            async with deadline():
                return await self._writes.do(work, size)

    async def _read(self, work: Callable[[BusFile], T]) -> T:
        with _unavailable(closed=self._closed):
            async with deadline():
                return await self._reader.do(partial(self._read_there, work))

    def _begin(self, batch: Sequence[Job]) -> Callable[[], bool]:
        return partial(self._commit, batch)

    def _commit(self, batch: Sequence[Job]) -> bool:
        """Do a batch in one transaction, in the thread; all of it is on the disk after this, or nothing."""
        if self._file is None:
            self._file = BusFile(self._path)
        try:
            self._file.begin()
            now = self._clock()
            if now >= self._expire_at:
                self._expire_at = now + (0.0 if self._file.expire(now) else _EXPIRE_SECONDS)
            for job in batch:
                job.result = job.work(self._file)
            self._file.commit()
            self._file.shrink()
        except BaseException:
            self._end_writing()  # closing rolls back; the next batch opens it again
            raise
        return False

    def _read_there(self, work: Callable[[BusFile], T]) -> T:
        if self._reading is None and not self._path.exists():
            with contextlib.closing(BusFile(None)) as empty:  # who only looks makes no file
                return work(empty)
        if self._reading is None:
            self._reading = BusFile(self._path)
        try:
            return work(self._reading)
        except BaseException:
            self._end_reading()
            raise

    def _end_writing(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


class _FullError(BusUnavailableError):
    """The disk is full: for now nothing can be written."""


@contextlib.contextmanager
def _unavailable(*, closed: bool) -> Iterator[None]:
    if closed:
        raise BusUnavailableError("the bus is closed")
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise _FullError("the disk of the bus's file is full") from error
        raise BusUnavailableError(f"the bus's file cannot be used ({type(error).__name__})") from error
    except (OSError, BusyError, TimeoutError) as error:
        raise BusUnavailableError(f"the bus's file cannot be used now ({type(error).__name__})") from error

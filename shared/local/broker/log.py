"""The durable log: what waits together shares one transaction, and is answered when that is on disk."""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import orjson

from shared.events.cloudevent import CloudEvent
from shared.events.codec import to_json
from shared.local.broker.clock import Clock
from shared.local.broker.cursor import Cursor
from shared.local.broker.database import Batch, Database, Page
from shared.local.broker.pace import Pace
from shared.local.broker.records import MAX_RECORD, Stored, row_of
from shared.local.broker.trouble import Trouble
from shared.local.broker.window import Window, run_of, unpack
from shared.local.broker.work import Draft, Work
from shared.runtime.handover import Acceptance

_MAX_BATCH_EVENTS = 512
_MAX_BATCH_BYTES = 4 * 1024 * 1024
_MAX_QUEUED_BYTES = 32 * 1024 * 1024  # beyond it, publishing is refused: the sender shall come again
_READ_EVENTS = 256
_READ_BYTES = 1024 * 1024
_NEAR = 1024  # a new event is kept in memory only if somebody will read it before it would go from there anyway
_LINGER = 0.05  # seconds that endings without a reply may wait for company; a crash in it only repeats them
_MANY = 512
_PAUSE = 1.0  # seconds after a transaction that failed, as on a full disk

T = TypeVar("T")


class Log:
    """Give events offsets from 1 on, keep them until every cursor is past, read them again."""

    def __init__(self, database: Database, clock: Clock, keep: int) -> None:
        """`keep` is how many events stay for looking at although nobody needs them."""
        self._database = database
        self._clock = clock
        self._keep = max(1, keep)
        self._queue: deque[Work] = deque()
        self._endings: list[tuple[Cursor, int]] = []
        self._due = False  # endings and skipped progress are to be written, even alone
        self._queued_bytes = 0
        self.pace = Pace()
        self._cursors: list[Cursor] = []
        self._window = Window()
        self._wake = asyncio.Event()
        self._arrival = asyncio.Event()
        self._reading = asyncio.Lock()
        self._linger: asyncio.TimerHandle | None = None
        self._closing = False
        self._writer = ThreadPoolExecutor(1, "broker-writer")
        self._reader = ThreadPoolExecutor(1, "broker-reader")
        self._writing = Trouble("written", database.path)
        self._reading_file = Trouble("read", database.path)
        self._tidying = Trouble("tidied", database.path)
        self.first, self.next = database.bounds()

    async def publish(self, events: Sequence[CloudEvent]) -> Acceptance:
        """Add events, all or none; `accepted` once they are durable."""
        try:
            encoded = [(event, to_json(event)) for event in events]
        except orjson.JSONEncodeError:
            return "invalid"
        if any(len(body) > MAX_RECORD for _, body in encoded):
            return "too large"
        return "accepted" if not encoded or await self.write(Work(events=encoded)) else "full"

    async def write(self, work: Work) -> bool:
        """Make it durable: True once it is, False where it was refused or failed, and then nothing of it is."""
        if self._closing or self._queued_bytes > _MAX_QUEUED_BYTES:
            return False
        work.done = asyncio.get_running_loop().create_future()
        self._queue.append(work)
        self._queued_bytes += work.size
        self._wake.set()
        return await work.done

    def end_soon(self, cursor: Cursor, offset: int) -> None:
        """Note that a delivery ended with nothing to keep; durable within moments, together with others."""
        self._endings.append((cursor, offset))
        if len(self._endings) >= _MANY:
            self._flush()
        elif self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(_LINGER, self._flush)

    def follow(self, cursor: Cursor) -> None:
        """Keep this cursor's progress and what it still needs."""
        self._cursors.append(cursor)

    async def forget(self, cursor: Cursor) -> None:
        """Drop this cursor for good. Raises sqlite3.Error."""
        await self.change(lambda database: database.forget([(cursor.trigger, cursor.lane)]))
        self._cursors.remove(cursor)

    async def read(self, offset: int) -> list[Stored]:
        """Return some events from `offset` on, in order; none where the log ends there.

        A file that cannot be read is waited for: who waits is cancelled when the broker stops.
        """
        while True:
            offset = max(offset, self.first)
            if offset >= self.next:
                return []
            try:
                return self._window.read(offset) or await self._read(offset)
            except sqlite3.Error as error:
                self._reading_file.go_on(error)
                await self._clock.sleep(_PAUSE)

    async def _read(self, offset: int) -> list[Stored]:
        async with self._reading:  # several consumers at the same place read it once
            found = self._window.read(offset)
            if not found:
                pages = await self.query(lambda database: database.pages(offset, _READ_EVENTS, _READ_BYTES))
                self._reading_file.end()
                found = run_of(pages, offset)
                self._window.add(found)
        return found

    async def read_one(self, offset: int) -> Stored | None:
        """Return the event at `offset`, or None where it is gone."""
        found = await self.read(offset)
        return found[0] if found and found[0].offset == offset else None

    async def arrival(self, offset: int) -> None:
        """Wait until the log holds an event at `offset`."""
        while self.next <= offset:
            await self._arrival.wait()

    async def latest(self, limit: int, before: int | None = None) -> list[Stored]:
        """Return up to `limit` events below `before`, the newest first; fewer where they are large."""
        top = self.next if before is None else min(before, self.next)
        start = max(self.first, top - limit)
        if start >= top:
            return []
        while True:
            begin = start
            pages = await self.query(lambda database: database.pages(begin, top - begin, _MAX_BATCH_BYTES * 4))  # noqa: B023 - awaited here
            kept = [stored for page in pages for stored in unpack(page) if begin <= stored.offset < top]
            if not kept or kept[-1].offset == top - 1:
                readable = [stored for stored in reversed(kept) if stored.readable]
                return readable if readable or not kept else await self.latest(limit, kept[0].offset)
            start = kept[-1].offset + 1  # more bytes than are read at once: the newest of it

    async def query(self, ask: Callable[[Database], T]) -> T:
        """Ask the database in the reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, ask, self._database)

    async def change(self, act: Callable[[Database], T]) -> T:
        """Change the database in the writer's thread, between transactions."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, act, self._database)

    async def run(self) -> None:
        """Write what is queued until `stop_accepting`; nobody waits for an answer after that, however it ended."""
        draft = Draft([])
        try:
            while not self._closing:
                await self._wake.wait()
                self._wake.clear()
                while self._queue or self._due:
                    draft = self._draft()
                    if not await self._commit(draft) and not self._closing:
                        await self._clock.sleep(_PAUSE)
        finally:
            self._closing = True
            self._answer([*draft.works, *self._queue], durable=False)

    async def maintain(self) -> None:
        """Make skipped progress durable and drop what nobody needs; to be called every few seconds."""
        self._flush()
        floor = min((cursor.low() for cursor in self._cursors), default=self.next)
        before = min(floor, self.next - self._keep)
        # After a crash a stored cursor may lie before this: what it skipped is not needed, what it sent has ended.
        try:
            while await self.change(lambda database: database.maintain(before)):
                pass
            first, _ = await self.query(lambda database: database.bounds())
        except sqlite3.Error as error:
            self._tidying.go_on(error)
        else:
            self._tidying.end()
            self.first = max(self.first, first)

    def mark_in_use(self, cursors: Iterable[Cursor]) -> None:
        """Store these cursors again soon, with the time: a quiet Trigger is not one that went away."""
        for cursor in cursors:
            cursor.changed = True
        self._flush()

    async def flush(self) -> None:
        """Make the cursors as they are now durable."""
        await self.write(Work())

    def stop_accepting(self) -> None:
        """Refuse everything new; `run` writes what is queued and ends."""
        self._closing = True
        self._flush()

    def close(self) -> None:
        """Close the file. `run` must have ended."""
        self._writer.shutdown()
        self._reader.shutdown()
        self._database.close()

    def _flush(self) -> None:
        self._due = True
        self._wake.set()

    def _draft(self) -> Draft:
        self._due = False
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        endings, self._endings = self._endings, []
        draft = Draft(endings=endings)
        size = 0
        while self._queue and len(draft.events) < _MAX_BATCH_EVENTS and size < _MAX_BATCH_BYTES:
            work = self._queue.popleft()
            size += work.size
            draft.works.append(work)
            draft.events += work.events
            if work.ended is not None:
                draft.ended.setdefault(work.ended[0], []).append(work.ended[1])
        for cursor, offset in endings:
            draft.ended.setdefault(cursor, []).append(offset)
        return draft

    async def _commit(self, draft: Draft) -> bool:
        now = self._clock.now()
        body = b"\n".join(body for _, body in draft.events)
        changed = [cursor for cursor in self._cursors if cursor.changed or cursor in draft.ended]
        states = [[item.trigger, item.lane, item.snapshot(draft.ended.get(item, ()))] for item in changed]
        for cursor in changed:
            cursor.changed = False
        batch = Batch(
            Page(self.next, len(draft.events), now, body),
            orjson.dumps(states).decode(),
            orjson.dumps([row_of(work.letter) for work in draft.works if work.letter is not None]).decode(),
            orjson.dumps([work.settled for work in draft.works if work.settled]).decode(),
        )
        try:
            durable = await self.change(lambda database: _committed(database, batch))
        except sqlite3.Error as error:
            self._writing.go_on(error)
            self._failed(draft, changed)
            return False
        self._writing.end()
        self.pace.durable(durable)
        self._succeeded(draft, now)
        return True

    def _succeeded(self, draft: Draft, now: float) -> None:
        for cursor, offsets in draft.ended.items():
            cursor.end(offsets)
        if draft.events:
            if any(cursor.next + _NEAR > self.next for cursor in self._cursors):
                numbered = enumerate(draft.events, self.next)
                self._window.add([Stored(offset, event, now, len(body)) for offset, (event, body) in numbered])
            self.next += len(draft.events)
            arrived, self._arrival = self._arrival, asyncio.Event()
            arrived.set()
        self._answer(draft.works, durable=True)

    def _failed(self, draft: Draft, changed: list[Cursor]) -> None:
        for cursor in changed:
            cursor.changed = True
        self._endings = draft.endings + self._endings
        self._due = not self._closing
        self._answer(draft.works, durable=False)

    def _answer(self, works: Iterable[Work], *, durable: bool) -> None:
        for work in works:
            self._queued_bytes -= work.size
            if work.done is not None and not work.done.done():
                work.done.set_result(durable)


def _committed(database: Database, batch: Batch) -> float:
    """Commit, and return when that was done."""
    database.commit(batch)
    return time.monotonic()

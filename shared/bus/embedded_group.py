"""A group of the embedded bus in this process: what was given to whom, and what is to be given again."""

import asyncio
import contextlib
import heapq
import logging
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from shared.bus.embedded_file import Row
from shared.bus.progress import Progress
from shared.bus.protocol import BusUnavailableError, Delivery, Record
from shared.bus.troubles import Troubles
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent, from_json
from shared.events.times import of_milliseconds

_log = logging.getLogger("tidings.bus")

_POLL_SECONDS = 1.0  # another process may have published
_PAUSE_SECONDS = 0.5
_READ_AHEAD = 64
_KEEP_SECONDS = 0.05  # within which what ends shares one transaction; a crash only repeats it


class Source(Protocol):
    """What a group needs of its bus."""

    async def page(self, topic: str, after: int, until: int, key: str = "", most: int = 256) -> list[Row]:
        """Return some records in order. Raises BusUnavailableError."""

    async def keep_progress(self, topic: str, group: str, progress: Progress) -> None:
        """Make durable how far a group is. Raises BusUnavailableError."""


class Group:
    """All members of one group share it."""

    def __init__(self, bus: Source, topic: str, name: str, progress: Progress) -> None:
        self._bus = bus
        self._topic = topic
        self._name = name
        self.progress = progress
        self._tries: dict[int, int] = {}
        self._due: list[tuple[float, int]] = [(0.0, offset) for offset in sorted(progress.open)]
        self._reading = asyncio.Lock()
        self._awake = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._kept = True
        """Whether all that has ended is durable, or being made so."""
        self._troubles = Troubles()

    def wake(self) -> None:
        """Say that there may be something to give."""
        before, self._awake = self._awake, asyncio.Event()
        before.set()

    async def keep(self) -> None:
        """Make durable what has ended."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
            with contextlib.suppress(BusUnavailableError):  # then it is given again
                await self._bus.keep_progress(self._topic, self._name, self.progress)

    async def deliveries(self, mine: set[int], in_flight: int) -> AsyncIterator[Delivery]:
        """Iterate deliveries for one consumer; `mine` is what it has not ended."""
        while True:
            awake = self._awake
            given = False
            if len(mine) < in_flight:
                for row in await self._taken(min(in_flight - len(mine), _READ_AHEAD), mine):
                    given = True
                    yield self._delivery(row, mine)
            if not given:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await awake.wait()

    def leave(self, mine: set[int]) -> None:
        """Give what a consumer has not ended to the others."""
        for offset in sorted(mine):
            heapq.heappush(self._due, (0.0, offset))
        mine.clear()
        self.wake()

    async def _taken(self, most: int, mine: set[int]) -> list[Row]:
        """Return what is to be given; nothing for now where the file cannot be used."""
        try:
            return await self._take(most, mine)
        except BusUnavailableError as error:
            if self._troubles.is_new(str(error)):
                _log.warning("%s cannot be consumed now: %s", self._topic, error)
            await asyncio.sleep(_PAUSE_SECONDS)
            return []

    async def _take(self, most: int, mine: set[int]) -> list[Row]:
        async with self._reading:
            if self._due and self._due[0][0] <= time.monotonic():
                due = self._due[0]
                offset = due[1]
                rows = await self._bus.page(self._topic, offset - 1, offset)
                self._due.remove(due)  # only now: who was cancelled while reading has taken nothing
                heapq.heapify(self._due)
                if not rows:  # retention was faster
                    self.progress.end(offset)
                    self._tries.pop(offset, None)
            else:
                rows = await self._bus.page(self._topic, self.progress.next - 1, 2**62, "", most)
            for row in rows:
                self.progress.begin(row.offset)
                self._tries[row.offset] = self._tries.get(row.offset, 0) + 1
                mine.add(row.offset)
            return rows

    def _delivery(self, row: Row, mine: set[int]) -> Delivery:
        async def ack() -> bool:
            if row.offset not in mine or not self.progress.end(row.offset):
                return False
            mine.discard(row.offset)
            self._tries.pop(row.offset, None)
            self.wake()
            self._kept = False
            if self._keeping is None:
                self._keeping = asyncio.create_task(self._keep_soon())
            return True

        async def again(after: float) -> None:
            if row.offset in mine:
                mine.discard(row.offset)
                heapq.heappush(self._due, (time.monotonic() + after, row.offset))
                self.wake()

        return Delivery(record_of(self._topic, row), self._tries[row.offset], ack, again)

    async def _keep_soon(self) -> None:
        """Make durable what ends within moments, all of it at once; while the file cannot be used, try again."""
        while not self._kept:  # what ends while it is being written is for the next round
            await asyncio.sleep(_KEEP_SECONDS)
            self._kept = True
            try:
                await self._bus.keep_progress(self._topic, self._name, self.progress)
            except BusUnavailableError:
                self._kept = False
        self._keeping = None

    def _pause(self) -> float:
        if not self._due:
            return _POLL_SECONDS
        return min(_POLL_SECONDS, max(0.001, self._due[0][0] - time.monotonic()))


def record_of(topic: str, row: Row) -> Record:
    """Return a record as the protocol has it."""
    event: CloudEvent | NotAnEvent
    try:
        event = from_json(row.body)
    except ValueError:
        event = NotAnEvent(400, "the file is damaged here")
    return Record(topic, 0, row.offset, time_of(row.at), event, row.body)


def time_of(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return of_milliseconds(seconds * 1000)

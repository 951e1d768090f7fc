"""Work of many waiting coroutines in batches: with a transaction around each that is group commit.

Everything that comes while a batch is on its way to the disk is the next batch: one fsync for all of them (speed.md,
"Embedded broker").
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from shared.stores.worker import BusyError, Worker, settle

Result = TypeVar("Result")

_MAX_BATCH = 512  # of 2 to 4 µs each: for as long nothing else goes on in the event loop
_MAX_BYTES = 512 * 1024  # and one more value
_MAX_WAITING = 10_000
_CROWD = 4


@dataclass(slots=True)
class Job:
    """One piece of work, how many bytes it brings and who waits for it: `begin` sets `result`."""

    work: Callable[[Any], Any]
    size: int
    future: "asyncio.Future[Any]"
    result: Any = None


Begin = Callable[[Sequence[Job]], Callable[[], bool]]
"""Begins a batch and returns what is left for the thread; where that returns True, the batch begins once more."""


class Batches:
    """Begins batches on the event loop with `begin`, which returns what is left to do in the worker's thread.

    A job is done once that is. After a batch of several jobs it waits `linger` seconds for more to share the next one:
    with many at once a commit for each few costs more than all else. One job after the other never waits.

    One event loop at a time uses it; another may go on where one ended, even in the middle of a batch.
    """

    def __init__(self, worker: Worker, begin: Begin, linger: float = 0.0) -> None:
        self._worker = worker
        self._begin = begin
        self._linger = linger
        self._waiting: deque[Job] = deque()
        self._crowded = False
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop in which the next turn is due or a batch will be told of; None while there is nothing to do."""

    async def do(self, work: Callable[[Any], Result], size: int = 0) -> Result:
        """Do one piece of work in the next batch. Raises BusyError, or what the batch raised."""
        if len(self._waiting) >= _MAX_WAITING:
            raise BusyError("batches")
        result: Result = await self._add(work, size)
        return result

    async def stop(self) -> None:
        """Finish what waits and end the worker."""
        if self._loop is not None:
            # Whoever waits for a job is told whether it went well; this one only comes after all of them.
            await asyncio.gather(self._add(_nothing, 0), return_exceptions=True)
        await self._worker.stop()

    def _add(self, work: Callable[[Any], Any], size: int) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        job = Job(work, size, loop.create_future())
        self._waiting.append(job)
        if self._loop is None:
            self._loop = loop
            self._turn_soon()
        elif self._loop is not loop:
            self._loop = loop  # the other one ended; what it handed to the thread may not have
            self._worker.hand(_nothing_left, lambda _result, _error: self._turn())
        return job.future

    def _turn_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._crowded and self._linger:
            loop.call_later(self._linger, self._turn)
        else:
            loop.call_soon(self._turn)  # after those who were told of the last batch: they may have more

    def _turn(self) -> None:
        if self._loop is asyncio.get_running_loop():
            batch = self._take()
            self._crowded = len(batch) >= _CROWD
            self._go(batch)

    def _go(self, batch: Sequence[Job]) -> None:
        try:
            rest = self._begin(batch)
        except BaseException as error:
            self._landed(batch, None, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._worker.hand(rest, partial(self._landed, batch))

    def _take(self) -> list[Job]:
        batch: list[Job] = []
        size = 0
        while self._waiting and len(batch) < _MAX_BATCH and size < _MAX_BYTES:
            job = self._waiting.popleft()
            size += job.size
            batch.append(job)
        return batch

    def _landed(self, batch: Sequence[Job], again: bool | None, error: BaseException | None) -> None:  # noqa: FBT001
        if again:
            self._go(batch)
            return
        for job in batch:
            settle(job.future, job.result, error)
        if self._loop is not asyncio.get_running_loop():
            return
        if self._waiting:
            self._turn_soon()
        else:
            self._loop = None


def _nothing(_: object) -> None:
    """Be a job that does nothing."""


def _nothing_left() -> None:
    """Be done in the thread after whatever was handed to it before."""

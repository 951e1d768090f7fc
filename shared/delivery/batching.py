"""Batching: what waits at the same time shares one bulk call, and each is answered by what became of its own item.

On an idle system an item leaves at once, alone. Where items come thick and fast a call waits `linger` seconds for
company; while `concurrency` calls are out, what comes in queues up and leaves together as soon as one returns. The
queue is bounded, and what does not fit is told to come again (guarantees.md: overload is never a drop in silence).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

from shared.events.outcome import Outcome, Retry
from shared.waiting.due import Due

_log = logging.getLogger(__name__)

T = TypeVar("T")
Send = Callable[[Sequence[T]], Awaitable[Sequence[Outcome]]]

FULL = Retry("too much is waiting", after=1.0)
CLOSED = Retry("shutting down")
LATE = Retry("no answer in time")
BROKEN = Retry("the batch failed")


@dataclass(slots=True)
class _Waiting(Generic[T]):
    item: T
    size: int
    answer: asyncio.Future[Outcome]


class Batcher(Generic[T]):
    """Share bulk calls among concurrent submitters. Belongs to one event loop.

    Args:
        send: sends a batch and returns one outcome for each item, in order.
        max_items: most items of one batch.
        max_bytes: most bytes of one batch, by the sizes that submitters state; an item larger than that goes alone.
        max_waiting: most items that may queue; further ones are answered `Retry` at once.
        concurrency: most calls of `send` at a time.
        linger: seconds that a call waits for company where the last one began less than that ago. What comes alone goes
            at once.
        enough: with so many items a call waits no longer, `max_items` where it is not given. Who submits has a bound of
            its own on what it waits for, so it should be well below that.
    """

    def __init__(  # noqa: PLR0913 - each is one bound
        self,
        send: Send[T],
        *,
        max_items: int,
        max_bytes: int,
        max_waiting: int,
        concurrency: int,
        linger: float = 0.0,
        enough: int | None = None,
    ) -> None:
        self._send = send
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting
        self._concurrency = concurrency
        self._linger = linger
        self._enough = max_items if enough is None else min(enough, max_items)
        self._begun = -inf
        self._late: Due[asyncio.Future[Outcome]] = Due(_answer_late)
        self._queue: deque[_Waiting[T]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._working = 0
        self._gathering: asyncio.Event | None = None  # set where a worker waits for company: one does at a time
        self._closed = False

    async def submit(self, item: T, size: int, deadline: float) -> Outcome:
        """Send one item in some batch and return what became of it.

        `size` is in bytes, `deadline` in seconds of the event loop's clock. Where the deadline passes first the answer
        is Retry; the item may still arrive, so items must be recognisable when they repeat.
        """
        if self._closed:
            return CLOSED
        if len(self._queue) >= self._max_waiting:
            return FULL
        loop = asyncio.get_running_loop()
        waiting = _Waiting(item, size, loop.create_future())
        self._queue.append(waiting)
        if self._gathering is not None:
            if len(self._queue) >= self._enough:
                self._gathering.set()
        else:
            self._call_for_work()
        self._late.add(waiting.answer, deadline)
        try:
            return await waiting.answer
        finally:
            self._late.remove(waiting.answer)

    async def close(self) -> None:
        """Refuse what comes from now on and finish what is in flight or waiting."""
        self._closed = True
        if self._gathering is not None:
            self._gathering.set()
        while self._workers:
            await asyncio.wait(self._workers)

    def _call_for_work(self) -> None:
        if self._working < self._concurrency:
            self._working += 1
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _company(self) -> None:
        """Wait for more to send together, where it comes thick and fast."""
        loop = asyncio.get_running_loop()
        until = self._begun + self._linger
        if loop.time() < until and len(self._queue) < self._enough and self._gathering is None and not self._closed:
            self._gathering = asyncio.Event()
            timer = loop.call_at(until, self._gathering.set)
            await self._gathering.wait()
            timer.cancel()
            self._gathering = None
        self._begun = loop.time()

    async def _work(self) -> None:
        while self._queue and self._gathering is None:  # else who gathers takes it
            await self._company()
            batch = self._take()
            if not batch:
                break
            if self._queue:  # more than one call takes: another worker sends it beside this one
                self._call_for_work()
            try:
                outcomes = await self._send([waiting.item for waiting in batch])
            except Exception:  # noqa: BLE001 - whatever it was, the submitters must be answered
                _log.exception("a batch of %d failed", len(batch))
                outcomes = [BROKEN] * len(batch)
            if len(outcomes) != len(batch):
                _log.error("a batch of %d was answered with %d outcomes", len(batch), len(outcomes))
                outcomes = [BROKEN] * len(batch)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(outcome)
        # No await lies between the empty queue and this line: who submits next sees that a worker is wanted again.
        self._working -= 1

    def _take(self) -> list[_Waiting[T]]:
        """Take what may leave together, passing over those who gave up waiting."""
        batch: list[_Waiting[T]] = []
        size = 0
        while self._queue and len(batch) < self._max_items:
            waiting = self._queue[0]
            if batch and size + waiting.size > self._max_bytes and not waiting.answer.done():
                break
            self._queue.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
                size += waiting.size
        return batch


def _answer_late(answer: asyncio.Future[Outcome]) -> None:
    if not answer.done():
        answer.set_result(LATE)

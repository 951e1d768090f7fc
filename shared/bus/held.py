"""What one consumer holds of a bus that knows no delay: what is ready, what waits to be given again, what is out.

What waits is memory, and so counts: beyond `_TIMES` what may be out, nothing new is fetched.
"""

import asyncio
import contextlib
import heapq
import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Generic, TypeVar

from shared.bus.protocol import Delivery, Record

T = TypeVar("T")

_TIMES = 4
_WAIT_SECONDS = 0.5


class Held(Generic[T]):
    """Items of one consumer that may have `in_flight` of them out. `is_ours` says whether one still is."""

    def __init__(self, in_flight: int, is_ours: Callable[[T], bool]) -> None:
        self.most = in_flight * _TIMES
        self._in_flight = in_flight
        self._is_ours = is_ours
        self._ready: deque[tuple[T, int]] = deque()
        self._again: list[tuple[float, int, T, int]] = []
        self._numbers = count()
        self._out = 0
        self._changed = asyncio.Event()

    def add(self, item: T, tries: int) -> None:
        """Take one that came from the bus."""
        self._ready.append((item, tries))
        self._changed.set()

    def give(self) -> tuple[T, int] | None:
        """Return one that is to be given out now, if there is one and it may be; it is out then."""
        while self._out < self._in_flight:
            if self._again and self._again[0][0] <= time.monotonic():
                _, _, item, tries = heapq.heappop(self._again)
            elif self._ready:
                item, tries = self._ready.popleft()
            else:
                return None
            if self._is_ours(item):
                self._out += 1
                return item, tries
        return None

    def delivery(self, record: Record, item: T, tries: int, end: Callable[[], Awaitable[bool]]) -> Delivery:
        """Return what a consumer is given of one that is out; `end` ends it at the bus: False where it is not ours."""
        out = True

        def came_back() -> bool:
            """Return True at the first call, where it is still ours."""
            nonlocal out
            was, out = out, False
            if was:
                self._out -= 1
                self._changed.set()
            return was and self._is_ours(item)

        async def ack() -> bool:
            return came_back() and await end()

        async def again(after: float) -> None:
            if came_back():
                heapq.heappush(self._again, (time.monotonic() + after, next(self._numbers), item, tries + 1))

        return Delivery(record, tries, ack, again)

    def room(self) -> int:
        """Return how many more may be fetched."""
        return min(self._in_flight - self._out, self.most - self._out - len(self._again)) - len(self._ready)

    def pause(self) -> float:
        """Return the seconds until something is due, at most half a second."""
        return min(_WAIT_SECONDS, max(0.001, self._again[0][0] - time.monotonic())) if self._again else _WAIT_SECONDS

    async def change(self) -> None:
        """Wait until something may be given that could not be."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.pause()):
                await self._changed.wait()

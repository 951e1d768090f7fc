"""The token bucket: a system gets no more than it was agreed on, and nothing while it asks us to wait.

Without the second, each event that comes finds out by itself that the system wants nothing, which many systems count,
too. It lies in the process: each replica has a bucket of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

MOST: Final = 3600.0
"""Seconds for which a system is left in peace at most, whatever it says: then one call asks again."""


class Bucket:
    """Lets `rate` tokens a second through on the average, `burst` of them at once; without a rate as many as come.

    `clock` gives seconds that only go forward. Belongs to one event loop.
    """

    def __init__(
        self,
        rate: float = 0.0,
        burst: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._seconds = 1 / rate if rate else 0.0  # of one token
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._full = clock()  # when it will be full again, were nothing more taken
        self._until = self._full  # until when the system asked us to wait

    @property
    def holding(self) -> bool:
        """Return True while the system wants to be left in peace."""
        return self._clock() < self._until

    async def take(self, seconds: float, tokens: float = 1.0) -> float:
        """Take so many and return 0.0, having waited for them at most `seconds`; who comes first goes first.

        Where that is not enough nothing is taken, and the seconds are returned after which to come again. More than
        `burst` go as soon as it is full, and who comes next waits for them all; none at all only wait where the system
        asked for it.
        """
        end = self._clock() + seconds
        turn = self._full - max(self._burst - tokens, 0.0) * self._seconds if tokens else 0.0
        if (wait := self._wait(turn)) > seconds:
            return wait
        self._full = max(self._full, self._clock()) + tokens * self._seconds
        while (wait := self._wait(turn)) > 0:
            if self._clock() + wait > end:  # asked to wait longer meanwhile; what was taken is lost
                return wait
            await self._sleep(wait)
        return 0.0

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long: they said when to come again. Never shortens what they said before."""
        self._until = max(self._until, self._clock() + min(seconds, MOST))

    def _wait(self, turn: float) -> float:
        return max(0.0, max(turn, self._until) - self._clock())


def hourly(requests: int) -> Bucket:
    """Return the bucket of so many requests an hour, a minute's worth of them at once; 0 is no limit."""
    return Bucket(requests / 3600, max(1.0, requests / 60))


def each_second(events: float) -> Bucket:
    """Return the bucket of so many events a second, as many of them at once; 0 is no limit."""
    return Bucket(events, max(1.0, events))

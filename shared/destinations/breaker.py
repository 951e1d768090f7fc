"""The circuit breaker: a system that does not answer is left in peace, and asked by one call whether it is back.

Without it each event that comes again costs the whole time of a connection that nobody takes, and a system that is
coming up meets everything that waited at once.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final, Literal

FAILURES: Final = 10
"""Failures in a row after which it opens."""
FIRST: Final = 1.0
"""Seconds for which it is open the first time; each time that the one call fails the double, at most `MOST`."""
MOST: Final = 15.0
_BUSY: Final = 1.0  # seconds after which to come again while one call is finding out

State = Literal["closed", "open", "half-open"]


class Breaker:
    """The breaker of one foreign system. `clock` gives seconds that only go forward. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST
        self._until = 0.0
        self._asking = False
        self._found = asyncio.Event()

    @property
    def state(self) -> State:
        """Return `closed` while every call may go, `open` while none may, `half-open` while one may."""
        if self._failures < FAILURES:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"

    def enter(self) -> float:
        """Return 0.0 where a call may go now, else the seconds after which to come again.

        Who was let go tells the end by `failed`, `answered` or, where it was given up, `left`.
        """
        state = self.state
        if state == "open":
            return self._until - self._clock()
        if state == "half-open":
            if self._asking:
                return _BUSY
            self._asking = True
            self._found.clear()
        return 0.0

    async def turn(self, seconds: float) -> float:
        """Return what `enter` does, having waited at most `seconds` for the one call that asks, where one does.

        Who is told to come again comes when his broker lets him, which after a long outage is the better part of a
        minute later: so those who come together with the one call go with it.
        """
        wait = self.enter()
        if wait and self._asking:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._found.wait()
            wait = self.enter()
        return wait

    def failed(self) -> None:
        """Note that a call had no answer, or one that says that nobody is there."""
        self._failures += 1
        if self._failures >= FAILURES and (self._asking or self._failures == FAILURES):
            self._until = self._clock() + self._pause
            self._pause = min(MOST, self._pause * 2)
        self.left()

    def answered(self) -> None:
        """Note that the system answered, whatever it said."""
        self._failures, self._pause = 0, FIRST
        self.left()

    def left(self) -> None:
        """Note that a call was given up, so that nobody knows how it would have ended."""
        self._asking = False
        self._found.set()

"""The circuit breaker: a system that does not answer is left in peace, and asked by one call whether it is back.

Without it each event that comes again costs the whole time of a connection that nobody takes, and a system that is
coming up meets everything that waited at once.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

FAILURES: Final = 10
"""Failures in a row after which it opens, where nothing else is said."""
FIRST: Final = 1.0
"""Seconds for which it is open the first time; each time that the one call fails the double, at most `MOST`."""
MOST: Final = 15.0
_BUSY: Final = 1.0  # seconds after which to come again while one call is finding out

State = Literal["closed", "open", "half-open"]


class Turn(NamedTuple):
    """What a call is told: it may go now where `wait` is 0.0, else it is to come again after so many seconds.

    `round` is since when it went: what a call finds that began before the breaker opened says nothing of now.
    """

    wait: float
    round: int


class Breaker:
    """The breaker of one foreign system. `clock` gives seconds that only go forward. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, failures: int = FAILURES) -> None:
        """`failures` in a row open it."""
        self._clock = clock
        self._most = failures
        self._failures = 0
        self._pause = FIRST
        self._until = 0.0
        self._round = 0  # counts how often it opened and closed
        self._asking = False
        self._found = asyncio.Event()

    @property
    def state(self) -> State:
        """Return `closed` while every call may go, `open` while none may, `half-open` while one may."""
        if self._failures < self._most:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"

    @property
    def free(self) -> bool:
        """Return True where a call may go now."""
        state = self.state
        return state == "closed" or (state == "half-open" and not self._asking)

    def enter(self) -> Turn:
        """Return whether a call may go now. Who may tells the end by `failed`, `answered` or, given up, `left`."""
        state = self.state
        if state == "open":
            return Turn(self._until - self._clock(), self._round)
        if state == "half-open":
            if self._asking:
                return Turn(_BUSY, self._round)
            self._asking = True
            self._found.clear()
        return Turn(0.0, self._round)

    async def turn(self, seconds: float) -> Turn:
        """Return what `enter` does, having waited at most `seconds` for the one call that asks, where one does.

        Who is told to come again comes when his broker lets him, which after a long outage is the better part of a
        minute later: so those who come together with the one call go with it.
        """
        turn = self.enter()
        if turn.wait and self._asking:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._found.wait()
            turn = self.enter()
        return turn

    def failed(self, turn: Turn) -> None:
        """Note that a call had no answer, or one that says that nobody is there."""
        if turn.round != self._round:
            return
        self._failures += 1
        if self._failures >= self._most:
            self._until = self._clock() + self._pause
            self._pause = min(MOST, self._pause * 2)
            self._next_round()

    def answered(self, turn: Turn) -> None:
        """Note that the system answered, whatever it said."""
        if turn.round != self._round:
            return
        if self._failures >= self._most:
            self._next_round()
        self._failures, self._pause = 0, FIRST

    def left(self, turn: Turn) -> None:
        """Note that a call was given up, so that nobody knows how it would have ended."""
        if turn.round == self._round:
            self._told()

    def _next_round(self) -> None:
        self._round += 1
        self._told()

    def _told(self) -> None:
        self._asking = False
        self._found.set()

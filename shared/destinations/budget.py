"""The retry budget: how many second tries a system gets, as a share of the calls that it gets anyhow.

A call that failed for a moment is worth a second try. Where every other call fails, second tries are what keeps the
system down: then what failed waits for the broker, which comes back later and not at once. A quiet function has a few
second tries a minute whatever it called, for there they hurt nobody.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

SHARE: Final = 0.2
"""Second tries for each call of the last minute."""
RESERVE: Final = 10
"""Second tries a minute that need no calls."""
WINDOW: Final = 60.0
"""Seconds that a call, and a second try, count."""
_STEP: Final = 1.0  # seconds that are counted together, so that what is remembered is bounded


class Budget:
    """The second tries of one system. `clock` gives seconds that only go forward. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls = 0
        self._tries = 0
        self._steps: deque[list[float]] = deque()  # when, calls, second tries: at most one for each step of a minute

    def called(self, calls: int = 1) -> None:
        """Note calls that went out, second tries among them."""
        self._step()[1] += calls
        self._calls += calls

    def take(self) -> bool:
        """Take one second try and return True; False where none is left, and nothing may be sent again now."""
        step = self._step()
        first = self._calls - self._tries
        if self._tries + 1 > RESERVE + SHARE * max(0, first):
            return False
        step[2] += 1
        self._tries += 1
        return True

    def _step(self) -> list[float]:
        """Return the counts of this moment, and forget what is older than a minute."""
        now = self._clock()
        while self._steps and self._steps[0][0] <= now - WINDOW:
            _, calls, tries = self._steps.popleft()
            self._calls -= int(calls)
            self._tries -= int(tries)
        if not self._steps or now >= self._steps[-1][0] + _STEP:
            self._steps.append([now, 0, 0])
        return self._steps[-1]

"""A rate limit as our functions keep it (shared/destinations/bucket.py), in simulated time."""

from math import inf
from typing import NamedTuple


class Turn(NamedTuple):
    """Whether the tokens were taken, and the seconds to wait: for them, or before asking again."""

    granted: bool
    wait: float


class Bucket:
    """Lets `rate` tokens a second through on the average, `burst` of them at once; a rate of 0 is no limit."""

    def __init__(self, rate: float = 0.0, burst: float = 1.0) -> None:
        self._seconds = 1 / rate if rate else 0.0  # of one token
        self._burst = burst
        self._full = -inf
        self._until = -inf

    def take(self, now: float, most: float, tokens: float = 1.0) -> Turn:
        """Take some and say how long to wait for them; where that is more than `most`, nothing is taken."""
        turn = self._full - max(self._burst - tokens, 0.0) * self._seconds
        wait = max(0.0, max(turn, self._until) - now)
        if wait > most:
            return Turn(granted=False, wait=wait)
        self._full = max(self._full, now) + tokens * self._seconds
        return Turn(granted=True, wait=wait)

    def hold(self, until: float) -> None:
        """Let nothing through before that: they said when to come again."""
        self._until = max(self._until, until)

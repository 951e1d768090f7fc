"""Whether the clocks agree, ours and that of a foreign system: as far as its answers tell its time (`Date`)."""

import time
from collections.abc import Callable
from typing import Final

from shared.destinations.finding import Finding

MOST: Final = 60.0
"""Seconds by which clocks may differ: limits and tokens that name a time of their clock are then still understood."""


class Clock:
    """What the last answer said of the time over there. `now` gives seconds since the epoch."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._answered = False
        self._date = ""
        self._at = 0.0

    def note(self, date: str) -> None:
        """Take note of an answer that came just now; `date` is its header, which may be empty."""
        self._answered, self._date, self._at = True, date, self._now()

    def skew(self) -> float | None:
        """Return the seconds by which the clock here is ahead; None where they told no time that can be read."""
        from email.utils import parsedate_to_datetime  # of no use to a start

        try:
            return self._at - parsedate_to_datetime(self._date).timestamp()
        except (ValueError, OverflowError):
            return None

    def lines(self, consequence: str = "") -> list[Finding]:
        """Return what people are told: nothing where there was no answer; `consequence` is what a skew leads to."""
        if not self._answered:
            return []
        skew = self.skew()
        if skew is None:
            return [(None, "it does not tell its time: whether the clocks agree cannot be seen")]
        if abs(skew) <= MOST:
            return [(True, "the clocks agree")]
        ahead = "ahead of" if skew > 0 else "behind"
        also = f", and {consequence}" if consequence else ""
        return [(False, f"the clock here is {abs(skew):.0f} s {ahead} theirs{also}: check the clocks on both sides")]

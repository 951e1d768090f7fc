"""Acceptance goes before carrying: overload is a backlog in the log, not a slow intake."""

import asyncio
import time

_MAX_LAG = 0.001
_HOLD = 0.02
_POSTING = 0.05
_SMOOTHED = 8


class Pace:
    """Holds deliveries back while events are posted and the event loop has more to do than it can.

    How late the loop is shows in how long a finished transaction waits for it; the disk's own slowness does not count.
    A delivery is held back for moments only, so that carrying goes on, slowly, under any load.
    """

    def __init__(self) -> None:
        self._posted = 0.0
        self._lag = 0.0

    def posted(self) -> None:
        """Note that somebody posted something and waits for the answer."""
        self._posted = time.monotonic()

    def durable(self, since: float) -> None:
        """Note that the event loop takes up a transaction that was finished `since` (monotonic seconds)."""
        self._lag += (time.monotonic() - since - self._lag) / _SMOOTHED

    async def turn(self) -> None:
        """Let the sockets be looked at before the next delivery begins, for longer where the loop is late."""
        hurried = self._lag > _MAX_LAG and time.monotonic() - self._posted < _POSTING
        await asyncio.sleep(_HOLD if hurried else 0)

"""Acceptance goes before carrying: overload is a backlog in the log, not a slow intake."""

import asyncio
import time

_MAX_LAG = 0.001
_POSTING = 0.005  # seconds for which nobody posted: who posts in turns with the answers does so sooner
_MORE = 1.25  # what the gap grows by with each transaction that waited too long,
_LESS = 0.95  # and with each other one
_CLUMP = 16  # deliveries that begin together
_FIRST = 0.0001
_LONGEST = 0.005
_TICK = 0.001  # event loops count timers in milliseconds


class Pace:
    """Holds deliveries back while events are posted and the event loop has more to do than it can.

    How late the loop is shows in how long a finished transaction waits for it; the disk's own slowness does not count.
    All deliveries share the turns, a clump every so often: the gap grows while the loop is late and shrinks while it is
    not, so carrying takes what acceptance leaves. It has a bound, so that carrying goes on, slowly, under any load.

    In clumps, since deliveries that follow each other find the code that they run in the processor's caches, and share
    transactions and calls: an event costs a fifth less than where posts and deliveries take turns one by one.
    """

    def __init__(self) -> None:
        self._posted = 0.0
        self._gap = 0.0
        self._next = 0.0
        self._begun = 0

    def posted(self) -> None:
        """Note that somebody posted something and waits for the answer."""
        self._posted = time.monotonic()

    def durable(self, since: float) -> None:
        """Note that the event loop takes up a transaction that was finished `since` (monotonic seconds)."""
        if time.monotonic() - since > _MAX_LAG:
            self._gap = min(_LONGEST, self._gap * _MORE + _FIRST)
        else:
            self._gap *= _LESS

    async def turn(self) -> None:
        """Let the sockets be looked at before the next clump begins, for longer where the loop is late."""
        self._begun += 1
        if self._begun < _CLUMP:
            return
        self._begun = 0
        now = time.monotonic()
        if now - self._posted < _POSTING:
            self._next = max(now, self._next) + self._gap * _CLUMP
        wait = self._next - now
        await asyncio.sleep(wait if wait > _TICK else 0)

"""Who waits until when, with one timer for all of them.

A timer for each, as `asyncio.timeout` sets it, costs as much as a tenth of what a record on its way to a bus does.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Due(Generic[T]):
    """Those whose time will be over. `over` is called with each whose time is; one loop at a time uses this."""

    def __init__(self, over: Callable[[T], None]) -> None:
        self._over = over
        self._waiting: dict[T, float] = {}
        self._timer: asyncio.Handle | None = None
        self._when = 0.0  # kept here, for what uvloop returns for a time that is now does not tell it
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, who: T, until: float) -> None:
        """Have `over` called with it at `until`, by the running loop's clock, unless it is removed before."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._loop, self._timer = loop, None  # whatever the loop before had is gone with it
            self._waiting.clear()
        self._waiting[who] = until
        if self._timer is None or until < self._when:
            self._look_at(loop, until)

    def remove(self, who: T) -> None:
        """Forget it, whether or not its time was over."""
        self._waiting.pop(who, None)

    def close(self) -> None:
        """Forget all, and let go of the timer: else the loop keeps it, and all of this, until the time it is set to."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._when = loop.call_at(when, self._look, loop), when

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell of those whose time is over, and look again when the next one's is."""
        self._timer = None
        now = loop.time()
        for who in [one for one, until in self._waiting.items() if until <= now]:
            del self._waiting[who]
            self._over(who)
        if self._waiting:
            self._look_at(loop, min(self._waiting.values()))

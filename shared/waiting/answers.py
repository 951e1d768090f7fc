"""Answers that many wait for at once, with one timer for all of them.

A timer for each, as `asyncio.timeout` sets it, costs as much as a tenth of what a record on its way to a bus does.
"""

import asyncio
from typing import TypeVar

T = TypeVar("T")


class Answers:
    """Who waits, until when. One of these belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[object], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def of(self, answer: "asyncio.Future[T]", until: float) -> T:
        """Return what the future is given, or raise what it is. `until` is in seconds of the loop's clock.

        Raises TimeoutError then, and the future has that for its exception, for whoever would have set it.
        """
        self._waiting[answer] = until  # type: ignore[index] # it is only looked at
        if self._timer is None or until < self._timer.when():
            self._look_at(until)
        try:
            return await answer
        finally:
            del self._waiting[answer]  # type: ignore[arg-type]

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        """End those whose time is over, and look again when the next one's is."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        left = [until for until in self._waiting.values() if until > now]
        for answer, until in self._waiting.items():
            if until <= now and not answer.done():
                answer.set_exception(TimeoutError())
        if left:
            self._look_at(min(left))

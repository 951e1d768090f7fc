"""How fast events may go: a bucket of tokens, one second's worth of them at most (the licence's events per second)."""

import asyncio


class Pace:
    """Lets `rate` events a second through, and after a quiet second so many at once; 0 is as many as come."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free = float("-inf")  # when all that was let through so far will be paid for

    async def take(self, events: int) -> None:
        """Return once so many events may go. Who gives up waiting has taken nothing."""
        if not self._rate:
            return
        now = asyncio.get_running_loop().time()
        free = max(self._free, now - 1.0) + events / self._rate
        if free > now:
            await asyncio.sleep(free - now)
        self._free = free

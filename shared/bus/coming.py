"""The next delivery of a group, for whoever cannot wait for ever: until a time is over, or somebody says to stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from shared.bus.protocol import Delivery


class Coming:
    """Takes from one iteration. What was asked for and did not come in time is what the next call waits for."""

    def __init__(self, deliveries: AsyncIterator[Delivery], stop: asyncio.Event) -> None:
        self._deliveries = deliveries
        self._stop = stop
        self._stopping = asyncio.ensure_future(stop.wait())
        self._next: asyncio.Future[Delivery] | None = None

    async def take(self, seconds: float) -> Delivery | None:
        """Return the next one; None where none came in time, or after the word to stop.

        Raises what the iteration does, which has ended then.
        """
        if self._stop.is_set():
            return None
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._deliveries))
        either: set[asyncio.Future[Any]] = {self._next, self._stopping}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not self._next.done():
            return None
        came, self._next = self._next, None
        return came.result()

    async def close(self) -> None:
        """End the iteration; what came meanwhile is the group's again once its consumer leaves."""
        self._stopping.cancel()
        if self._next is not None:
            self._next.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await self._next

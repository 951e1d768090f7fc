"""The next delivery of a group, for whoever cannot wait for ever: until a time is over, or somebody says to stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from shared.bus.protocol import BusUnavailableError, Delivery

_AHEAD: Final = 256  # deliveries that are there before anybody asks: a wait for each would cost as much as its event
_AGAIN_SECONDS: Final = 0.5


class Coming:
    """Takes from one iteration, somewhat ahead. Belongs to one event loop."""

    def __init__(self, deliveries: AsyncIterator[Delivery], stop: asyncio.Event) -> None:
        self._stop = stop
        self._ready: asyncio.Queue[Delivery] = asyncio.Queue(_AHEAD)
        self._coming = asyncio.ensure_future(self._come(deliveries))
        self._stopping = asyncio.ensure_future(stop.wait())

    async def take(self, seconds: float) -> Delivery | None:
        """Return the next one; None where none came in time, or after the word to stop.

        Raises what the iteration does, which has ended then.
        """
        if self._stop.is_set():
            return None
        if self._ready.empty():
            asked = asyncio.ensure_future(self._ready.get())
            either: set[asyncio.Future[Any]] = {asked, self._coming, self._stopping}
            try:
                await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if asked.done():
                    return asked.result()
            finally:
                asked.cancel()  # also where whoever waits is cancelled: it would take one that nobody gets
            if self._coming.done() and not self._stop.is_set():
                self._coming.result()
            return None
        return self._ready.get_nowait()

    async def close(self) -> None:
        """End the iteration, and give back what came and was not taken."""
        self._stopping.cancel()
        while not self._coming.done():  # once may be too little: Python 3.11's wait_for, in a client, can swallow it
            self._coming.cancel()
            await asyncio.wait({self._coming}, timeout=_AGAIN_SECONDS)
        with contextlib.suppress(asyncio.CancelledError):
            self._coming.exception()  # it was raised by `take`
        while not self._ready.empty():
            await self._ready.get_nowait().again()

    async def _come(self, deliveries: AsyncIterator[Delivery]) -> None:
        async for delivery in deliveries:
            try:
                await self._ready.put(delivery)
            except asyncio.CancelledError:
                await delivery.again()
                raise
        raise BusUnavailableError("the bus gives nothing more")  # for ever is what a group's iteration is for

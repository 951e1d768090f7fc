"""What all callers wait for, and one of them makes: a session, a token."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.delivery.failure import Failure, Temporary

T = TypeVar("T")


class Single:
    """Lets one caller at a time make it. Belongs to one event loop."""

    def __init__(self, late: str) -> None:
        """`late` is why a caller goes without it whose time is over before it is his turn."""
        self._late = Temporary(late)
        self._lock = asyncio.Lock()

    async def get(
        self, known: Callable[[], T | None], make: Callable[[float], Awaitable[T | Failure]], seconds: float
    ) -> T | Failure:
        """Return what is known, or else what `make` makes until the deadline that it gets, by the loop's clock."""
        there = known()
        if there is not None:
            return there
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._lock.acquire()
        except TimeoutError:
            return self._late
        try:
            there = known()
            return there if there is not None else await make(deadline)
        finally:
            self._lock.release()

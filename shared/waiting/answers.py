"""Answers that many wait for at once."""

import asyncio
from typing import TypeVar

from shared.waiting.due import Due

T = TypeVar("T")


class Answers:
    """Who waits, until when. One of these belongs to one event loop."""

    def __init__(self) -> None:
        self._due: Due[asyncio.Future[object]] = Due(_late)

    async def of(self, answer: "asyncio.Future[T]", until: float) -> T:
        """Return what the future is given, or raise what it is. `until` is in seconds of the loop's clock.

        Raises TimeoutError then, and the future has that for its exception, for whoever would have set it.
        """
        self._due.add(answer, until)  # type: ignore[arg-type] # it is only looked at
        try:
            return await answer
        finally:
            self._due.remove(answer)  # type: ignore[arg-type]


def _late(answer: "asyncio.Future[object]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())

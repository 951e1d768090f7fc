"""A deadline that costs nothing where nobody has to wait."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def within(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """Return what the coroutine returns; it is cancelled at the deadline, in seconds of the running loop's clock.

    Raises TimeoutError then. The first step is taken before a timer is set: most work ends in it, and a timer set and
    taken back costs as much as reading a whole request.
    """
    try:
        waiting = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    async with asyncio.timeout_at(deadline):
        return await _Rest(work, waiting)


class _Rest(Generic[T]):
    """The rest of a coroutine that has been stepped once and `waiting` is what it waits for."""

    def __init__(self, work: Coroutine[Any, Any, T], waiting: Any) -> None:
        self._work = work
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, T]:
        """Do what `await` does, but for the first step."""
        waiting = self._waiting
        try:
            while True:
                try:
                    value = yield waiting
                except GeneratorExit:
                    self._work.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - a cancellation, too, is the coroutine's own to take
                    waiting = self._work.throw(error)
                else:
                    waiting = self._work.send(value)
        except StopIteration as end:
            result: T = end.value
            return result

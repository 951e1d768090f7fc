"""A deadline: for much that waits at a time, or for what seldom has to wait and then costs nothing."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from shared.waiting.due import Due

T = TypeVar("T")


class Deadlines:
    """Deadlines of much that goes on at a time and does wait: one timer for all of it."""

    def __init__(self) -> None:
        self._due: Due[_Bound] = Due(_Bound.end)

    async def within(self, work: Awaitable[T], deadline: float) -> T:
        """Return what the work returns; it is cancelled at the deadline, by the running loop's clock: TimeoutError."""
        bound = _Bound()
        self._due.add(bound, deadline)
        try:
            return await work
        except asyncio.CancelledError as error:
            if bound.is_the_only_end():
                raise TimeoutError from error
            raise
        finally:
            self._due.remove(bound)
            bound.done()

    def close(self) -> None:
        """Let go of the timer, where nothing goes on any more."""
        self._due.close()


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
    deadlines = Deadlines()
    try:
        return await deadlines.within(_Rest(work, waiting), deadline)
    finally:
        deadlines.close()


class _Bound:
    """A task that is cancelled at a deadline, unless it is done before; as `asyncio.timeout` does it."""

    __slots__ = ("_before", "_late", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for what runs in a task")
        self._task = task
        self._before = task.cancelling()
        self._late = False

    def end(self) -> None:
        self._late = True
        self._task.cancel()

    def is_the_only_end(self) -> bool:
        """Return whether nobody but us has cancelled it meanwhile."""
        return self._late and self._task.cancelling() - 1 <= self._before

    def done(self) -> None:
        if self._late:
            self._task.uncancel()


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

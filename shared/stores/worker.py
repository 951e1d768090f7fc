"""One thread that does what would block the event loop, one piece of work after the other."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")
Tell = Callable[[Any, BaseException | None], None]
"""Takes what the work returned, and what it raised, if it did."""

_MAX_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class _Task:
    work: Callable[[], Any]
    tell: Tell
    loop: asyncio.AbstractEventLoop


class BusyError(Exception):
    """More work is waiting than may be held."""


class Worker:
    """A thread that starts with the first piece of work; `finish` is the last thing that it does.

    A piece of work costs two handoffs between threads and no more: one wakes this thread, one the event loop.
    """

    def __init__(self, name: str, finish: Callable[[], None]) -> None:
        self._name = name
        self._finish = finish
        self._queue: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[], Result]) -> Result:
        """Do one piece of work in the thread. Raises BusyError, or what the work raised."""
        if self._queue.qsize() >= _MAX_WAITING:
            raise BusyError(self._name)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.hand(work, partial(settle, future))
        return await future

    def hand(self, work: Callable[[], Any], tell: Tell) -> None:
        """Do it in the thread and tell the running event loop, if that still runs then."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._queue.put(_Task(work, tell, asyncio.get_running_loop()))

    async def stop(self) -> None:
        """Finish what waits and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            _do(task)
        self._finish()


def settle(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    """Give a future its end, unless whoever waited was cancelled or went away with an event loop."""
    if future.done() or future.get_loop().is_closed():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _do(task: _Task) -> None:
    """Do it and tell. Were the thread to end by a mistake in one piece of work, all later ones would wait for ever."""
    result, error = None, None
    try:
        result = task.work()
    except Exception as caught:  # noqa: BLE001 - whoever waits is told, whatever it was
        error = caught
    with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody is left to tell
        task.loop.call_soon_threadsafe(task.tell, result, error)

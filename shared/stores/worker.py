"""One thread that does the work of many waiting coroutines in batches, so that the event loop never blocks.

Everything that waits when the thread becomes free is one batch: with a transaction around it that is group commit, one
fsync for all of them (speed.md, "Embedded broker").
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")

_MAX_BATCH = 512
_MAX_WAITING = 10_000
_CROWD = 4


@dataclass(slots=True)
class Job:
    """One piece of work and where its result goes: `result` is set by the batch function, `error` where that raises."""

    work: Callable[[Any], Any]
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None


class BusyError(Exception):
    """More work is waiting than the worker may hold."""


class Worker:
    """Runs batches of jobs through `run` in a thread of its own, which starts with the first job.

    After a batch of several jobs it waits `linger` seconds for more to share the next one: with many at once a commit
    for each few costs more than all else. One job after the other never waits.
    """

    def __init__(
        self, name: str, run: Callable[[Sequence[Job]], None], finish: Callable[[], None], linger: float = 0.0
    ) -> None:
        self._name = name
        self._run = run
        self._finish = finish
        self._linger = linger
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[Any], Result]) -> Result:
        """Do one piece of work in the next batch. Raises BusyError, or what the batch function raised."""
        if self._queue.qsize() >= _MAX_WAITING:
            raise BusyError(self._name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.put(Job(work, future))
        return await future

    async def stop(self) -> None:
        """Finish what waits and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _loop(self) -> None:
        running = True
        crowded = False
        while running:
            first = self._queue.get()
            if first is None:
                break
            if crowded and self._linger:
                time.sleep(self._linger)
            batch = [first]
            while len(batch) < _MAX_BATCH and not self._queue.empty():
                job = self._queue.get()
                if job is None:
                    running = False
                    break
                batch.append(job)
            crowded = len(batch) >= _CROWD
            self._try(batch)
            _deliver(batch)
        self._finish()

    def _try(self, batch: Sequence[Job]) -> None:
        """Run a batch. Were this thread to end by a mistake in one job, all later ones would wait for ever."""
        try:
            self._run(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it was
            for job in batch:
                job.error = error


def _deliver(batch: Sequence[Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in batch:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, jobs in by_loop.items():
        if not loop.is_closed():  # nobody is left to tell
            loop.call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future.done():  # its waiter was cancelled
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)

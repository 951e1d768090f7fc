"""The worker's thread: it outlives whatever its jobs do."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from shared.stores.worker import Job, Worker


def test_a_mistake_in_a_job_is_told_and_the_thread_goes_on() -> None:
    """Were the thread to end, everybody who comes later would wait for ever."""

    def run(batch: Sequence[Job]) -> None:
        for job in batch:
            job.result = job.work(10)

    async def play() -> int:
        worker = Worker("test", run, lambda: None)
        try:
            with pytest.raises(ZeroDivisionError):
                await worker.do(lambda ten: ten / 0)
            async with asyncio.timeout(5):
                return await worker.do(lambda ten: int(ten) + 1)
        finally:
            await worker.stop()

    assert asyncio.run(play()) == 11


def test_after_a_crowd_the_next_batch_waits_for_company_and_every_job_is_done_once() -> None:
    sizes: list[int] = []
    first, go = threading.Event(), threading.Event()

    def run(batch: Sequence[Job]) -> None:
        sizes.append(len(batch))
        if len(sizes) == 1:
            first.set()
            go.wait(5)
        for job in batch:
            job.result = job.work(None)

    async def play() -> list[int]:
        worker = Worker("test", run, lambda: None, linger=0.05)
        try:
            alone = asyncio.create_task(worker.do(lambda _: -1))
            await asyncio.to_thread(first.wait, 5)
            crowd = [asyncio.create_task(worker.do(lambda _, number=number: number)) for number in range(8)]
            await asyncio.sleep(0)
            go.set()
            await asyncio.gather(alone, *crowd)
            later = [asyncio.create_task(worker.do(lambda _, number=number: number)) for number in range(8, 10)]
            return [await task for task in (*crowd, *later)]
        finally:
            await worker.stop()

    assert asyncio.run(play()) == list(range(10))
    assert sizes == [1, 8, 2]

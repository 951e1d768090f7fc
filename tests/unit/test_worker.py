"""The worker's thread: it outlives whatever its jobs do."""

import asyncio
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

"""Batches: begun on the event loop, ended in a thread, and every job is done once whatever happens between."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from shared.stores.batches import Batches, Job
from shared.stores.worker import BusyError, Worker


class Disk:
    """Notes the batches and where they are begun; each ends when `go` is set."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun_in: set[int] = set()
        self.first, self.go = threading.Event(), threading.Event()

    def begin(self, batch: Sequence[Job]) -> Callable[[], bool]:
        """Do the jobs."""
        self.sizes.append(len(batch))
        self.begun_in.add(threading.get_ident())
        for job in batch:
            job.result = job.work(10)
        return self.end

    def end(self) -> bool:
        """Wait for the disk, as it were."""
        self.first.set()
        self.go.wait(5)
        return False


@asynccontextmanager
async def running(disk: Disk, linger: float = 0.0) -> AsyncIterator[Batches]:
    batches = Batches(Worker("test", lambda: None), disk.begin, linger)
    try:
        async with asyncio.timeout(5):
            yield batches
    finally:
        await batches.stop()


def test_what_comes_while_a_batch_is_on_its_way_shares_the_next_one() -> None:
    disk = Disk()

    async def play() -> None:
        async with running(disk) as batches:
            alone = asyncio.create_task(batches.do(lambda _: -1))
            await asyncio.to_thread(disk.first.wait, 5)
            rest = [asyncio.create_task(batches.do(lambda ten, each=each: ten + each)) for each in range(8)]  # type: ignore[misc]
            await asyncio.sleep(0)
            disk.go.set()
            assert await asyncio.gather(alone, *rest) == [-1, *range(10, 18)]

    asyncio.run(play())
    assert disk.sizes == [1, 8]
    assert disk.begun_in == {threading.get_ident()}


def test_after_a_crowd_the_next_batch_waits_for_company() -> None:
    disk = Disk()
    disk.go.set()

    async def play() -> None:
        async with running(disk, linger=0.05) as batches:
            await asyncio.gather(*(batches.do(lambda _: None) for _ in range(8)))
            first = asyncio.create_task(batches.do(lambda _: None))
            await asyncio.sleep(0.005)
            await asyncio.gather(first, batches.do(lambda _: None))
            await batches.do(lambda _: None)

    asyncio.run(play())
    assert disk.sizes == [8, 2, 1]


def test_a_batch_is_bounded_in_bytes() -> None:
    disk = Disk()
    disk.go.set()

    async def play() -> None:
        async with running(disk) as batches:
            await asyncio.gather(*(batches.do(lambda _: None, 300_000) for _ in range(5)))

    asyncio.run(play())
    assert disk.sizes == [2, 2, 1]


def test_more_than_may_wait_is_refused() -> None:
    disk = Disk()

    async def play() -> int:
        async with running(disk) as batches:
            tasks = [asyncio.create_task(batches.do(lambda _: None)) for _ in range(10_001)]
            await asyncio.sleep(0)
            disk.go.set()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            return sum(isinstance(answer, BusyError) for answer in answers)

    assert asyncio.run(play()) == 1
    assert sum(disk.sizes) == 10_000


@pytest.mark.parametrize("where", ["begin", "end"])
def test_a_batch_that_fails_is_told_to_all_of_it_and_the_next_one_is_done(where: str) -> None:
    disk = Disk()
    disk.go.set()

    def fail() -> bool:
        raise OSError("no space left on device")

    async def play() -> None:
        async with running(disk) as batches:
            disk.end = fail  # type: ignore[method-assign]
            work = (lambda ten: ten // 0) if where == "begin" else (lambda ten: ten)
            answers = await asyncio.gather(batches.do(work), batches.do(lambda _: 1), return_exceptions=True)
            assert {type(answer) for answer in answers} == {ZeroDivisionError if where == "begin" else OSError}
            del disk.end
            assert await batches.do(lambda ten: ten + 1) == 11

    asyncio.run(play())


def test_a_batch_that_must_wait_first_begins_again() -> None:
    disk = Disk()
    disk.go.set()
    waited: list[int] = []

    def wait() -> bool:
        waited.append(threading.get_ident())
        return True

    async def play() -> int:
        async with running(disk) as batches:
            begin, batches._begin = batches._begin, lambda _batch: wait if not waited else begin(_batch)
            return await batches.do(lambda ten: ten + 1)

    assert asyncio.run(play()) == 11
    assert waited
    assert waited != [threading.get_ident()]


def test_another_event_loop_goes_on_where_one_ended_in_the_middle_of_a_batch() -> None:
    disk = Disk()
    batches = Batches(Worker("test", lambda: None), disk.begin)

    async def leave() -> None:
        asyncio.create_task(batches.do(lambda _: None))  # noqa: RUF006 - it ends with its event loop
        await asyncio.to_thread(disk.first.wait, 5)
        asyncio.create_task(batches.do(lambda _: None))  # noqa: RUF006
        await asyncio.sleep(0)

    async def come_back() -> int:
        mine = asyncio.create_task(batches.do(lambda ten: ten + 1))
        await asyncio.sleep(0.01)
        assert disk.sizes == [1], "the first batch is still on its way to the disk"
        disk.go.set()
        async with asyncio.timeout(5):
            found: int = await mine
        await batches.stop()
        return found

    asyncio.run(leave())
    assert asyncio.run(come_back()) == 11
    assert disk.sizes == [1, 2], "what waited when its event loop ended is done, too"


def test_stopping_finishes_what_waits() -> None:
    disk = Disk()
    done: list[int] = []

    async def play() -> None:
        batches = Batches(Worker("test", lambda: done.append(-1)), disk.begin)
        tasks = [asyncio.create_task(batches.do(lambda _: done.append(1)))]
        await asyncio.to_thread(disk.first.wait, 5)
        tasks += [asyncio.create_task(batches.do(lambda _: done.append(2))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        disk.go.set()
        await batches.stop()
        assert done == [1, 2, 2, 2, -1], "also what nobody waits for any more"
        assert all(task.done() for task in tasks)

    asyncio.run(play())

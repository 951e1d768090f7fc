"""The worker's thread: it outlives whatever it does, and whoever waits for it."""

import asyncio
import threading

import pytest

from shared.stores.worker import Worker


def test_a_mistake_is_told_and_the_thread_goes_on() -> None:
    """Were the thread to end, everybody who comes later would wait for ever."""

    async def play() -> int:
        worker = Worker("test", lambda: None)
        try:
            with pytest.raises(ZeroDivisionError):
                await worker.do(lambda: 10 // 0)
            async with asyncio.timeout(5):
                return await worker.do(lambda: 11)
        finally:
            await worker.stop()

    assert asyncio.run(play()) == 11


def test_what_waits_is_done_in_order_before_the_thread_ends() -> None:
    done: list[int] = []

    async def play() -> None:
        worker = Worker("test", lambda: done.append(-1))
        waiting = [asyncio.create_task(worker.do(lambda number=number: done.append(number))) for number in range(5)]  # type: ignore[misc]
        await asyncio.sleep(0)
        await worker.stop()
        await asyncio.gather(*waiting)

    asyncio.run(play())
    assert done == [0, 1, 2, 3, 4, -1]


def test_an_event_loop_that_ended_meanwhile_does_not_end_the_thread() -> None:
    worker, go = Worker("test", lambda: None), threading.Event()

    async def leave() -> None:
        worker.hand(lambda: go.wait(5), lambda _result, _error: None)

    async def come_back() -> int:
        go.set()
        try:
            async with asyncio.timeout(5):
                return await worker.do(lambda: 7)
        finally:
            await worker.stop()

    asyncio.run(leave())
    assert asyncio.run(come_back()) == 7

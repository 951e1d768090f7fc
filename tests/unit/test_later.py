"""What a start leaves for later is done by itself, off the loop, and harms nobody where it fails."""

import asyncio
import threading

from shared.start.later import later


def test_a_step_runs_in_another_thread_once_the_start_is_over() -> None:
    async def run() -> tuple[bool, threading.Thread]:
        done: asyncio.Queue[threading.Thread] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        later(lambda: loop.call_soon_threadsafe(done.put_nowait, threading.current_thread()))
        await asyncio.sleep(0.02)
        early = done.empty()
        return early, await asyncio.wait_for(done.get(), 10)

    early, thread = asyncio.run(run())
    assert early
    assert thread is not threading.main_thread()


def test_a_step_that_fails_is_left_to_the_first_use() -> None:
    async def run() -> bool:
        tried = threading.Event()

        def step() -> None:
            tried.set()
            raise ImportError("not there")

        later(step)
        return await asyncio.to_thread(tried.wait, 10)

    assert asyncio.run(run())


def test_without_a_loop_nothing_is_done() -> None:
    later(lambda: 1 / 0)

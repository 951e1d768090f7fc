"""A deadline holds where somebody waits, and changes nothing where nobody does."""

import asyncio
from typing import Any

import pytest

from shared.waiting.deadline import within


def run(work: Any, seconds: float = 0.05) -> Any:
    async def main() -> Any:
        return await within(work, asyncio.get_running_loop().time() + seconds)

    return asyncio.run(main())


async def at_once(value: str) -> str:
    return value


async def fails() -> None:
    raise KeyError("a mistake")


async def after(steps: int) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return steps


def test_what_ends_at_once_is_returned_whatever_the_deadline() -> None:
    assert run(at_once("done")) == "done"
    assert run(at_once("late, but done"), seconds=-1) == "late, but done"


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_what_waits_in_time_is_returned(steps: int) -> None:
    assert run(after(steps), seconds=5) == steps


def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError):
        run(fails())

    async def later() -> None:
        await asyncio.sleep(0)
        await fails()

    with pytest.raises(KeyError):
        run(later())


@pytest.mark.parametrize("seconds", [0.02, 0, -1])
def test_what_waits_too_long_is_cancelled_and_cleans_up(seconds: float) -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)  # cleaning up may wait too
            ended.append("clean")

    with pytest.raises(TimeoutError):
        run(forever(), seconds)
    assert ended == ["cancelled", "clean"]


def test_a_timeout_of_the_works_own_stays_its_own() -> None:
    async def patient() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            return "gave up by itself"
        return "never"

    assert run(patient(), seconds=5) == "gave up by itself"


def test_what_began_before_the_first_wait_is_in_the_same_task_as_what_comes_after() -> None:
    async def tasks() -> bool:
        first = asyncio.current_task()
        await asyncio.sleep(0)
        return first is asyncio.current_task()

    assert run(tasks(), seconds=5)


def test_cancelling_whoever_waits_cancels_the_work() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("clean")

    async def main() -> None:
        task = asyncio.create_task(within(forever(), asyncio.get_running_loop().time() + 60))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == ["clean"]

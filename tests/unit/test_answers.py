"""Who waits for an answer is given it, or TimeoutError once its time is over, whatever others wait for."""

import asyncio
from collections.abc import Awaitable

import pytest

from shared.waiting.answers import Answers


async def ended(work: Awaitable[object]) -> object:
    try:
        return await work
    except TimeoutError:
        return "late"


def test_each_is_given_its_own_answer_or_ended_at_its_own_time() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        answers, now = Answers(), loop.time()
        told: list[asyncio.Future[object]] = [loop.create_future() for _ in range(4)]
        waits = (now + 9, now + 0.05, now + 9, now + 0.02)  # one that began later may end earlier
        waiting = [asyncio.create_task(ended(answers.of(one, until))) for one, until in zip(told, waits, strict=True)]
        await asyncio.sleep(0)
        told[0].set_result("first")
        assert await waiting[3] == "late"
        assert await waiting[1] == "late"
        assert loop.time() < now + 5
        assert not waiting[2].done()
        told[2].set_exception(KeyError("its own"))
        with pytest.raises(KeyError, match="its own"):
            await waiting[2]
        assert await waiting[0] == "first"
        assert not answers._due._waiting

    asyncio.run(main())


def test_one_that_is_cancelled_waits_no_more_and_ends_nobody_else() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        answers = Answers()
        one, other = loop.create_future(), loop.create_future()
        cancelled, kept = (asyncio.create_task(answers.of(each, loop.time() + 5)) for each in (one, other))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        other.set_result("kept")
        assert await kept == "kept"
        assert not answers._due._waiting

    asyncio.run(main())


def test_a_time_that_is_over_already_ends_what_is_not_told() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        answers = Answers()
        with pytest.raises(TimeoutError):
            await answers.of(loop.create_future(), loop.time() - 1)
        told = loop.create_future()
        told.set_result("told")
        assert await answers.of(told, loop.time() - 1) == "told"

    asyncio.run(main())

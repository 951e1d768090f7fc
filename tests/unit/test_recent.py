"""What was delivered lately is not sent again; what was not accepted always is."""

import asyncio

import pytest

from shared.delivery.recent import Recent
from shared.events.outcome import Done, Duplicate, Outcome, Retry


def test_a_copy_of_what_was_accepted_is_a_duplicate() -> None:
    sent: list[str] = []

    async def send() -> Outcome:
        sent.append("a")
        return Done()

    async def scene() -> list[Outcome]:
        recent = Recent(10)
        return [await recent.once("a", send) for _ in range(3)]

    assert asyncio.run(scene()) == [Done(), Duplicate(), Duplicate()]
    assert sent == ["a"]


def test_what_was_not_accepted_is_sent_again() -> None:
    outcomes: list[Outcome] = [Retry("down"), Done()]

    async def send() -> Outcome:
        return outcomes.pop(0)

    async def scene() -> list[Outcome]:
        recent = Recent(10)
        return [await recent.once("a", send) for _ in range(3)]

    assert asyncio.run(scene()) == [Retry("down"), Done(), Duplicate()]


@pytest.mark.parametrize(("first", "others"), [(Done(), Duplicate()), (Retry("down"), Retry("down"))])
def test_copies_that_come_together_share_one_sending(first: Outcome, others: Outcome) -> None:
    sent: list[str] = []

    async def send() -> Outcome:
        sent.append("a")
        await asyncio.sleep(0.01)
        return first

    async def scene() -> list[Outcome]:
        recent = Recent(10)
        return await asyncio.gather(*(recent.once("a", send) for _ in range(4)))

    assert asyncio.run(scene()) == [first, others, others, others]
    assert sent == ["a"]


def test_a_sending_that_is_cancelled_leaves_nothing_behind() -> None:
    async def never() -> Outcome:
        await asyncio.sleep(60)
        return Done()

    async def done() -> Outcome:
        return Done()

    async def scene() -> tuple[Outcome, Outcome]:
        recent = Recent(10)
        first = asyncio.create_task(recent.once("a", never))
        await asyncio.sleep(0)
        copy = asyncio.create_task(recent.once("a", done))
        await asyncio.sleep(0)
        first.cancel()
        return await copy, await recent.once("a", done)

    shared, after = asyncio.run(scene())
    assert isinstance(shared, Retry)
    assert after == Done()


def test_memory_is_bounded() -> None:
    async def send() -> Outcome:
        return Done()

    async def scene() -> list[Outcome]:
        recent = Recent(2)
        return [await recent.once(key, send) for key in ("a", "b", "c", "a", "c")]

    assert asyncio.run(scene()) == [Done(), Done(), Done(), Done(), Duplicate()]

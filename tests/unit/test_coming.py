"""What a bus gives somewhat ahead is given back where nobody takes it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from shared.bus.coming import Coming
from shared.bus.protocol import BusUnavailableError, Delivery, Record
from shared.events.cloudevent import CloudEvent

_TIME = datetime(2026, 3, 1, tzinfo=UTC)


class Given:
    """Deliveries without end, or up to one at which the bus breaks; and which of them came back."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most
        self.back: list[int] = []

    async def deliveries(self) -> AsyncIterator[Delivery]:
        for number in range(self.most):
            yield self._delivery(number)
        raise BusUnavailableError("away")

    def _delivery(self, number: int) -> Delivery:
        async def ack() -> bool:
            return True

        async def again(_after: float) -> None:
            self.back.append(number)

        return Delivery(Record("t", 0, number, _TIME, CloudEvent(str(number), "tests", "t"), b""), 1, ack, again)


def test_what_came_and_was_not_taken_is_given_back() -> None:
    async def work() -> None:
        given, stop = Given(), asyncio.Event()
        coming = Coming(given.deliveries(), stop)
        taken = [await coming.take(5) for _ in range(10)]
        assert [one.record.offset for one in taken if one is not None] == [*range(10)]
        await asyncio.sleep(0)
        stop.set()
        assert await coming.take(5) is None
        await coming.close()
        assert sorted(given.back) == [*range(10, 10 + len(given.back))]
        assert len(given.back) > 30

    asyncio.run(work())


def test_what_came_before_the_bus_broke_is_taken_first() -> None:
    async def work() -> None:
        coming = Coming(Given(3).deliveries(), asyncio.Event())
        assert [one.record.offset for _ in range(3) if (one := await coming.take(5)) is not None] == [0, 1, 2]
        with pytest.raises(BusUnavailableError):
            await coming.take(5)
        await coming.close()

    asyncio.run(work())


def test_nothing_comes_in_time_and_then_it_does() -> None:
    async def work() -> None:
        gate = asyncio.Event()

        async def late() -> AsyncIterator[Delivery]:
            await gate.wait()
            async for one in Given(1).deliveries():
                yield one

        coming = Coming(late(), asyncio.Event())
        assert await coming.take(0.01) is None
        gate.set()
        found = await coming.take(5)
        assert found is not None
        assert found.record.offset == 0
        await coming.close()

    asyncio.run(work())


def test_an_iteration_that_ends_is_a_bus_that_is_away() -> None:
    async def work() -> None:
        async def ends() -> AsyncIterator[Delivery]:
            return
            yield

        coming = Coming(ends(), asyncio.Event())
        with pytest.raises(BusUnavailableError):
            await coming.take(5)
        await coming.close()

    asyncio.run(work())


def test_an_iteration_that_swallows_the_word_to_end_is_told_again() -> None:
    async def work() -> None:
        swallowed = 0

        async def deaf() -> AsyncIterator[Delivery]:
            nonlocal swallowed
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    swallowed += 1
                    if swallowed > 1:
                        raise
            yield

        coming = Coming(deaf(), asyncio.Event())
        assert await coming.take(0.01) is None
        async with asyncio.timeout(5):
            await coming.close()
        assert swallowed == 2

    asyncio.run(work())


def test_what_comes_after_the_one_who_waited_was_cancelled_is_given_back() -> None:
    async def work() -> None:
        gate, given = asyncio.Event(), Given()

        async def late() -> AsyncIterator[Delivery]:
            await gate.wait()
            async for one in given.deliveries():
                yield one

        coming = Coming(late(), asyncio.Event())
        waiting = asyncio.create_task(coming.take(60))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        gate.set()
        await asyncio.sleep(0.05)
        await coming.close()
        assert sorted(given.back) == [*range(len(given.back))], "the first one, too"
        assert given.back

    asyncio.run(work())

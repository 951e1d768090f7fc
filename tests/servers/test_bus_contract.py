"""The bus contract: every bus that is registered, against its real server."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bus.protocol import Bus, BusUnavailableError, Delivery, Kept, Start, Topic
from shared.bus.registry import BUSES
from tests.support.buses.registry import RIGS
from tests.support.buses.use import event, name, nothing_more, numbers, publish, read, run, take, until, with_topic


def test_every_bus_has_a_rig() -> None:
    assert set(RIGS) == set(BUSES)


def test_an_event_comes_back_as_it_was_published(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            before = datetime.now(UTC) - timedelta(seconds=2)
            assert isinstance(await bus.publish(topic, event(7)), Kept)
            (record,) = await read(bus, topic)
            assert record.event == event(7)
            assert before < record.at < datetime.now(UTC) + timedelta(seconds=2)

    run(work())


def test_a_group_is_given_each_event_once_where_it_ends_each(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic), bus.consume(topic, "g") as deliveries:
            await publish(bus, topic, [event(number, f"k{number % 7}") for number in range(50)])
            found = await take(deliveries, 50)
            assert sorted(numbers(found)) == list(range(50))
            assert {one.tries for one in found} == {1}
            await nothing_more(deliveries)

    run(work())


def test_two_groups_are_given_everything_each(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic), bus.consume(topic, "a") as first, bus.consume(topic, "b") as second:
            await publish(bus, topic, [event(number) for number in range(10)])
            for deliveries in (first, second):
                assert sorted(numbers(await take(deliveries, 10))) == list(range(10))

    run(work())


def test_a_group_that_comes_late_is_given_what_was_before_it_where_the_bus_can(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            await publish(bus, topic, [event(number) for number in range(5)])
            async with bus.consume(topic, "late") as deliveries:
                if bus.abilities.early:
                    assert sorted(numbers(await take(deliveries, 5))) == list(range(5))
                else:
                    await nothing_more(deliveries)

    run(work())


def test_what_is_given_back_comes_again_after_its_time_and_holds_up_nobody(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic), bus.consume(topic, "g") as deliveries:
            await publish(bus, topic, [event(number) for number in range(4)])
            began: dict[int, float] = {}
            ended: list[int] = []
            async for one in deliveries:
                (number,) = numbers([one])
                if number == 2 and number not in began:
                    began[number] = time.monotonic()
                    await one.again(1.0)
                    continue
                assert await one.ack()
                ended.append(number)
                if number == 2:
                    assert one.tries >= 2
                    assert 0.9 < time.monotonic() - began[2] < 5
                    break
            assert sorted(ended) == [0, 1, 2, 3]
            assert ended[-1] == 2

    run(work())


def test_what_a_consumer_left_without_its_end_is_given_to_the_next_one(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            async with bus.consume(topic, "g") as deliveries:
                await publish(bus, topic, [event(number) for number in range(6)])
                found = await take(deliveries, 6, ack=False)
                for one in found[:3]:
                    assert await one.ack()
            kept = set(numbers(found[3:]))
            async with bus.consume(topic, "g") as deliveries:
                seen: set[int] = set()
                async for one in deliveries:
                    assert await one.ack()
                    seen |= set(numbers([one]))
                    if seen >= kept:
                        break
            assert seen >= kept
            assert len(seen & set(numbers(found[:3]))) <= (3 if bus.abilities.order else 0)

    run(work())


def test_a_bus_says_how_far_a_group_is_behind(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            if not bus.abilities.early:
                async with bus.consume(topic, "g"):
                    pass
            await publish(bus, topic, [event(number, f"k{number}") for number in range(6)])
            assert await bus.behind(topic, "g") == 6
            async with bus.consume(topic, "g") as deliveries:
                await take(deliveries, 4)
                await asyncio.sleep(0.5)  # how far it is becomes durable within that
            async with asyncio.timeout(20):  # RabbitMQ takes back what a consumer had in its own time
                while await bus.behind(topic, "g") != 2:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.1)
            async with bus.consume(topic, "g") as deliveries:
                await take(deliveries, 2)
                await asyncio.sleep(0.5)
            assert await bus.behind(topic, "g") == 0

    run(work())


def test_an_event_that_is_published_twice_is_kept_once_where_the_bus_can(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            first = await bus.publish(topic, event(1))
            again = await bus.publish(topic, event(1))
            other = await bus.publish(topic, event(1, source="elsewhere"))
            assert isinstance(first, Kept)
            assert isinstance(again, Kept)
            assert isinstance(other, Kept)
            assert [one.duplicate for one in (first, again, other)] == [False, bus.abilities.dedupe, False]
            assert len(await read(bus, topic)) == (2 if bus.abilities.dedupe else 3)

    run(work())


def test_reading_goes_by_time(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            await publish(bus, topic, [event(number) for number in range(3)])
            await asyncio.sleep(1.1)
            middle = datetime.now(UTC)
            await asyncio.sleep(0.1)
            await publish(bus, topic, [event(number) for number in range(3, 6)])
            assert sorted(numbers(await read(bus, topic, Start(since=middle)))) == [3, 4, 5]
            assert await read(bus, topic, Start(since=datetime.now(UTC) + timedelta(hours=1))) == []
            assert len(await read(bus, topic, Start(since=middle - timedelta(days=1)))) == 6

    run(work())


def test_reading_goes_on_where_it_ended(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            await publish(bus, topic, [event(number, f"k{number}") for number in range(20)])
            after: dict[int, int] = {}
            seen: list[int] = []
            async for record in bus.read(topic):
                after[record.partition] = record.offset
                seen += numbers([record])
                if len(seen) == 8:
                    break
            seen += numbers(await read(bus, topic, Start(after=after)))
            assert sorted(seen) == list(range(20))

    run(work())


def test_reading_goes_by_key(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            await publish(bus, topic, [event(number, f"k{number % 3}") for number in range(12)])
            await bus.publish(topic, event(99, "a key.with > signs"))
            assert sorted(numbers(await read(bus, topic, key="k1"))) == [1, 4, 7, 10]
            assert numbers(await read(bus, topic, key="a key.with > signs")) == [99]
            assert await read(bus, topic, key="nobody") == []

    run(work())


def test_one_key_keeps_its_order(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            for number in range(10):
                await bus.publish(topic, event(number, "same"))
            assert numbers(await read(bus, topic, key="same")) == list(range(10))

    run(work())


def test_an_empty_topic_is_read_to_its_end(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            assert await read(bus, topic) == []

    run(work())


def test_a_slow_consumer_has_no_more_than_it_asked_for(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic), bus.consume(topic, "slow", in_flight=5) as deliveries:
            await publish(bus, topic, [event(number, f"k{number}") for number in range(40)])
            held: list[Delivery] = []

            async def collect() -> None:
                async for one in deliveries:
                    held.append(one)  # noqa: PERF401 - it goes on for ever

            task = asyncio.create_task(collect())
            await until(lambda: len(held) == 5)
            await asyncio.sleep(1.0)
            assert len(held) == 5
            for one in held[:5]:
                assert await one.ack()
            await until(lambda: len(held) == 10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(work())


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """End consumers; once may be too little, for Python 3.11's wait_for can swallow it in a client."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1.0)


def test_three_consumers_share_and_one_that_goes_is_replaced(rig: Any) -> None:
    """F34: "broker/dispatcher restart, rebalance: duplicates absorbed; ordering claim only per object key"."""

    async def consumer(topic: str, bus: Bus, seen: list[int], ready: asyncio.Event) -> None:
        while True:
            # As functions do: RabbitMQ may refuse one of several that make the group's queue at the same time.
            with contextlib.suppress(BusUnavailableError):
                async with bus.consume(topic, "g", in_flight=4) as deliveries:
                    ready.set()
                    async for one in deliveries:
                        await asyncio.sleep(0.002)
                        seen += numbers([one])
                        await one.ack()

    async def work() -> None:
        async with with_topic(rig, Topic(name(), partitions=6)) as (bus, topic):
            # The embedded bus has one process, and so one connection, for all of a group.
            buses = [bus] * 3 if rig.name == "embedded" else [rig.bus() for _ in range(3)]
            seen: list[list[int]] = [[], [], []]
            ready = [asyncio.Event() for _ in buses]
            tasks = [
                asyncio.create_task(consumer(topic, one, mine, there))
                for one, mine, there in zip(buses, seen, ready, strict=True)
            ]
            await asyncio.gather(*(one.wait() for one in ready))
            await asyncio.sleep(1.0)
            await publish(bus, topic, [event(number, f"k{number % 50}") for number in range(300)])
            await until(lambda: sum(map(len, seen)) >= 150)
            await ended(tasks[:1])
            await publish(bus, topic, [event(number, f"k{number % 50}") for number in range(300, 500)])
            await until(lambda: {*seen[0], *seen[1], *seen[2]} == set(range(500)))
            assert all(seen), [len(one) for one in seen]
            await ended(tasks)
            for one in buses:
                if one is not bus:
                    await one.close()

    run(work())

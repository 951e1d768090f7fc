"""The bus contract, of topics: how they are made, what they hold, and what they refuse."""

import asyncio
from typing import Any

import pytest

from shared.bus.protocol import BusUnavailableError, Kept, Refused, Topic
from tests.support.buses.use import event, name, numbers, publish, read, run, with_topic


def test_what_is_too_large_is_refused_with_its_reason(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            assert await bus.publish(topic, event(1, size=1_200_000)) == Refused("too large")
            assert isinstance(await bus.publish(topic, event(2, size=900_000)), Kept)
            assert numbers(await read(bus, topic)) == [2]

    run(work())


def test_a_topic_that_is_not_there_is_said_to_be_missing(rig: Any) -> None:
    async def work() -> None:
        bus = rig.bus()
        assert await bus.publish(name("missing"), event(1)) == Refused("no topic")
        assert await bus.describe(name("missing")) is None
        await bus.close()

    run(work())


def test_an_event_that_could_not_be_read_again_is_refused(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            bad = event(1)._replace(extensions={"Not-A-Name": "x"})
            assert await bus.publish(topic, bad) == Refused("invalid")
            assert await bus.publish(topic, event(1)._replace(data=2**64)) == Refused("invalid")

    run(work())


def test_a_full_topic_refuses_and_loses_nothing_where_the_bus_can(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig, Topic(name(), max_bytes=200_000)) as (bus, topic):
            if not bus.abilities.limit:
                return
            answers = [await bus.publish(topic, event(number, size=10_000)) for number in range(40)]
            kept = [number for number, one in enumerate(answers) if isinstance(one, Kept)]
            assert 5 < len(kept) < 30
            assert {one for one in answers if not isinstance(one, Kept)} == {Refused("full")}
            assert numbers(await read(bus, topic)) == kept

    run(work())


def test_a_topic_is_made_once_and_changed_where_it_differs(rig: Any) -> None:
    async def work() -> None:
        bus = rig.bus()
        topic = Topic(name(), partitions=2, seconds=86_400)
        assert await bus.ensure(topic) == ["made"]
        assert await bus.ensure(topic) == []
        longer = Topic(topic.name, partitions=2, seconds=2 * 86_400)
        if bus.abilities.change:
            found = await bus.describe(topic.name)
            assert found is not None
            assert (found.topic.name, found.topic.seconds, found.events) == (topic.name, 86_400, 0)
            assert await bus.ensure(longer)
            assert await bus.ensure(longer) == []
            changed = await bus.describe(topic.name)
            assert changed is not None
            assert changed.topic.seconds == 2 * 86_400
        else:
            with pytest.raises(BusUnavailableError, match="policy"):
                await bus.ensure(longer)
        await bus.close()

    run(work())


def test_a_topic_is_described_with_what_it_holds(rig: Any) -> None:
    async def work() -> None:
        async with with_topic(rig) as (bus, topic):
            await publish(bus, topic, [event(number) for number in range(5)])

            async def counted() -> int:
                found = await bus.describe(topic)
                assert found is not None
                return found.events

            async with asyncio.timeout(15):  # RabbitMQ counts every five seconds
                while await counted() != 5:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.2)

    run(work())

"""What is RabbitMQ's own: what a consumer leaves behind where it cannot begin, and that what was confirmed is kept."""

import asyncio
import logging
from itertools import count
from typing import Any

import pytest
from aio_pika import Queue
from aiormq.exceptions import ChannelInvalidStateError

from shared.bus.protocol import Bus, BusUnavailableError, Topic
from shared.bus.rabbitmq_consumer import GroupConsumer
from shared.bus.rabbitmq_link import RabbitmqLink
from tests.support.buses.use import event, name, numbers, publish, read, run, take, until, until_kept, with_topic


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Return a list whose errors the server's next answers to `Basic.Consume` are, one by one."""
    errors: list[Exception] = []
    consume = Queue.consume

    async def answered(self: Queue, *args: Any, **named: Any) -> str:
        if errors:
            raise errors.pop(0)
        return await consume(self, *args, **named)

    monkeypatch.setattr(Queue, "consume", answered)
    return errors


def channels(link: RabbitmqLink) -> int:
    """Return how many channels its connection has."""
    assert link._connection is not None
    assert link._connection.transport is not None
    return len([one for one in link._connection.transport.connection.channels.values() if one is not None])


def test_a_consumer_that_cannot_begin_leaves_no_channel_open(rig_rabbitmq: Any, refuse: list[Exception]) -> None:
    async def work() -> None:
        async with with_topic(rig_rabbitmq) as (bus, topic):
            await publish(bus, topic, [event(1)])
            link: RabbitmqLink = bus._link  # type: ignore[attr-defined]
            before = channels(link)
            refuse.append(TimeoutError())
            with pytest.raises(BusUnavailableError, match="in time"):
                async with bus.consume(topic, "g"):
                    pass
            assert channels(link) == before

    run(work())


def test_a_consumer_that_could_not_begin_again_tries_until_it_can_and_says_so_once(
    rig_rabbitmq: Any, refuse: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with with_topic(rig_rabbitmq) as (bus, topic):
            link: RabbitmqLink = bus._link  # type: ignore[attr-defined]
            consumer = GroupConsumer(link, topic, "g", 4)
            await consumer.open()
            assert consumer._channel is not None
            refuse.extend([ChannelInvalidStateError(), ChannelInvalidStateError()])
            await consumer._channel.close()
            coming = asyncio.create_task(take(consumer.deliveries(), 1))
            await publish(bus, topic, [event(1)])
            assert numbers(await coming) == [1]
            await consumer.leave()

    with caplog.at_level(logging.WARNING, "tidings"):
        run(work())
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.endswith("cannot be consumed now: RabbitMQ cannot be asked now (ChannelInvalidStateError)")


def test_nothing_is_confirmed_while_the_stream_is_not_back_though_a_groups_queue_is(rig_rabbitmq: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_rabbitmq) as (bus, topic):
            async with bus.consume(topic, "g"):
                await publish(bus, topic, [event(0)])
            await asyncio.to_thread(rig_rabbitmq.stop)
            rig_rabbitmq.take_stream(topic)
            await asyncio.to_thread(rig_rabbitmq.start)
            await until_answers(bus, topic)
            for number in range(1, 20):
                with pytest.raises(BusUnavailableError):
                    await bus.publish(topic, event(number))
            await asyncio.to_thread(rig_rabbitmq.stop)
            rig_rabbitmq.give_stream(topic)
            await asyncio.to_thread(rig_rabbitmq.start)
            await until_kept(bus, topic, event(20))
            assert numbers(await read(bus, topic)) == [0, 20]

    run(work(), 120)


async def until_answers(bus: Bus, topic: str) -> None:
    """Return once the server can be asked again: how many wait for the group."""
    while True:
        try:
            assert await bus.behind(topic, "g") == 1
        except BusUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return


def test_what_is_confirmed_is_kept_where_the_streams_leader_changes_and_two_topics_are_published_to(
    rig_rabbitmq: Any,
) -> None:
    """RabbitMQ until 4.0 drops what it confirms on a channel that publishes to both."""

    async def work() -> None:
        async with with_topic(rig_rabbitmq) as (bus, topic):
            other = name()
            await bus.ensure(Topic(other, partitions=1))
            kept: list[int] = []

            async def publisher(first: int) -> None:
                for number in count(first, 8):
                    await until_kept(bus, other if number % 3 else topic, event(number))
                    if not number % 3:
                        kept.append(number)
                    if ended.is_set():
                        return

            ended = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                for first in range(8):
                    tasks.create_task(publisher(first))
                for _ in range(3):
                    await asyncio.to_thread(rig_rabbitmq.end_leader, topic)
                    before = len(kept)
                    await until(lambda: len(kept) > before + 100)  # noqa: B023 - it is awaited here
                ended.set()
            assert set(kept) <= set(numbers(await read(bus, topic)))

    run(work(), 120)

"""What a consumer of RabbitMQ leaves behind where it cannot begin, and that it begins once it can."""

import asyncio
import logging
from typing import Any

import pytest
from aio_pika import Queue
from aiormq.exceptions import ChannelInvalidStateError

from shared.bus.protocol import BusUnavailableError
from shared.bus.rabbitmq_consumer import GroupConsumer
from shared.bus.rabbitmq_link import RabbitmqLink
from tests.support.buses.use import event, numbers, publish, run, take, with_topic


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

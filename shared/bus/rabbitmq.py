"""RabbitMQ: an exchange for each topic, bound to a stream that keeps and to a quorum queue for each group.

Two kinds of queue, because neither does both: a stream can be read again and does not know who has had what; a quorum
queue knows that, and forgets what was acknowledged. A confirmed event is in all of them, on a majority of the nodes.
So a group is given what is published once its queue is there, and replay reads the stream.

AMQP 0-9-1 cannot say where a stream ends: reading looks at its last chunk first.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from pamqp.common import FieldTable

from shared.bus.codec import UNWRITABLE, key_of, message_id, to_rabbitmq
from shared.bus.protocol import (
    MAX_RECORD,
    OLDEST,
    Abilities,
    BusUnavailableError,
    Delivery,
    Published,
    Record,
    Refused,
    Room,
    Start,
    State,
    Topic,
    deadline,
)
from shared.bus.rabbitmq_consumer import GroupConsumer, queue_of
from shared.bus.rabbitmq_link import TROUBLE, RabbitmqLink, unavailable
from shared.bus.rabbitmq_publisher import Publisher
from shared.bus.rabbitmq_record import AT, record_of
from shared.bus.settings import RabbitmqSettings
from shared.events.cloudevent import CloudEvent

_PREFETCH = 200
_LOOK_SECONDS = 2.0  # for a stream's last chunk
_CHUNK_SECONDS = 0.5  # between two messages of it: where nothing came for as long, it is taken to end
_SEGMENT = 20_000_000  # bytes that go at once when they are too old
_QUEUE = {"x-queue-type": "stream"}


class RabbitmqBus:
    """A bus of exchanges, streams and quorum queues."""

    abilities = Abilities(dedupe=False, limit=False, order=False, early=False, change=False)

    def __init__(self, settings: RabbitmqSettings) -> None:
        self._link = RabbitmqLink(settings)
        self._room = Room()
        self._publisher = Publisher(self._link)

    async def publish(self, topic: str, event: CloudEvent) -> Published:
        """Return once the stream and every group's queue have confirmed it."""
        try:
            headers, media, body = to_rabbitmq(event)
        except UNWRITABLE:
            return Refused("invalid")
        if len(body) > MAX_RECORD:
            return Refused("too large")
        if not self._room.take(len(body)):
            return Refused("full")
        now = time.time()
        message = Message(
            body,
            headers={**headers, AT: int(now * 1000)},
            content_type=media,
            message_id=message_id(event),
            timestamp=now,
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        try:
            async with deadline():
                return await self._publisher.publish(topic, message)
        except TROUBLE as error:
            raise unavailable(error) from error
        finally:
            self._room.give_back(len(body))

    @asynccontextmanager
    async def consume(self, topic: str, group: str, *, in_flight: int = 64) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take part in a group, over restarts of the server."""
        consumer = GroupConsumer(self._link, topic, group, in_flight)
        try:
            async with deadline():
                await consumer.open()
        except TROUBLE as error:
            raise unavailable(error) from error
        try:
            yield consumer.deliveries()
        finally:
            await consumer.leave()

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        """Iterate what is in the stream now. One key is found by reading all."""
        try:
            async with self._link.channel() as channel:
                last = await _last(channel, topic)
                if last is None or last.offset <= start.after.get(0, -1):
                    return
                if start.since is not None and last.at < start.since:
                    return
                async for message in _from(channel, topic, _place(start)):
                    one = record_of(topic, message)
                    if _is_wanted(one, start, key):
                        yield one
                    if one.offset >= last.offset:
                        newer = await self._newest(topic)
                        if newer is None or newer.offset <= last.offset:
                            return
                        last = newer  # a busy server had not said all
        except TROUBLE as error:
            raise unavailable(error) from error

    async def behind(self, topic: str, group: str) -> int:
        """Return what waits in the group's queue; nothing where it has none yet."""
        try:
            async with self._link.channel() as channel, deadline():
                queue = await channel.declare_queue(queue_of(topic, group), passive=True)
                return queue.declaration_result.message_count or 0
        except ChannelNotFoundEntity:
            return 0
        except TROUBLE as error:
            raise unavailable(error) from error

    async def ensure(self, topic: Topic) -> list[str]:
        """Make exchange and stream; a stream's arguments are for ever, unless a policy overrides them."""
        try:
            made = await self._link.has_exchange(topic.name)
            async with self._link.channel() as channel, deadline():
                exchange = await channel.declare_exchange(topic.name, ExchangeType.FANOUT, durable=True)
                queue = await channel.declare_queue(topic.name, durable=True, arguments=_stream(topic))
                await queue.bind(exchange)
        except ChannelPreconditionFailed as error:
            text = "RabbitMQ cannot change what is kept of a stream: set a policy with max-age for it"
            raise BusUnavailableError(text) from error
        except TROUBLE as error:
            raise unavailable(error) from error
        return [] if made else ["made"]

    async def describe(self, name: str) -> State | None:
        """Return what the server says: of a stream's arguments, nothing over AMQP."""
        try:
            if not await self._link.has_exchange(name):
                return None
            async with self._link.channel() as channel, deadline():
                queue = await channel.declare_queue(name, passive=True)
                return State(Topic(name, seconds=0), queue.declaration_result.message_count or 0)
        except TROUBLE as error:
            raise unavailable(error) from error

    async def close(self) -> None:
        """End the connection."""
        await self._link.close()

    async def _newest(self, topic: str) -> Record | None:
        async with self._link.channel() as channel:
            return await _last(channel, topic)


async def _from(
    channel: AbstractChannel, topic: str, place: str | int | datetime
) -> AsyncIterator[AbstractIncomingMessage]:
    """Iterate a stream from a place on, for ever; each message may take a call's time. Raises TimeoutError."""
    await channel.set_qos(_PREFETCH)
    queue = await channel.get_queue(topic, ensure=False)
    came: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    tag = await queue.consume(came.put, arguments={"x-stream-offset": place})
    try:
        while True:
            async with deadline():
                message = await came.get()
            await message.ack()  # it only lets the server send more
            yield message
    finally:
        if not channel.is_closed:
            await queue.cancel(tag)


async def _last(channel: AbstractChannel, topic: str) -> Record | None:
    """Return the newest record of a stream, None where it is empty."""
    found: AbstractIncomingMessage | None = None
    messages = _from(channel, topic, "last")
    try:
        while True:
            async with asyncio.timeout(_LOOK_SECONDS if found is None else _CHUNK_SECONDS):
                found = await anext(messages)
    except TimeoutError:
        return None if found is None else record_of(topic, found)
    finally:
        await messages.aclose()  # type: ignore[attr-defined] # it is a generator


def _place(start: Start) -> str | int | datetime:
    if 0 in start.after:
        return start.after[0] + 1
    return "first" if start.since is None else start.since.astimezone(UTC)


def _is_wanted(one: Record, start: Start, key: str) -> bool:
    if start.since is not None and one.at < start.since:  # it begins with a whole chunk
        return False
    return not key or (isinstance(one.event, CloudEvent) and key_of(one.event) == key)


def _stream(topic: Topic) -> FieldTable:
    arguments: FieldTable = {
        **_QUEUE,
        "x-max-age": f"{topic.seconds}s",
        "x-stream-max-segment-size-bytes": _SEGMENT,
        "x-initial-cluster-size": topic.replicas,
    }
    if topic.max_bytes is not None:
        arguments["x-max-length-bytes"] = topic.max_bytes
    return arguments

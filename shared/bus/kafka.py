"""Kafka, also as Red Hat AMQ Streams gives it: idempotent, acknowledged by all replicas in sync, partitioned by key."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    MessageSizeTooLargeError,
    NotCoordinatorForGroupError,
    ProducerClosed,
    TopicAuthorizationFailedError,
)

from shared.bus.codec import UNWRITABLE, key_of, to_kafka
from shared.bus.kafka_consumer import GroupConsumer
from shared.bus.kafka_link import SMALLEST_BATCH, KafkaLink, stopped, unavailable
from shared.bus.kafka_record import record_of
from shared.bus.kafka_topics import Known, describe, ensure
from shared.bus.protocol import (
    MAX_RECORD,
    OLDEST,
    SECONDS,
    Abilities,
    BusUnavailableError,
    Delivery,
    Kept,
    Published,
    Record,
    Refused,
    Room,
    Start,
    State,
    Topic,
    deadline,
)
from shared.bus.settings import KafkaSettings
from shared.events.cloudevent import CloudEvent
from shared.waiting.answers import Answers
from shared.waiting.deadline import within

_SESSION_SECONDS = 15.0
_PAGE = 500
_PAGE_MS = 1000
_COORDINATOR_SECONDS = 0.2
_HOLDS_MS = 7 * 86_400_000
"""For how long nothing may be fetched because of what is in hand: a destination may be away for days, and who still
lives says so by heartbeats."""


class KafkaBus:
    """A bus of topics. `session_seconds`: after how long without a heartbeat a consumer's partitions go to others."""

    abilities = Abilities(dedupe=False, limit=False, order=True, early=True, change=True)

    def __init__(self, settings: KafkaSettings, *, session_seconds: float = _SESSION_SECONDS) -> None:
        self._link = KafkaLink(settings)
        self._session_seconds = session_seconds
        self._room = Room()
        self._known = Known(self._link)
        self._answers = Answers()
        self._closed = False

    async def publish(self, topic: str, event: CloudEvent) -> Published:
        """Return once all replicas in sync have it."""
        try:
            headers, body = to_kafka(event)
        except UNWRITABLE:
            return Refused("invalid")
        size = len(body) + sum(map(len, chain.from_iterable(headers)))
        if self._closed:
            raise BusUnavailableError("the bus is closed")
        if not self._room.take(size):
            return Refused("full")
        try:
            return await self._sent(topic, key_of(event).encode(errors="replace"), headers, body)
        finally:
            self._room.give_back(size)

    async def _sent(
        self, topic: str, key: bytes, headers: list[tuple[str, bytes]], body: bytes, until: float | None = None
    ) -> Published:
        if not await self._known.has(topic):
            return Refused("no topic")  # the producer would look for it until its deadline
        producer, batch = await self._link.producer(), self._link.batch_bytes
        until = until or asyncio.get_running_loop().time() + SECONDS  # of all its tries; what came before has its own
        try:
            sent = producer.send(topic, body, key=key, headers=headers, timestamp_ms=int(time.time() * 1000))
            made = await self._answers.of(await within(sent, until), until)
        except MessageSizeTooLargeError:
            size = len(key) + len(body) + sum(map(len, chain.from_iterable(headers)))
            if size < MAX_RECORD:  # else it was not sent
                self._link.discard(producer, too_large=size < batch)
            if size >= batch or batch <= SMALLEST_BATCH:  # it had a batch of its own
                return Refused("too large")
            return await self._sent(topic, key, headers, body, until)
        except ProducerClosed as error:  # for what became of another event
            is_over = self._closed or asyncio.get_running_loop().time() > until
            if is_over or not self._link.is_discarded(producer):
                raise unavailable(error) from error
            return await self._sent(topic, key, headers, body, until)
        except TopicAuthorizationFailedError:
            return Refused("not allowed")
        except (OSError, KafkaError, TimeoutError) as error:
            self._known.forget(topic)
            self._link.discard(producer)
            raise unavailable(error) from error
        return Kept(made.partition, made.offset)

    @asynccontextmanager
    async def consume(self, topic: str, group: str, *, in_flight: int = 64) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take part in a group: partitions come and go with its members, over restarts of the brokers."""
        if not await self._known.has(topic):
            raise BusUnavailableError("Kafka has no such topic")  # aiokafka would wait for it in silence
        consumer = await self._link.consumer(
            group_id=group,
            session_timeout_ms=int(self._session_seconds * 1000),
            heartbeat_interval_ms=int(self._session_seconds * 1000 / 3),
            max_poll_interval_ms=_HOLDS_MS,
            fetch_max_wait_ms=250,
        )
        member = GroupConsumer(consumer, topic, in_flight)
        try:
            await self._link.start(consumer)
            yield member.deliveries()
        finally:
            await member.leave()
            await stopped(consumer)

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        """Iterate what is there now. One key is found by reading all: more partitions would have moved it."""
        consumer = await self._link.consumer(topic, group_id=None)
        wanted = key.encode() if key else None
        try:
            await self._link.start(consumer)
            async with deadline():
                ends = await _placed(consumer, start)
            while ends:
                async with deadline():
                    found = await consumer.getmany(*ends, timeout_ms=_PAGE_MS, max_records=_PAGE)
                for place, records in found.items():
                    for one in records:
                        if one.offset < ends[place] and wanted in {None, one.key}:
                            yield record_of(one)
                async with deadline():
                    ends = {place: end for place, end in ends.items() if await consumer.position(place) < end}
        except (OSError, KafkaError, TimeoutError) as error:
            raise unavailable(error) from error
        finally:
            await stopped(consumer)

    async def behind(self, topic: str, group: str) -> int:
        """Return how far what is committed is behind the ends of the partitions."""
        async with self._link.admin() as admin:
            kept = await _committed(admin, group)
        consumer = await self._link.consumer(topic, group_id=None)
        try:
            await self._link.start(consumer)
            async with deadline():
                after = {place.partition: one.offset - 1 for place, one in kept.items() if place.topic == topic}
                ends = await _placed(consumer, Start(after=after))
                return sum([end - await consumer.position(place) for place, end in ends.items()])
        except (OSError, KafkaError, TimeoutError) as error:
            raise unavailable(error) from error
        finally:
            await stopped(consumer)

    async def ensure(self, topic: Topic) -> list[str]:
        """Make the topic, or change what can be changed."""
        return await ensure(self._link, topic)

    async def describe(self, name: str) -> State | None:
        """Return what the brokers say."""
        return await describe(self._link, name)

    async def close(self) -> None:
        """End the producer."""
        self._closed = True
        await self._link.close()


async def _committed(admin: AIOKafkaAdminClient, group: str) -> Mapping[TopicPartition, Any]:
    """Return what a group has committed; brokers that had no group before first make the place for it."""
    while True:
        try:
            found: Mapping[TopicPartition, Any] = await admin.list_consumer_group_offsets(group)
        except (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError):
            await asyncio.sleep(_COORDINATOR_SECONDS)  # the admin client's deadline bounds it
        else:
            return found


async def _placed(consumer: AIOKafkaConsumer, start: Start) -> dict[TopicPartition, int]:
    """Put the consumer where reading begins; return where each partition that has something to read ends now."""
    places = consumer.assignment()
    ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    begins: dict[TopicPartition, int] = await consumer.beginning_offsets(places)
    if start.since is not None:
        at = int(start.since.timestamp() * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(places, at))
        begins = {place: ends[place] if one is None else one.offset for place, one in found.items()}
    for place, first in begins.items():
        begins[place] = max(first, start.after.get(place.partition, -1) + 1)
        consumer.seek(place, begins[place])
    return {place: end for place, end in ends.items() if begins[place] < end}

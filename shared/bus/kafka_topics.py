"""Topics of Kafka: make them, change what differs, say what there is."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from shared.bus.kafka_configuration import UNBOUNDED, configuration
from shared.bus.kafka_link import KafkaLink, stopped, unavailable
from shared.bus.protocol import State, Topic, deadline
from shared.events.times import of_milliseconds

_BOUND = "retention.bytes"
_OWN = frozenset({1})  # DYNAMIC_TOPIC_CONFIG: what somebody set for this very topic


async def ensure(link: KafkaLink, topic: Topic) -> list[str]:
    """Make the topic, or change it. Partitions only grow: keys move then, and each keeps its order from there on.

    Replicas stay as many as there are, and what depends on their number with them.
    """
    async with link.admin() as admin:
        found = await _found(admin, topic.name)
        if found is None:
            new = NewTopic(topic.name, topic.partitions, topic.replicas, None, configuration(topic))
            made = await admin.create_topics([new])
            _raise_for([error[1] for error in made.topic_errors], besides=TopicAlreadyExistsError)
            return ["made"]
        done = []
        if found.topic.partitions < topic.partitions:
            await admin.create_partitions({topic.name: NewPartitions(topic.partitions)})
            done.append(f"partitions: {found.topic.partitions} to {topic.partitions}")
        before = await _configured(admin, topic.name)
        wanted = configuration(replace(topic, replicas=found.topic.replicas))
        if topic.max_bytes is None:  # whoever has set a bound meant it
            wanted |= {_BOUND: before.get(_BOUND, wanted[_BOUND])}
        changes = {name: value for name, value in wanted.items() if before.get(name) != value}
        if changes:
            # This request sets all of a topic's configuration: what somebody else set in it must be said again.
            resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, {**before, **wanted})
            for answer in await admin.alter_configs([resource]):
                _raise_for([one[0] for one in answer.resources])
            done += [f"{name}: {before.get(name, 'unset')} to {value}" for name, value in changes.items()]
        if found.topic.replicas < topic.replicas:
            done.append(f"replicas: {found.topic.replicas}, not {topic.replicas}: kafka-reassign-partitions adds them")
        return done


async def describe(link: KafkaLink, name: str) -> State | None:
    """Return what the brokers say of a topic; its events are counted by offsets, so without what was compacted."""
    async with link.admin() as admin:
        found = await _found(admin, name)
    if found is None:
        return None
    consumer = await link.consumer(name, group_id=None)
    try:
        await link.start(consumer)
        async with deadline():
            places = consumer.assignment()
            ends = await consumer.end_offsets(places)
            begins = await consumer.beginning_offsets(places)
            first = await consumer.offsets_for_times(dict.fromkeys(places, 0))
    except (OSError, KafkaError, TimeoutError) as error:
        raise unavailable(error) from error
    finally:
        await stopped(consumer)
    oldest = min((one.timestamp for one in first.values() if one is not None), default=None)
    at = None if oldest is None else of_milliseconds(oldest)
    return State(found.topic, sum(ends[place] - begins[place] for place in places), first=at)


class Known:
    """Which topics are there: what is not known is asked once for all who want to know it at the time.

    Each question is a connection of its own, which with TLS and SCRAM costs a broker more than many events do.
    """

    def __init__(self, link: KafkaLink) -> None:
        self._link = link
        self._there: set[str] = set()
        self._asking: dict[str, asyncio.Task[bool]] = {}

    async def has(self, name: str) -> bool:
        """Return whether there is such a topic. Raises BusUnavailableError."""
        if name in self._there:
            return True
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(_is_there(self._link, name))
            asking.add_done_callback(partial(self._told, name))
        return await asyncio.shield(asking)

    def forget(self, name: str) -> None:
        """Ask again about a topic: something went wrong there."""
        self._there.discard(name)

    def _told(self, name: str, asked: asyncio.Task[bool]) -> None:
        del self._asking[name]
        if not asked.cancelled() and asked.exception() is None and asked.result():
            self._there.add(name)


async def _is_there(link: KafkaLink, name: str) -> bool:
    async with link.admin() as admin:
        return await _topic(admin, name) is not None


async def _found(admin: AIOKafkaAdminClient, name: str) -> State | None:
    """Return a topic without its events."""
    partitions = await _topic(admin, name)
    if partitions is None:
        return None
    try:
        found = await _configured(admin, name, own=False)
    except TopicAuthorizationFailedError:
        found = {"retention.ms": "0"}  # who may read a topic need not be told what it keeps
    kept = found.get(_BOUND, UNBOUNDED)
    count = len(partitions)
    topic = Topic(
        name,
        partitions=count,
        seconds=int(found.get("retention.ms", UNBOUNDED)) // 1000,
        max_bytes=None if kept == UNBOUNDED else int(kept) * count,
        replicas=min(len(one["replicas"]) for one in partitions),
    )
    return State(topic, 0)


async def _topic(admin: AIOKafkaAdminClient, name: str) -> list[Mapping[str, list[int]]] | None:
    """Return the partitions of a topic, None where it is not there."""
    (described,) = await admin.describe_topics([name])
    if described["error_code"] == UnknownTopicOrPartitionError.errno:
        return None
    _raise_for([described["error_code"]])
    partitions: list[Mapping[str, list[int]]] = described["partitions"]
    return partitions


async def _configured(admin: AIOKafkaAdminClient, name: str, *, own: bool = True) -> dict[str, str]:
    """Return a topic's configuration; `own`: what was set for it alone."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    found: dict[str, str] = {}
    for answer in answers:
        for resource in answer.resources:
            _raise_for([resource[0]])
            # Each entry is (name, value, read only, source, …).
            found |= {entry[0]: entry[1] for entry in resource[4] if not own or entry[3] in _OWN}
    return found


def _raise_for(codes: list[int], besides: type[KafkaError] | None = None) -> None:
    for code in codes:
        if code and (besides is None or code != besides.errno):
            raise for_code(code)

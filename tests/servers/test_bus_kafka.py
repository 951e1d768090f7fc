"""What Kafka alone promises: an order by key, mutual TLS, and configuration that others set and that stays."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.bus.codec import to_kafka
from shared.bus.kafka_link import KafkaLink
from shared.bus.protocol import BusUnavailableError, Kept, Refused, Topic
from shared.bus.registry import open_bus
from shared.bus.settings import KafkaSettings
from shared.events.cloudevent import CloudEvent
from shared.settings.environment import read as read_settings
from tests.support.buses.use import event, name, nothing_more, numbers, publish, read, run, take, with_topic

_POLL = "max_poll_interval_ms"


def test_events_of_one_key_lie_in_one_partition(rig_kafka: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=6)) as (bus, topic):
            made = await publish(bus, topic, [event(number, f"k{number % 20}") for number in range(100)])
            places: dict[int, set[int]] = {}
            for number, one in enumerate(made):
                assert isinstance(one, Kept)
                places.setdefault(number % 20, set()).add(one.partition)
            assert all(len(found) == 1 for found in places.values())
            assert len(set().union(*places.values())) > 2

    run(work())


def test_a_group_is_given_one_keys_events_in_their_order(rig_kafka: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=3)) as (bus, topic):
            for number in range(30):
                await bus.publish(topic, event(number, f"k{number % 3}"))
            async with bus.consume(topic, "g") as deliveries:
                found = numbers(await take(deliveries, 30))
            for key in range(3):
                assert [number for number in found if number % 3 == key] == list(range(key, 30, 3))

    run(work())


def test_many_that_wait_for_a_start_are_all_kept_and_ask_once_whether_there_is_a_topic(rig_kafka: Any) -> None:
    """F34: after a restart each event that waited asked by a connection of its own, and with TLS none was answered."""

    async def work() -> None:
        async with with_topic(rig_kafka) as (_, topic):
            bus: Any = open_bus("kafka", rig_kafka.right_credentials())
            made = 0

            @asynccontextmanager
            async def counted(admin: Any = bus._link.admin) -> AsyncIterator[Any]:
                nonlocal made
                made += 1
                async with admin() as client:
                    yield client

            bus._link.admin = counted
            done = await publish(bus, topic, [event(number) for number in range(2000)])
            assert {type(one) for one in done} == {Kept}
            assert made == 1
            nowhere = await publish(bus, name("nowhere"), [event(number) for number in range(2000)])
            assert set(nowhere) == {Refused("no topic")}
            assert made == 2
            await bus.close()

    run(work())


def test_a_group_is_done_with_what_others_wrote_in_transactions_also_where_they_took_it_back(rig_kafka: Any) -> None:
    """Their markers take offsets and are no records: a replay would wait for them, and take them for another's."""

    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=1)) as (bus, topic):
            brokers = rig_kafka.environment()["KAFKA_BROKERS"]
            async with AIOKafkaProducer(bootstrap_servers=brokers, transactional_id=topic) as theirs:
                for number in range(6):
                    await theirs.begin_transaction()
                    headers, body = to_kafka(event(number))
                    await theirs.send(topic, body, headers=headers)
                    await (theirs.abort_transaction() if number > 3 else theirs.commit_transaction())
            assert numbers(await read(bus, topic)) == [0, 1, 2, 3]
            async with bus.consume(topic, "g") as deliveries:
                held = await take(deliveries, 4, ack=False)
                await nothing_more(deliveries, 0.5)
                assert await bus.behind(topic, "g") == 12, "nothing has ended"
                for one in held:
                    await one.ack()
            assert await bus.behind(topic, "g") == 0

    run(work())


def test_what_a_member_held_when_its_partitions_went_is_given_again(rig_kafka: Any) -> None:
    """F34: whatever of it was only fetched, or given out and not ended, is not counted as done with."""

    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=2)) as (bus, topic):
            _with_options(bus, lambda _: {_POLL: 2500})
            await publish(bus, topic, [event(number, f"k{number}") for number in range(60)])
            async with bus.consume(topic, "g", in_flight=200) as deliveries:
                held = await take(deliveries, 10, ack=False)
                await asyncio.sleep(8)  # nothing is asked for: it leaves the group, and joins it again
                assert [await one.ack() for one in held] == [False] * 10
                assert sorted(numbers(await take(deliveries, 60))) == list(range(60))
            assert await bus.behind(topic, "g") == 0

    run(work())


def test_a_member_may_hold_what_it_has_for_hours(rig_kafka: Any) -> None:
    """Here minutes are seconds: aiokafka by itself would leave the group after five in which nothing is fetched."""

    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=2)) as (bus, topic):
            five_minutes = 300_000
            _with_options(bus, lambda known: {_POLL: known.get(_POLL, five_minutes) // 120})
            await publish(bus, topic, [event(number, f"k{number}") for number in range(60)])
            async with bus.consume(topic, "g", in_flight=200) as deliveries:
                held = await take(deliveries, 10, ack=False)
                await asyncio.sleep(8)
                assert [await one.ack() for one in held] == [True] * 10

    run(work())


def _with_options(bus: Any, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Have the consumers of groups made with other options."""
    made = bus._link.consumer

    async def consumer(*topics: str, **options: Any) -> Any:
        return await made(*topics, **{**options, **(changed(options) if options["group_id"] else {})})

    bus._link.consumer = consumer


def test_what_retention_takes_from_under_a_reader_costs_that_and_no_more(rig_kafka: Any) -> None:
    """Behind what is gone reading goes on: aiokafka by itself would pass over all that is left."""

    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=1)) as (bus, topic):
            some = [
                event(number)._replace(data={"number": number, "x": os.urandom(10_000).hex()}) for number in range(500)
            ]
            await publish(bus, topic, some)
            reading = bus.read(topic)
            found = [await anext(reading)]
            link = KafkaLink(read_settings(KafkaSettings, rig_kafka.environment()))
            async with link.admin() as admin:
                await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=450)})
            found += [one async for one in reading]
            assert [one.offset for one in found][-50:] == list(range(450, 500))
            assert len(found) < 450, "it had been fetched whole: nothing was taken from under it"

    run(work())


def test_a_topic_that_takes_less_than_others_gets_smaller_batches_and_no_event_is_refused_for_its_company(
    rig_kafka: Any,
) -> None:
    async def work() -> None:
        async with with_topic(rig_kafka) as (bus, topic):
            link = KafkaLink(read_settings(KafkaSettings, rig_kafka.environment()))
            async with link.admin() as admin:
                limit = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "50000"})
                await admin.alter_configs([limit])
            async with asyncio.timeout(15):  # the broker that is asked hears of it from the controller
                while await bus.publish(topic, _random(-1, 30_000)) != Refused("too large"):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.2)
            done = await publish(bus, topic, [_random(number, 2_500) for number in range(300)])
            assert {type(one) for one in done} == {Kept}
            assert await bus.publish(topic, _random(301, 30_000)) == Refused("too large")
            assert isinstance(await bus.publish(topic, _random(302, 2_500)), Kept)
            kept = {number for number in numbers(await read(bus, topic)) if number >= 0}
            assert kept == {*range(300), 302}

    run(work())


def _random(number: int, size: int) -> CloudEvent:
    """Return an event of twice as many bytes, which compressing makes no smaller than half of it."""
    return event(number)._replace(data={"number": number, "x": os.urandom(size).hex()})


def test_a_topic_that_is_not_there_cannot_be_consumed_and_that_is_said(rig_kafka: Any) -> None:
    async def work() -> None:
        bus = rig_kafka.bus()
        with pytest.raises(BusUnavailableError, match="no such topic"):
            async with bus.consume(name("nowhere"), "g"):
                pass
        await bus.close()

    run(work())


def test_a_certificate_lets_us_in_and_none_does_not(rig_kafka: Any) -> None:
    async def work() -> None:
        bus = open_bus("kafka", rig_kafka.mutual())
        topic = Topic(name())
        await bus.ensure(topic)
        assert isinstance(await bus.publish(topic.name, event(1)), Kept)
        await bus.close()
        without = {key: value for key, value in rig_kafka.mutual().items() if key != "KAFKA_CERT_FILE"}
        bus = open_bus("kafka", without)
        with pytest.raises(BusUnavailableError, match="credentials"):
            await bus.publish(topic.name, event(1))
        await bus.close()

    run(work())


def test_what_others_configured_of_a_topic_stays_when_ours_changes(rig_kafka: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_kafka, Topic(name(), partitions=2)) as (bus, topic):
            link = KafkaLink(read_settings(KafkaSettings, rig_kafka.environment()))
            theirs = {"segment.bytes": "12345678", "retention.bytes": "87654321"}
            resource = ConfigResource(ConfigResourceType.TOPIC, topic, dict(theirs))
            async with link.admin() as admin:
                await admin.alter_configs([resource])
            done = await bus.ensure(Topic(topic, partitions=4, seconds=3600))
            assert any(line.startswith("partitions: 2 to 4") for line in done)
            found: dict[str, str] = {}
            async with asyncio.timeout(15):  # the broker that is asked hears of it from the controller
                while found.get("retention.ms") != "3600000":
                    async with link.admin() as admin:
                        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
                    found = {entry[0]: entry[1] for entry in answer.resources[0][4]}
            assert theirs.items() <= found.items()

    run(work())


def test_a_producer_that_takes_long_to_start_takes_nothing_from_the_time_of_what_is_sent(
    rig_kafka: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be thrown away with each event that waited for it, and none would ever be sent."""
    started = KafkaLink._started_producer

    async def slowly(self: KafkaLink) -> AIOKafkaProducer:
        await asyncio.sleep(1.2)
        return await started(self)

    async def work() -> None:
        async with with_topic(rig_kafka) as (bus, topic):
            assert all(isinstance(one, Kept) for one in await publish(bus, topic, [event(1), event(2)]))

    monkeypatch.setattr(KafkaLink, "_started_producer", slowly)
    monkeypatch.setattr("shared.bus.kafka.SECONDS", 1.0)
    run(work())

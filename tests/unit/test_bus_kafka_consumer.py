"""A member of a Kafka group: what does not start leaves nothing behind, and what lasts is said and not waited for."""

import asyncio
import logging
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NotLeaderForPartitionError, TopicAuthorizationFailedError

from shared.bus.kafka import KafkaBus
from shared.bus.kafka_consumer import GroupConsumer
from shared.bus.protocol import BusUnavailableError
from shared.bus.settings import KafkaSettings
from shared.settings.environment import read
from tests.bench.processes import free_port
from tests.support.buses.use import run


class _Failing(AIOKafkaConsumer):  # type: ignore[misc] # aiokafka has no types
    """A consumer, never started, whose brokers answer each fetch with the next of these errors."""

    def __init__(self, *errors: KafkaError) -> None:
        super().__init__(group_id="g")
        self.errors = list(errors)

    async def getmany(self, *_: Any, **__: Any) -> dict[Any, Any]:
        raise self.errors.pop(0)


def bus(port: int) -> KafkaBus:
    return KafkaBus(read(KafkaSettings, {"KAFKA_BROKERS": f"127.0.0.1:{port}"}))


async def others() -> set[str]:
    """Return what else runs in this loop."""
    await asyncio.sleep(0.05)
    running = asyncio.all_tasks() - {asyncio.current_task()}
    return {getattr(task.get_coro(), "__qualname__", "") for task in running}


def test_a_consumer_that_cannot_start_leaves_nothing_that_runs() -> None:
    async def work() -> None:
        before = await others()
        with pytest.raises(BusUnavailableError, match="cannot be reached"):
            async with bus(free_port()).consume("topic", "g"):
                pass
        assert await others() == before

    run(work())


def test_a_consumer_that_is_given_up_while_it_starts_leaves_nothing_that_runs() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        before = await others()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), bus(port).consume("topic", "g"):
                pass
        over.set()
        server.close()
        await server.wait_closed()
        assert await others() == before

    over = asyncio.Event()
    run(work())


def test_what_no_later_try_gets_over_is_raised_and_what_one_may_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        away = NotLeaderForPartitionError()
        consumer = _Failing(away, away, TopicAuthorizationFailedError())
        member = GroupConsumer(consumer, "topic", 1)
        try:
            with pytest.raises(BusUnavailableError, match="has not the right on a topic"):
                await anext(member.deliveries())
        finally:
            await member.leave()
            await consumer.stop()

    with caplog.at_level(logging.WARNING, "tidings"):
        run(work())
    assert [record.getMessage() for record in caplog.records] == [
        "topic cannot be consumed now: Kafka cannot be asked now (NotLeaderForPartitionError)"
    ]


class _WithoutLeader(AIOKafkaConsumer):  # type: ignore[misc] # aiokafka has no types
    """A consumer, never started, of whose two partitions the second one has no position to be had."""

    places = (TopicPartition("topic", 0), TopicPartition("topic", 1))

    def __init__(self) -> None:
        super().__init__(group_id="g")
        self.told: list[dict[TopicPartition, int]] = []

    def assignment(self) -> set[TopicPartition]:
        return set(self.places)

    async def position(self, place: TopicPartition) -> int:
        if place == self.places[1]:
            await asyncio.Event().wait()
        return 5

    async def commit(self, lows: dict[TopicPartition, int]) -> None:
        self.told.append(lows)


def test_a_partition_without_a_leader_keeps_no_other_one_from_being_committed() -> None:
    async def work() -> list[dict[TopicPartition, int]]:
        consumer = _WithoutLeader()
        member = GroupConsumer(consumer, "topic", 8)
        await member.on_partitions_assigned(consumer.places)
        async with asyncio.timeout(2):
            await member.leave()
        return consumer.told

    assert run(work()) == [{TopicPartition("topic", 0): 5}]

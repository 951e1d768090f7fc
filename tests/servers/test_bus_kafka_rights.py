"""Kafka as AMQ Streams gives it: the user of the manifests may do what Tidings does, and what one may not is said."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka.protocol.admin import CreateAclsRequest
from typer.testing import CliRunner

from shared.bus.kafka_link import KafkaLink
from shared.bus.manifests import SINK, strimzi
from shared.bus.protocol import BusUnavailableError, Kept, State, Topic
from shared.bus.registry import open_bus
from shared.bus.settings import KafkaSettings
from shared.bus.topology import LETTERS, TOPOLOGY, differences, wanted
from shared.cli.commands import build
from shared.settings.environment import read as read_settings
from tests.support.buses.kafka import LIMITED
from tests.support.buses.use import event, name, read, run, take
from tests.support.functions import environment

APP = build(["bus", "replay", "archive", "dead-letters"])
# Numbers of Kafka's protocol: ResourceType, PatternType, AclOperation (org.apache.kafka.common.acl and resource).
_KINDS = {"topic": 2, "group": 3}
_PATTERNS = {"literal": 3, "prefix": 4}
_OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
_ALLOW = 3


async def allow(rig: Any, kind: str, resource: str, *operations: str, pattern: str = "literal") -> None:
    """Give the limited user rights, as Strimzi's user operator does for a KafkaUser."""
    link = KafkaLink(read_settings(KafkaSettings, rig.environment()))
    async with link.admin() as admin:
        for operation in operations:
            place = (_KINDS[kind], resource, _PATTERNS[pattern])
            request = CreateAclsRequest(*place, f"User:{LIMITED}", "*", _OPERATIONS[operation], _ALLOW)
            await admin._send_request(request)


def command(rig: Any, *arguments: str, code: int = 0) -> Any:
    ended = CliRunner().invoke(APP, [*arguments, "-o", "json"], env=environment(rig.limited()))
    assert ended.exit_code == code, ended.output
    return json.loads(ended.stdout)


def test_the_user_of_the_manifests_may_do_all_that_tidings_does(rig_kafka: Any, tmp_path: Path) -> None:
    async def prepare() -> None:
        owner = rig_kafka.bus()
        for topic in (*wanted(1), Topic(SINK)):
            await owner.ensure(Topic(topic.name, partitions=topic.partitions, seconds=topic.seconds))
        await owner.close()
        for right in strimzi(wanted(1), "c")[-1]["spec"]["authorization"]["acls"]:
            on = right["resource"]
            await allow(rig_kafka, on["type"], on["name"], *right["operations"], pattern=on["patternType"])

    async def use() -> None:
        bus = open_bus("kafka", rig_kafka.limited())
        async with asyncio.timeout(15):  # a broker hears of rights from its controller
            while True:
                try:
                    assert isinstance(await bus.publish(LETTERS, event(1)), Kept)
                except (BusUnavailableError, AssertionError):
                    await asyncio.sleep(0.2)
                else:
                    break
        async with bus.consume(LETTERS, "tidings-rights") as deliveries:
            await take(deliveries, 1)
        assert await read(bus, LETTERS)
        await bus.close()

    run(prepare())
    run(use())
    assert {row["done"] for row in command(rig_kafka, "bus", "apply", "--dry-run")} == {"as it should be"}
    one = ("--topics", LETTERS)
    assert len(command(rig_kafka, "replay", "--source", "kafka", "--target", "splunk", "--dry-run", *one)) == 1
    assert command(rig_kafka, "archive", "export", "--to", str(tmp_path / "archive"), *one)
    command(rig_kafka, "dead-letters", "list", "--source", "kafka", "--topic", SINK)


def test_who_may_only_read_a_topic_reads_it_and_a_right_that_lacks_is_named(rig_kafka: Any) -> None:
    async def work() -> tuple[State | None, str, str]:
        topic = Topic(name("theirs"), partitions=2)
        owner = rig_kafka.bus()
        await owner.ensure(topic)
        await owner.publish(topic.name, event(1))
        await owner.close()
        await allow(rig_kafka, "topic", topic.name, "Read")
        bus = open_bus("kafka", rig_kafka.limited())
        async with asyncio.timeout(15):
            found = None
            while found is None:
                try:
                    found = await bus.describe(topic.name)
                except BusUnavailableError:
                    await asyncio.sleep(0.2)
        assert len(await read(bus, topic.name)) == 1
        with pytest.raises(BusUnavailableError) as grown:
            await bus.ensure(Topic(topic.name, partitions=3))
        with pytest.raises(BusUnavailableError) as consumed:
            async with bus.consume(topic.name, "strangers") as deliveries:
                await anext(deliveries)
        await bus.close()
        return found, str(grown.value), str(consumed.value)

    found, grown, consumed = run(work())
    assert found is not None
    assert (found.events, found.topic.partitions, found.topic.seconds) == (1, 2, 0), "what it keeps is not said"
    assert "has not the right on a topic" in grown
    assert "has not the right on a consumer group" in consumed


def test_a_topic_that_others_made_with_less_is_told_before_it_is_changed(rig_kafka: Any) -> None:
    """Kafka makes a topic with one partition where somebody writes to it first; its replicas only Kafka's tools add."""
    row = TOPOLOGY[0].topic

    async def work() -> tuple[list[str], list[str]]:
        topic = Topic(name("by-itself"), partitions=row.partitions, seconds=row.seconds, replicas=3)
        bus = rig_kafka.bus()
        await bus.ensure(Topic(topic.name, partitions=1, seconds=row.seconds))
        told = differences(topic, await bus.describe(topic.name))
        done = await bus.ensure(topic)
        await bus.close()
        return told, done

    told, done = run(work())
    assert told == ["1 partitions, not 12", "replicas: 1, not 3"]
    assert done == ["partitions: 1 to 12", "replicas: 1, not 3: kafka-reassign-partitions adds them"]

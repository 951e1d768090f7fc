"""`tidings dead-letters` where a Knative Kafka Broker puts them, in a real Kafka, and in a real NATS."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.bus.codec import to_nats
from shared.bus.protocol import Topic
from shared.cli.commands import build
from shared.events.attributes import of
from shared.events.cloudevent import CloudEvent
from tests.support.buses.use import name, publish, read, run
from tests.support.functions import environment
from tests.support.records import classified, classified_event
from tests.support.servers import serve
from tests.support.sinks import Sink

APP = build(["dead-letters"])
BROKER = {
    "knativeerrordest": "http://servicenow-incident.tidings.svc.cluster.local",
    "knativeerrorcode": "422",
    "knativeerrordata": "e30=",
}


def seen(number: int) -> CloudEvent:
    one = classified(f"id-{number}")
    return classified_event(one).with_extensions(**of(one.observation, one.verdict))


def commands(rig: Any, topic: str, **extra: str) -> Callable[..., Any]:
    def command(*arguments: str, code: int = 0) -> Any:
        place = ("--source", rig.name, "--topic", topic, "-o", "json")
        settings = environment({**rig.environment(), **extra})
        ended = CliRunner().invoke(APP, ["dead-letters", *arguments, *place], env=settings)
        assert ended.exit_code == code, ended.output
        return json.loads(ended.stdout)

    return command


@pytest.fixture(params=["kafka", "nats"])
def rig(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"rig_{request.param}")


def test_letters_in_a_topic_of_three_partitions_are_sent_again_once_and_discarded_with_a_note(rig: Any) -> None:
    topic = name("letters")
    said = [{"stage": "mapping", "reason": "it has no name"}, {"stage": "servicenow_incident", "reason": "status 403"}]

    async def put() -> None:
        bus = rig.bus()
        await bus.ensure(Topic(topic, partitions=3))
        events = [
            seen(number).with_extensions(**BROKER, **said[number % 2], partitionkey=f"k{number}") for number in range(6)
        ]
        await publish(bus, topic, events)
        await bus.close()

    run(put())
    sink = Sink()
    with serve(sink) as url:
        command = commands(rig, topic, K_SINK=url)
        groups = {one["reason"]: one["letters"] for one in command("list", "--group-by", "reason")}
        assert groups == {"it has no name": 3, "status 403": 3}
        assert {one["stage"] for one in command("list")} == {"mapping", "servicenow_incident"}
        assert command("retry", "--filter", "stage = 'mapping'")["outcomes"] == {"done": 3}
        assert command("retry", "--filter", "stage = 'mapping'")["outcomes"] == {}
        left = command("list")
        assert {one["reason"] for one in left} == {"status 403"}
        command("discard", left[0]["id"], "--note", "a test")
        assert {one["id"] for one in command("list")} == {one["id"] for one in left[1:]}
    assert sorted(one.id for one in sink.got) == ["c-id-0", "c-id-2", "c-id-4"]
    assert {one.extensions["reason"] for one in sink.got} == {"BackOff"}, "the event's own, as it was"
    acts = [(one["act"], one["note"]) for one in command("list", "--ended")]
    assert sorted(acts) == [("discarded", "a test"), *[("retried", "")] * 3]

    async def everything() -> int:
        bus = rig.bus()
        try:
            return len(await read(bus, topic))
        finally:
            await bus.close()

    assert asyncio.run(everything()) == 10, "six letters and four marks: nothing is deleted"


def test_letters_in_a_jetstream_channel_are_sent_again_and_discarded_as_well(rig_nats: Any) -> None:
    """F35: what NatsJetStreamChannel `dead-letters` of the namespace `shop` keeps, by the names that it gives."""
    topic, subject = "KN_SHOP__DEAD_LETTERS", "shop.dead-letters._knative"

    async def put() -> None:
        bus = rig_nats.bus()
        stream = await bus._link.jetstream()
        await stream.add_stream(name=topic, subjects=[subject])
        for number in range(3):
            headers, body = to_nats(seen(number).with_extensions(**BROKER, stage="mapping", reason="it has no name"))
            await stream.publish(subject, body, headers=headers)
        await bus.close()

    run(put())
    sink = Sink()
    with serve(sink) as url:
        command = commands(rig_nats, topic, K_SINK=url)
        first, second, third = command("list")
        assert command("retry", first["id"], second["id"])["outcomes"] == {"done": 2}
        command("discard", third["id"], "--note", "a test")
        assert command("list") == []
        assert command("retry", "--filter", "stage = 'mapping'")["outcomes"] == {}
    assert sorted(one.id for one in sink.got) == ["c-id-0", "c-id-1"]

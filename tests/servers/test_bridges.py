"""Bridges: what others put on a bus comes in, whatever its dialect, and what is archived goes to a topic of others."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import nats
import pytest
from aiokafka import AIOKafkaProducer

from functions.archive.handler import new as archive
from shared.bus.protocol import Topic
from shared.bus.settings import RabbitmqSettings
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Ignored
from shared.runtime.function import Call
from shared.settings.environment import read as read_settings
from shared.telemetry.metrics import Metrics
from tests.support.buses.use import event, name, numbers, publish, read, run, until
from tests.support.functions import serving
from tests.support.servers import serve
from tests.support.sinks import Sink

FALCO: dict[str, Any] = {
    "output": "Shell in a container",
    "priority": "Warning",
    "rule": "Terminal shell in container",
    "time": "2026-03-01T10:00:00.123456789Z",
    "source": "syscall",
    "hostname": "worker-1",
    "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "web-0", "evt.time": 1772359200123456789},
}


async def by_nats(rig: Any, topic: str, body: bytes) -> None:
    client = await nats.connect(rig.environment()["NATS_URL"])
    await client.jetstream().publish(f"{topic}.theirs", body)
    await client.close()


async def by_kafka(rig: Any, topic: str, body: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=rig.environment()["KAFKA_BROKERS"])
    await producer.start()
    await producer.send_and_wait(topic, body)
    await producer.stop()


async def by_rabbitmq(rig: Any, topic: str, body: bytes) -> None:
    place = read_settings(RabbitmqSettings, rig.environment())
    port = urlsplit(place.url).port or 0
    connecting = aio_pika.connect(port=port, login=place.username, password=place.password.value())
    async with await connecting as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(topic)
        await exchange.publish(aio_pika.Message(body), routing_key="theirs")


THEIRS: dict[str, Callable[[Any, str, bytes], Awaitable[None]]] = {
    "nats": by_nats,
    "kafka": by_kafka,
    "rabbitmq": by_rabbitmq,
}


@pytest.mark.parametrize("bus", THEIRS)
def test_what_others_put_on_a_bus_comes_in_by_its_dialect(
    bus: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    rig, topic, sink = request.getfixturevalue(f"rig_{bus}"), name("theirs"), Sink()

    async def theirs() -> None:
        ours = rig.bus()
        await THEIRS[bus](rig, topic, json.dumps(FALCO).encode())
        await THEIRS[bus](rig, topic, b'{"nobody": "knows this"}')
        await THEIRS[bus](rig, topic, b"\xff")
        await publish(ours, topic, [event(7)])
        await until(lambda: len(sink.got) >= 3, 60)
        await until_none_left(ours)
        await ours.close()

    async def until_none_left(ours: Any) -> None:
        async with asyncio.timeout(30):
            while await ours.behind(topic, "bridge"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)

    async def made() -> None:
        ours = rig.bus()
        await ours.ensure(Topic(topic))
        async with ours.consume(topic, "bridge"):  # RabbitMQ gives a group what comes from then on
            pass
        await ours.close()

    run(made())
    with serve(sink) as url:
        settings = {"K_SINK": url, "CLUSTER": "prod", "AUTH": "none", **rig.environment()}
        arguments = ("--source", bus, "--topics", topic, "--group", "bridge", "--path", "/falco")
        with serving("intake", tmp_path / "log", settings, arguments) as served:
            run(theirs(), 120)
            assert served.terminate() == 0
    (seen,) = sink.observed
    assert (seen["dialect"], seen["object"]["name"], seen["cluster"]) == ("falco", "web-0", "prod")
    assert sorted(one["why"] for one in sink.unread) == ["dialect", "json"], "dead letters, as over HTTP"
    assert [one.id for one in sink.got if one.source == "tests"] == ["e7"], "a CloudEvent goes on as it is"
    said = [
        line for line in served.lines() if line["message"].startswith("nothing of what lies in the topic can be read")
    ]
    assert sorted(line["why"] for line in said) == ["/falco answers 400", "/falco answers 422"]


@pytest.mark.parametrize("bus", ["embedded", *THEIRS])
def test_archive_hands_all_that_its_trigger_sends_to_a_topic_of_others(
    bus: str, request: pytest.FixtureRequest
) -> None:
    rig, topic = request.getfixturevalue(f"rig_{bus}"), name("others")

    async def work() -> None:
        ours = rig.bus()
        await ours.ensure(Topic(topic, partitions=2))
        function = archive({"BUS": bus, "ARCHIVE_TOPIC": topic, **rig.environment()}, Metrics())
        await function.start()
        call = Call(asyncio.get_running_loop().time() + 22)
        strange = CloudEvent("s1", "elsewhere", "com.example.none", data={"number": 2})
        for one in (event(1), strange):
            assert (await function.handle(one, call)).outcome == Done()
        assert sorted(numbers(await read(ours, topic))) == [1, 2]
        usual = archive({"BUS": bus, **rig.environment()}, Metrics())
        await usual.start()
        assert isinstance((await usual.handle(strange, call)).outcome, Ignored)
        for each in (function, usual, ours):
            await (each.close() if each is ours else each.stop())

    run(work())

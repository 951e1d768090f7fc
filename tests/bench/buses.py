"""Part `bus`: what archive does to a bus's client, what a replay does to a destination; each server is a real one.

The baseline of the writer is the client's own library, with the same bytes, acknowledgement and number in flight, on
the same loop. Over HTTP it is the same function with events that no topic keeps: a host that only decodes.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import nats
import orjson
from aiokafka import AIOKafkaProducer

from functions.archive.handler import Archive, new
from shared.bus.codec import key_of, message_id, to_kafka, to_nats, token
from shared.bus.protocol import Topic
from shared.bus.topology import KUBERNETES, wanted
from shared.events.attributes import of as attributes_of
from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary
from shared.events.outcome import Done
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics
from tests.bench.events import raw
from tests.bench.load import flat_out
from tests.bench.measure import LEAST, Effort, Row, Wanted, in_turns
from tests.bench.processes import free_port, output_of, running, tidings
from tests.support.buses.registry import RIGS
from tests.support.records import classified, classified_event

_IN_FLIGHT = 256
_EVENTS = 5_000
_CONNECTIONS = 64
_REPLAYED = 50_000
_FULL = "replayed"
_numbers = count()

T = TypeVar("T")


class Bare(NamedTuple):
    """A client's own library: what it is given to publish is ready before the clock runs."""

    name: str
    encoded: Callable[[CloudEvent], Any]
    publish: Callable[[Any], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def bus(effort: Effort) -> list[Row]:
    """The writer beside NATS's and Kafka's clients, archive over HTTP, and a replay from Kafka."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, bare, bound in (("nats", _bare_nats, 0.6), ("kafka", _bare_kafka, 0.3)):
            (Path(folder) / name).mkdir()
            with RIGS[name](Path(folder) / name) as rig:
                asyncio.run(_topics(rig))
                rows.append(_writing(rig, bare, effort, bound))
                rows.append(_over_http(rig, effort))
                if name == "kafka":
                    rows.append(_replaying(rig, effort))
    return rows


def _writing(rig: Any, bare: Callable[[Any], Awaitable[Bare]], effort: Effort, bound: float) -> Row:
    with asyncio.Runner() as runner:
        archive = new({"BUS": rig.name, **rig.environment()}, Metrics())
        runner.run(archive.start())
        client = runner.run(bare(rig))
        number = _EVENTS // 3 if effort.quick else _EVENTS
        row = in_turns(
            f"archive fed in process, {rig.name}, {_IN_FLIGHT} in flight",
            f"{client.name}, with bytes that are ready",
            "events/s",
            lambda: runner.run(_rate(_events(number), partial(_kept, archive))),
            lambda: runner.run(_rate([client.encoded(one) for one in _events(number)], client.publish)),
            rounds=effort.turns(7),
            wanted=Wanted(LEAST, bound),
        )
        runner.run(archive.stop())
        runner.run(client.close())
        return row


def _over_http(rig: Any, effort: Effort) -> Row:
    port = free_port()

    def rate(*, strange: bool) -> float:
        number = int(6_000 * effort.seconds(1.0))
        made = [one._replace(type="com.example.none") for one in _events(number)] if strange else _events(number)
        requests = [raw(dict(headers), body) for headers, body in map(encode_binary, made)]
        return flat_out(port, iter(requests), connections=_CONNECTIONS).only(204).rate

    with running(tidings("serve", "archive", "--port", str(port)), port, BUS=rig.name, **rig.environment()):
        return in_turns(
            f"archive over HTTP, {rig.name}, {_CONNECTIONS} in flight",
            "the same host, which only decodes",
            "events/s",
            lambda: rate(strange=False),
            lambda: rate(strange=True),
            rounds=effort.turns(7),
            wanted=Wanted(LEAST, 0.5),
        )


def _replaying(rig: Any, effort: Effort) -> Row:
    """Replay what a topic has as a user does, a group of its own each time, to a target that costs next to nothing."""
    number = _REPLAYED // 5 if effort.quick else _REPLAYED
    port = free_port()
    settings = {"SPLUNK_HEC_URL": f"http://127.0.0.1:{port}", "SPLUNK_TOKEN": "bench", **rig.environment()}
    asyncio.run(_filled(rig, number))
    with running((sys.executable, "-m", "tests.bench.target", "--port", str(port)), port):
        rates = [_replayed(settings, number) for _ in range(effort.turns(5))]
    return Row("tidings replay from kafka to Splunk", "", "events/s", rates, wanted=Wanted(LEAST, 5_000, "ours"))


async def _filled(rig: Any, number: int) -> None:
    made = rig.bus()
    await made.ensure(Topic(_FULL, partitions=12))
    await _rate(_events(number), partial(made.publish, _FULL))
    await made.close()


def _replayed(settings: Mapping[str, str], number: int) -> float:
    """Return events a second of the whole command, its start and its group's included."""
    places = ("--source", "kafka", "--topics", _FULL, "--group", f"g{next(_numbers)}", "--target", "splunk")
    begun = time.perf_counter()
    said = output_of(tidings("replay", *places, "--output", "json"), **settings)
    seconds = time.perf_counter() - begun
    if (found := orjson.loads(said)["outcomes"]) != {"done": number}:
        raise RuntimeError(f"replay ended with {found}")
    return number / seconds


async def _rate(items: Sequence[T], publish: Callable[[T], Awaitable[object]]) -> float:
    """Return how many a second are published, so many in flight."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await publish(item)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
    return len(items) / (time.perf_counter() - begun)


async def _kept(archive: Archive, event: CloudEvent) -> None:
    outcome = (await archive.handle(event, Call(asyncio.get_running_loop().time() + 30))).outcome
    if outcome != Done():
        raise RuntimeError(f"archive answered {outcome}")


async def _bare_nats(rig: Any) -> Bare:
    client = await nats.connect(rig.environment()["NATS_URL"])
    stream = client.jetstream()

    def encoded(event: CloudEvent) -> tuple[str, dict[str, str], bytes]:
        headers, body = to_nats(event)
        return f"{KUBERNETES}.{token(key_of(event))}", {**headers, "Nats-Msg-Id": message_id(event)}, body

    async def publish(ready: tuple[str, dict[str, str], bytes]) -> None:
        subject, headers, body = ready
        await stream.publish(subject, body, stream=KUBERNETES, headers=headers)

    return Bare("nats-py", encoded, publish, client.close)


async def _bare_kafka(rig: Any) -> Bare:
    producer = AIOKafkaProducer(
        bootstrap_servers=rig.environment()["KAFKA_BROKERS"],
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=256 * 1024,
    )
    await producer.start()

    def encoded(event: CloudEvent) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
        headers, body = to_kafka(event)
        return key_of(event).encode(), headers, body

    async def publish(ready: tuple[bytes, list[tuple[str, bytes]], bytes]) -> None:
        key, headers, body = ready
        await producer.send_and_wait(KUBERNETES, body, key=key, headers=headers)

    return Bare("aiokafka", encoded, publish, producer.stop)


async def _topics(rig: Any) -> None:
    made = rig.bus()
    for topic in wanted(1):
        await made.ensure(topic)
    await made.close()


def _events(number: int) -> list[CloudEvent]:
    """Return new events, with the classifier's attributes, of many keys."""
    seen = [classified(f"id-{next(_numbers)}") for _ in range(number)]
    return [
        classified_event(one)._replace(
            extensions={**attributes_of(one.observation, one.verdict), "partitionkey": f"k{each % 97}"}
        )
        for each, one in enumerate(seen)
    ]

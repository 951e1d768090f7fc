"""A function as a plain consumer of a bus: every outcome means what it means to the Broker, and a stop costs none."""

import asyncio
import json
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest

from shared.bus.protocol import Bus, Kept, Topic
from shared.bus.topology import KUBERNETES, LETTERS, RAW, TRAIL, wanted
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry
from shared.local.consuming import around
from shared.runtime.edge import Edge
from shared.runtime.hosts import StartError
from shared.telemetry.metrics import Metrics
from tests.support.buses.use import event, name, publish, read, run, until
from tests.support.functions import serving
from tests.support.scripted import Scripted

OUTCOMES: dict[str, Outcome] = {
    "done": Done(),
    "duplicate": Duplicate(),
    "ignored": Ignored("not ours"),
    "in_progress": InProgress(),
    "retry": Retry("later"),
    "rejected": Rejected("mapping", "it has no name"),
}


COUNTED = ("delivered", "retries", "dead_letters")


BACK_OFF: dict[str, Any] = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"uid": "e-1", "name": "web.1", "namespace": "shop", "resourceVersion": "9"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop", "uid": "p-1"},
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "type": "Warning",
    "count": 7,
    "lastTimestamp": "2026-11-23T20:59:00Z",
}


def options(source: str, topic: str, **more: Any) -> Namespace:
    known = {"group": None, "filter": "", "retry": 2, "backoff": 0.05, "tick": 0.0, "function": "scripted", "path": ""}
    return Namespace(source=source, topics=topic, **{**known, **more})


@asynccontextmanager
async def consumed(
    rig: Any, function: Scripted, metrics: Metrics | None = None, **more: Any
) -> AsyncIterator[tuple[Bus, str]]:
    """Run the app's lifespan as a server would, with a topic of its own."""
    bus = rig.bus()
    topic = name("consumed")
    for one in (*wanted(1), Topic(topic, partitions=2)):
        await bus.ensure(Topic(one.name, partitions=2))
    edge = Edge(function, metrics or Metrics())
    app = around(edge, edge, options(rig.name, topic, **more), rig.environment())
    asked: asyncio.Queue[str] = asyncio.Queue()
    said: asyncio.Queue[str] = asyncio.Queue()

    async def receive() -> dict[str, Any]:
        return {"type": await asked.get()}

    async def send(message: Any) -> None:
        await said.put(message["type"])

    life = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await asked.put("lifespan.startup")
    assert await said.get() == "lifespan.startup.complete"
    try:
        yield bus, topic
    finally:
        await asked.put("lifespan.shutdown")
        assert await said.get() == "lifespan.shutdown.complete"
        await life
        await bus.close()


@pytest.fixture(params=["embedded", "nats"])
def rig(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"rig_{request.param}")


async def caught_up(bus: Bus, topic: str) -> None:
    async with asyncio.timeout(20):
        while await bus.behind(topic, "tidings-scripted"):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)


async def letters_of(bus: Bus, numbers: set[str]) -> list[CloudEvent]:
    """Return the dead letters of these events: the rigs keep those of all tests."""
    found = [one.event for one in await read(bus, LETTERS)]
    return [one for one in found if isinstance(one, CloudEvent) and one.source in numbers]


def test_every_outcome_means_what_it_means_to_the_broker(rig: Any) -> None:
    metrics = Metrics()

    async def work() -> None:
        source = name("source")
        events = [event(number, source=source) for number in range(len(OUTCOMES))]
        function = Scripted(ends={one.id: [end] for one, end in zip(events, OUTCOMES.values(), strict=True)})
        async with consumed(rig, function, metrics) as (bus, topic):
            await publish(bus, topic, events)
            await until(lambda: len(function.given) == 4 + 3 + 3)
            await caught_up(bus, topic)
            tries = {end: function.given.count(one.id) for one, end in zip(events, OUTCOMES, strict=True)}
            assert tries == {"done": 1, "duplicate": 1, "ignored": 1, "in_progress": 3, "retry": 3, "rejected": 1}
            letters = {one.id: one.extensions for one in await letters_of(bus, {source})}
            assert {number: one["knativeerrorcode"] for number, one in letters.items()} == {
                "e3": "409",
                "e4": "503",
                "e5": "422",
            }
            assert (letters["e5"]["stage"], letters["e5"]["reason"]) == ("mapping", "it has no name")
            assert {one["knativeerrordest"] for one in letters.values()} == {"scripted"}
            assert {number: one["tries"] for number, one in letters.items()} == {"e3": "3", "e4": "3", "e5": "1"}
            assert letters["e4"]["why"] == "the subscriber refused it with status 503"

    run(work())
    counted = {name: metrics.total(f"tidings_broker_{name}_total", trigger="tidings-scripted") for name in COUNTED}
    assert counted == {"delivered": 3, "retries": 4, "dead_letters": 3}, "as of a Trigger"


def test_an_event_that_as_a_letter_would_be_too_large_becomes_one_without_its_data(rig: Any) -> None:
    """A broker adds to what it gives up; that which just fitted does not then, however often it is tried."""

    async def work() -> None:
        source = name("source")
        function = Scripted(ends={"e0": [OUTCOMES["rejected"]] * 99})
        async with consumed(rig, function) as (bus, topic):
            sizes = range(1_048_576, 1_000_000, -50)
            whole = (event(size=size, source=source) for size in sizes)
            await anext(one async for one in _kept(bus, topic, whole))
            await caught_up(bus, topic)
            (letter,) = await letters_of(bus, {source})
        assert (letter.id, letter.data) == ("e0", None)
        assert letter.extensions["why"].endswith("its data is left out, which is too large for a letter")

    run(work())


async def _kept(bus: Bus, topic: str, events: Iterable[CloudEvent]) -> AsyncIterator[CloudEvent]:
    for one in events:
        if isinstance(await bus.publish(topic, one), Kept):
            yield one


def test_where_nobody_ticks_it_does_so_itself_and_what_was_due_goes_to_its_topic(rig: Any) -> None:
    async def work() -> None:
        source = name("source")
        reply = CloudEvent("r-1", source, DELIVERY, extensions={"partitionkey": "k"}, data={"number": 1})
        function = Scripted(reply=reply)
        async with consumed(rig, function, tick=0.05) as (bus, _):
            await until(lambda: len(set(function.given)) >= 3)
            kept = [one.event for one in await read(bus, TRAIL)]
            assert "r-1" in {one.id for one in kept if isinstance(one, CloudEvent) and one.source == source}
        given = len(function.given)
        await asyncio.sleep(0.2)
        assert len(function.given) == given, "a stop ends the ticks"

    run(work())


def test_without_being_told_to_it_does_not_tick(rig: Any) -> None:
    async def work() -> None:
        function = Scripted()
        async with consumed(rig, function):
            await asyncio.sleep(0.3)
        assert function.given == []

    run(work())


def test_what_succeeds_at_a_later_try_is_no_dead_letter_and_its_reply_goes_to_its_topic(rig: Any) -> None:
    async def work() -> None:
        source = name("source")
        reply = CloudEvent("r-1", source, DELIVERY, extensions={"partitionkey": "k"}, data={"number": 1})
        function = Scripted(ends={"e0": [Retry("a"), InProgress(), Done()]}, reply=reply)
        async with consumed(rig, function) as (bus, topic):
            await publish(bus, topic, [event(0, source=source)])
            await until(lambda: len(function.given) == 3)
            await caught_up(bus, topic)
            assert await letters_of(bus, {source}) == []
            kept = [one.event for one in await read(bus, TRAIL)]
            assert [one.id for one in kept if isinstance(one, CloudEvent) and one.source == source] == ["r-1"]

    run(work())


def test_a_filter_chooses_and_a_stop_finishes_what_is_in_flight(rig: Any) -> None:
    async def work() -> None:
        function = Scripted(seconds=0.5)
        async with consumed(rig, function, filter="severity = 'high'") as (bus, topic):
            await publish(bus, topic, [event(0), event(1).with_extensions(severity="low"), event(2)])
            await until(lambda: function.begun == 2)
            assert function.given == []
        assert sorted(function.given) == ["e0", "e2"], "both were finished after the word to stop"
        bus = rig.bus()
        assert await bus.behind(topic, "tidings-scripted") == 0
        await bus.close()

    run(work())


def test_what_is_no_event_is_passed_over(rig_nats: Any) -> None:
    async def work() -> None:
        function = Scripted()
        async with consumed(rig_nats, function) as (bus, topic):
            client = await nats.connect(rig_nats.environment()["NATS_URL"])
            await client.jetstream().publish(topic, b"no event")
            await client.close()
            await publish(bus, topic, [event(1)])
            await until(lambda: function.given == ["e1"])
            await caught_up(bus, topic)

    run(work())


@pytest.mark.parametrize(
    ("source", "text", "code", "problem"),
    [("pigeons", "", 2, "there is no pigeons"), ("nats", "", 1, "NATS_URL"), ("embedded", "severity =", 2, "--filter")],
)
def test_what_cannot_work_is_said_at_the_start(source: str, text: str, code: int, problem: str) -> None:
    edge = Edge(Scripted(), Metrics())
    with pytest.raises(StartError) as raised:
        around(edge, edge, options(source, "t", filter=text), {})
    assert raised.value.code == code
    assert problem in str(raised.value)


def test_a_served_function_takes_from_nats_replies_to_nats_and_ends_by_sigterm(rig_nats: Any, tmp_path: Path) -> None:
    raw = CloudEvent("a-1", "https://10.0.0.1:443", "dev.knative.apiserver.resource.add", data=BACK_OFF)

    async def work() -> list[CloudEvent]:
        bus = rig_nats.bus()
        for one in wanted(1):
            await bus.ensure(Topic(one.name))
        await bus.publish(RAW, raw)
        until_then = time.monotonic() + 20
        found: list[CloudEvent] = []
        while not found and time.monotonic() < until_then:
            kept = [record.event for record in await read(bus, KUBERNETES)]
            found = [one for one in kept if isinstance(one, CloudEvent) and one.extensions.get("cluster") == "consumed"]
        await bus.close()
        return found

    settings = {"CLUSTER": "consumed", **rig_nats.environment()}
    arguments = ["--source", "nats", "--topics", RAW, "--group", name("served")]
    with serving("classifier", tmp_path / "log", settings, arguments) as served:
        (reply,) = run(work())
        assert reply.type == "dev.tidings.infrastructure.v1"
        status, _, body = served.request("GET", "/health/readiness")
        assert (status, json.loads(body)["ready"]) == (200, True)
        assert served.terminate() == 0


def test_on_kafka_one_keys_events_stay_in_order_over_tries(rig_kafka: Any) -> None:
    async def work() -> None:
        function = Scripted(ends={"e1": [Retry("a"), Retry("b"), Done()]})
        async with consumed(rig_kafka, function) as (bus, topic):
            for number in range(4):  # one after the other: what is published at once has no order
                await publish(bus, topic, [event(number, "one")])
            await until(lambda: len(function.given) == 6)
            await caught_up(bus, topic)
        assert function.given == ["e0", "e1", "e1", "e1", "e2", "e3"]

    run(work())

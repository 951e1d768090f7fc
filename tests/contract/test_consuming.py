"""A consumer whose bus breaks: what was in flight ends all the same, and nothing ends the consumer in silence."""

import asyncio
import logging
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from functions.intake.handler import new as intake
from shared.bus.protocol import BusUnavailableError, Topic
from shared.local import consuming
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.consumed import Counts
from shared.local.consuming import Consumer, Terms, around
from shared.local.selection import selection
from shared.runtime.edge import Edge
from shared.runtime.hosts import StartError
from shared.telemetry.metrics import Metrics
from tests.support.buses.breaking import BreakingBus
from tests.support.buses.use import event, publish, run, until
from tests.support.scripted import Scripted


@asynccontextmanager
async def consumed(folder: Path, function: Scripted, errors: list[Exception], after: int) -> AsyncIterator[BreakingBus]:
    bus = BreakingBus(folder / "bus.db", errors, after=after)
    await bus.ensure(Topic("topic"))
    terms = Terms(
        name="scripted",
        topics=("topic",),
        group="group",
        passes=lambda _: True,
        delivery=DeliverySpec(retry=0, backoff_policy="linear", backoff_delay=0.05),
    )
    consumer = Consumer(bus, Edge(function, Metrics()), terms)
    await publish(bus, "topic", [event(number) for number in range(4)])
    consumer.start()
    try:
        yield bus
    finally:
        await consumer.stop()


def test_what_is_in_flight_when_the_bus_breaks_ends_and_is_not_given_again(tmp_path: Path) -> None:
    async def work() -> None:
        function = Scripted(seconds=0.3)
        async with consumed(tmp_path, function, [BusUnavailableError("the bus is away")], after=2) as bus:
            await until(lambda: len(function.given) == 4)
            await asyncio.sleep(0.5)
            assert sorted(function.given) == ["e0", "e1", "e2", "e3"]
            assert (function.begun, bus.consumers) == (4, 2)

    run(work())


def test_what_does_not_end_in_time_after_the_bus_broke_is_given_up_and_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "_DRAIN_SECONDS", 0.2)

    async def work() -> None:
        function = Scripted(seconds=60)
        async with consumed(tmp_path, function, [BusUnavailableError("the bus is away")], after=2) as bus:
            await until(lambda: bus.consumers == 2, 5)
            function.seconds = 0
            await until(lambda: len(function.given) == 4)
            assert sorted(function.given) == ["e0", "e1", "e2", "e3"]

    run(work())


def test_an_error_that_nobody_expects_is_logged_once_and_the_topic_is_consumed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        function = Scripted()
        async with consumed(tmp_path, function, [ZeroDivisionError(), ZeroDivisionError()], after=0) as bus:
            await until(lambda: len(function.given) == 4)
            assert bus.consumers == 3

    with caplog.at_level(logging.WARNING):
        run(work())
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "a topic's consumer failed, and begins again")
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_a_bus_that_is_away_for_long_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        function = Scripted()
        away: list[Exception] = [BusUnavailableError("away"), BusUnavailableError("away"), BusUnavailableError("full")]
        async with consumed(tmp_path, function, away, after=0):
            await until(lambda: len(function.given) == 4)

    with caplog.at_level(logging.WARNING):
        run(work())
    assert [vars(record)["why"] for record in caplog.records] == ["away", "full"]


def test_intake_is_told_whose_topics_it_takes_for_its_own_would_come_round_again() -> None:
    edge = Edge(intake({"K_SINK": "http://127.0.0.1:9/"}, Metrics()), Metrics())
    asked = Namespace(function="intake", source="embedded", topics=None, group=None, filter="", path="", retry=1,
                      backoff=1.0, tick=0.0)  # fmt: skip
    with pytest.raises(StartError) as refused:
        around(edge, edge, asked, {"EMBEDDED_BUS": "bus.db"})
    assert refused.value.problems == ("--topics: intake takes what others put on a bus: name their topics",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("severty = 'high'", 'no event has an attribute "severty": did you mean "severity"?'),
        ("category = 'securty'", 'there is no category "securty": did you mean "security"?'),
        ("type != 'com.example.alarm' AND severty = 'high'", 'no event has an attribute "severty": did you mean'),
        ("type LIKE '%.v1' AND severity = 'High'", 'there is no severity "High": did you mean "high"?'),
        ('{"exact": {"phase": "Problem"}}', 'there is no phase "Problem": did you mean "problem"?'),
        ("severity = 'high' AND severity = 'low'", "no event can pass it"),
        ("type = 'dev.tidings.storage.v1'", "no event can pass it"),
        ("type = 'dev.tidings.tick.v1' AND severity = 'high'", "no event can pass it"),
    ],
)
def test_a_filter_that_nobody_means_ends_the_start(text: str, problem: str, tmp_path: Path) -> None:
    asked = Namespace(function="webhook", source="embedded", topics=None, group=None, filter=text, path="", retry=1,
                      backoff=1.0, tick=0.0)  # fmt: skip
    edge = Edge(Scripted(), Metrics())
    with pytest.raises(StartError) as refused:
        around(edge, edge, asked, {"EMBEDDED_BUS": str(tmp_path / "bus.db")})
    assert refused.value.code == 2
    assert str(refused.value).startswith(f"--filter: {problem}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "severity IN ('critical', 'high')",
        "team = 'shop'",
        "type = 'dev.tidings.security.v1' AND team = 'shop'",
        "type = 'com.example.order' AND category = 'fruit'",
        "stage = 'mapping' AND type = 'dev.tidings.tick.v1' AND reason = 'x'",
        "type = 'dev.tidings.dead-letter.retried.v1'",
        '{"prefix": {"type": "dev.tidings.problem."}}',
        "type = 'dev.tidings.security.v1' AND NOT EXISTS team",
        "type = 'dev.tidings.tick.v1' AND EXISTS team AND NOT EXISTS region",
        "type = 'dev.tidings.security.v1' AND NOT EXISTS traceparent",
        "type = 'dev.tidings.observed.v1' AND kind = 'Deployment' AND namespace = 'shop'",
        "type = 'dev.tidings.unread.v1' AND NOT EXISTS cluster",
        "type = 'dev.tidings.listed.v1' AND subject = 'v1/Pod'",
        "type = 'dev.tidings.delivery.v1' AND phase = 'change'",
        "type = 'dev.tidings.delivery.v1' AND phase = 'info'",
        "type = 'com.example.alarm' AND severity = 'Critical'",
        '[{"exact": {"type": "com.example.alarm", "kinds": "fire"}}]',
    ],
)
def test_a_filter_that_somebodys_event_may_pass_is_taken(text: str) -> None:
    assert callable(selection(text))


def test_what_waits_for_a_group_is_measured(tmp_path: Path) -> None:
    async def work() -> float:
        bus = BreakingBus(tmp_path / "bus.db", [], after=0)
        for topic in ("one", "two"):
            await bus.ensure(Topic(topic))
            await publish(bus, topic, [event(number) for number in range(3)])
        metrics = Metrics()
        watching = asyncio.create_task(Counts(metrics, "group").watch(bus, ("one", "two")))
        async with asyncio.timeout(10):
            while "tidings_broker_waiting{" not in metrics.render("")[0].decode():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        watching.cancel()
        await bus.close()
        return metrics.total("tidings_broker_waiting", trigger="group")

    assert run(work()) == 6


def test_a_group_that_the_bus_cannot_name_is_told_at_the_start() -> None:
    edge = Edge(Scripted(), Metrics())
    wanted = {"group": "a.b", "filter": "", "retry": 0, "backoff": 1.0, "tick": 0.0, "function": "scripted", "path": ""}
    with pytest.raises(StartError, match=r"'a\.b' is no group of nats") as raised:
        around(edge, edge, Namespace(source="nats", topics="t", **wanted), {"NATS_URL": "nats://127.0.0.1:1"})
    assert raised.value.code == 2

"""archive keeps each event in the topic of its kind, and answers once the bus has it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from functions.archive.handler import Archive, new
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import MAX_RECORD, Topic
from shared.bus.topology import CHANGES, KUBERNETES, LETTERS, RAW, SECURITY, TRAIL, wanted
from shared.events.attributes import of as attributes
from shared.events.attributes import of_change, of_episode
from shared.events.cloudevent import DELIVERY, OBSERVED, TICK, CloudEvent
from shared.events.codec import encode_binary
from shared.events.outcome import Done, Duplicate, Ignored, Outcome, Rejected, Retry
from shared.runtime.edge import Edge
from shared.runtime.function import Call
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.changes import completed
from tests.support.functions import serving
from tests.support.records import classified, classified_event
from tests.support.rigs.place import event_of
from tests.support.tickets import episode

T = TypeVar("T")
_TIME = datetime(2026, 3, 1, tzinfo=UTC)
_SECONDS = 5.0


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"BUS": "embedded", "EMBEDDED_BUS": str(folder / "bus.db"), **more}


async def with_topics(folder: Path, *names: str) -> None:
    bus = EmbeddedBus(folder / "bus.db")
    for topic in wanted(1):
        if not names or topic.name in names:
            await bus.ensure(topic)
    await bus.close()


def run(folder: Path, use: Callable[[Archive], Awaitable[T]], *topics: str, **settings: str) -> T:
    async def inside() -> T:
        await with_topics(folder, *topics)
        function = new(environ(folder, **settings), Metrics())
        await function.start()
        try:
            return await use(function)
        finally:
            await function.stop()

    return asyncio.run(inside())


async def kept(function: Archive, event: CloudEvent) -> Outcome:
    result = await function.handle(event, Call(asyncio.get_running_loop().time() + _SECONDS))
    assert result.reply is None, "what was kept would have to be kept"
    return result.outcome


def held(folder: Path, topic: str, key: str = "") -> list[CloudEvent]:
    async def inside() -> list[CloudEvent]:
        bus = EmbeddedBus(folder / "bus.db")
        try:
            found = [record.event async for record in bus.read(topic, key=key)]
        finally:
            await bus.close()
        return [one for one in found if isinstance(one, CloudEvent)]

    return asyncio.run(inside())


def event(number: int, kind: str, **extensions: str) -> CloudEvent:
    return CloudEvent(f"e{number}", "tests", kind, time=_TIME, extensions=extensions, data={"number": number})


_SEEN = classified()
CLASSIFIED = classified_event(_SEEN)._replace(extensions=attributes(_SEEN.observation, _SEEN.verdict))
REPORT = event(1, DELIVERY, partitionkey="k1", category="security")
TOPICS = [
    (CLASSIFIED, KUBERNETES),
    (CLASSIFIED.with_extensions(category="security"), SECURITY),
    (CLASSIFIED.with_extensions(phase="change"), CHANGES),
    (event_of(episode())._replace(extensions=of_episode(episode())), KUBERNETES),
    (event_of(completed())._replace(extensions=of_change(completed())), CHANGES),
    (REPORT, TRAIL),
    (event(2, OBSERVED, partitionkey="k1"), RAW),
    (REPORT.with_extensions(knativeerrordest="http://webhook.tidings"), LETTERS),
]


@pytest.mark.parametrize(("one", "topic"), TOPICS, ids=[topic for _, topic in TOPICS])
def test_an_event_is_in_the_topic_of_its_kind_whole_and_by_its_key(one: CloudEvent, topic: str, tmp_path: Path) -> None:
    assert run(tmp_path, lambda function: kept(function, one)) == Done()
    assert held(tmp_path, topic, one.extensions["partitionkey"]) == [one]
    others = [row.name for row in wanted(1) if row.name != topic]
    assert [held(tmp_path, other) for other in others] == [[]] * len(others)


@pytest.mark.parametrize(("one", "topic"), TOPICS, ids=[topic for _, topic in TOPICS])
def test_what_only_a_newer_release_reads_is_kept_where_its_like_is(one: CloudEvent, topic: str, tmp_path: Path) -> None:
    newer = one._replace(type=one.type.removesuffix(".v1") + ".v2")

    async def through_the_edge(function: Archive) -> Outcome:
        return (await Edge(function, Metrics()).dispatch(newer)).outcome

    assert run(tmp_path, through_the_edge) == Done()
    assert held(tmp_path, topic, one.extensions["partitionkey"]) == [newer]


def test_what_no_topic_keeps_is_none_of_its_business(tmp_path: Path) -> None:
    outcome = run(tmp_path, lambda function: kept(function, event(1, TICK)))
    assert outcome == Ignored("nothing that a topic keeps")


def test_an_event_that_comes_again_is_kept_once(tmp_path: Path) -> None:
    async def twice(function: Archive) -> list[Outcome]:
        return [await kept(function, CLASSIFIED), await kept(function, CLASSIFIED)]

    assert run(tmp_path, twice) == [Done(), Duplicate()]
    assert len(held(tmp_path, KUBERNETES)) == 1


def test_a_topic_that_is_not_there_is_waited_for_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def before_and_after(function: Archive) -> list[Outcome]:
        outcomes = [await kept(function, CLASSIFIED), await kept(function, CLASSIFIED)]
        await with_topics(tmp_path)
        return [*outcomes, await kept(function, CLASSIFIED)]

    with caplog.at_level(logging.WARNING):
        outcomes = run(tmp_path, before_and_after, TRAIL)
    assert outcomes == [Retry("the topic is not there", after=30.0)] * 2 + [Done()]
    assert [record.getMessage() for record in caplog.records] == [
        "kubernetes-events: the topic is not there; events are refused until it is mended"
    ]


def test_a_topic_that_is_full_is_told_once_while_others_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def in_turn(function: Archive) -> list[Outcome]:
        bus = EmbeddedBus(tmp_path / "bus.db")
        await bus.ensure(Topic(TRAIL, max_bytes=1))
        outcomes: list[Outcome] = []
        for number in range(3):
            outcomes += [await kept(function, one._replace(id=f"e{number}")) for one in (CLASSIFIED, REPORT)]
        await bus.ensure(Topic(TRAIL))
        outcomes.append(await kept(function, REPORT))
        await bus.ensure(Topic(TRAIL, max_bytes=1))
        await bus.close()
        return [*outcomes, await kept(function, REPORT._replace(id="again"))]

    full = Retry("the topic is full", after=30.0)
    with caplog.at_level(logging.WARNING):
        outcomes = run(tmp_path, in_turn)
    assert outcomes == [*[Done(), full] * 3, Done(), full]
    told = f"{TRAIL}: the topic is full; events are refused until it is mended"
    assert [record.getMessage() for record in caplog.records] == [told, told], "and again once it had been mended"


def test_a_full_topic_is_waited_for_and_keeps_what_it_has(tmp_path: Path) -> None:
    async def fill(function: Archive) -> list[Outcome]:
        bus = EmbeddedBus(tmp_path / "bus.db")
        await bus.ensure(Topic(TRAIL, max_bytes=600))
        await bus.close()
        return [await kept(function, REPORT._replace(id=f"e{number}")) for number in range(4)]

    outcomes = run(tmp_path, fill)
    assert outcomes[0] == Done()
    assert outcomes[-1] == Retry("the topic is full", after=30.0)
    assert len(held(tmp_path, TRAIL)) == outcomes.count(Done())


def test_what_is_too_large_or_cannot_be_written_is_rejected_with_its_reason(tmp_path: Path) -> None:
    async def both(function: Archive) -> list[Outcome]:
        large = REPORT._replace(data="x" * MAX_RECORD)
        return [await kept(function, large), await kept(function, REPORT._replace(id=""))]

    assert run(tmp_path, both) == [
        Rejected("bus", "the event is larger than the bus takes"),
        Rejected("bus", "the event cannot be written as the bus has it"),
    ]


def test_a_bus_that_cannot_be_used_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "bus.db").mkdir()

    async def ask() -> Outcome:
        function = new(environ(tmp_path), Metrics())
        await function.start()
        try:
            return await kept(function, CLASSIFIED)
        finally:
            await function.stop()

    assert asyncio.run(ask()) == Retry("the bus does not answer", after=5.0)


def test_more_than_may_wait_is_refused_and_what_waits_is_kept(tmp_path: Path) -> None:
    async def many(function: Archive) -> list[Outcome]:
        events = [REPORT._replace(id=f"e{number}") for number in range(50)]
        return list(await asyncio.gather(*(kept(function, one) for one in events)))

    outcomes = run(tmp_path, many, ARCHIVE_WAITING="20")
    assert outcomes == [Done()] * 20 + [Retry("too much is waiting", after=1.0)] * 30
    assert len(held(tmp_path, TRAIL)) == 20


def test_over_http_kept_is_204_waiting_503_with_its_time_and_rejected_422_with_its_reason(tmp_path: Path) -> None:
    asyncio.run(with_topics(tmp_path, TRAIL))
    answers = []
    with serving("archive", tmp_path / "log", environ(tmp_path)) as served:
        for one in (REPORT, CLASSIFIED, REPORT._replace(id="large", data="x" * (MAX_RECORD - 20))):
            headers, body = encode_binary(one)
            status, told, _ = served.request("POST", "/", dict(headers), body)
            answers.append((status, told.get("retry-after", ""), told.get("kne-stage", "")))
    assert answers == [(204, "", ""), (503, "30", ""), (422, "", "bus")]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"NATS_URL": "nats://127.0.0.1:1", "ARCHIVE_TOPIC": "theirs.>"},
            "ARCHIVE_TOPIC: 'theirs.>' is no topic of nats",
        ),
        ({}, "no bus is configured"),
        ({"NATS_URL": "nats://a", "KAFKA_BROKERS": "a:1"}, "BUS is not set: nats and kafka are configured"),
        ({"BUS": "nats"}, "NATS_URL is not set"),
        ({"BUS": "pigeons"}, "BUS"),
        ({"BUS": "embedded", "ARCHIVE_WAITING": "0"}, "ARCHIVE_WAITING"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(settings: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        new(settings, Metrics())

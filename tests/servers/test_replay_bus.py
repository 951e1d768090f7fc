"""`tidings replay` to a bus: what one bus or an archive has is put into another one, once."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from shared.bus.protocol import MAX_RECORD, Bus, Topic
from shared.bus.registry import open_bus
from shared.bus.topology import KUBERNETES, SECURITY, TOPOLOGY, TRAIL, wanted
from shared.cli.commands import build
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.outcome import Outcome, Rejected, Retry
from shared.runtime.replay_target import Topics
from tests.support.buses.use import publish, read, run
from tests.support.functions import environment
from tests.support.nats import nats
from tests.support.records import classified, classified_event

APP = build(["replay", "archive", "bus"])
Settings = Mapping[str, str]


def command(settings: Settings, *arguments: str, code: int = 0) -> Any:
    ended = CliRunner().invoke(APP, [*arguments, "--output", "json"], env=environment(settings))
    assert ended.exit_code == code, ended.output
    return json.loads(ended.stdout)


def events() -> dict[str, list[CloudEvent]]:
    """Return what three topics keep, by topic."""
    made = [classified_event(classified(f"id-{number}")) for number in range(60)]
    report = CloudEvent("r-1", "tests", DELIVERY, extensions={"partitionkey": "k"}, data={"key": "a"})
    return {
        KUBERNETES: [one.with_extensions(category="infrastructure") for one in made[:40]],
        SECURITY: [one.with_extensions(category="security") for one in made[40:]],
        TRAIL: [report],
    }


async def filled(bus: Bus) -> None:
    for topic in wanted(1):
        await bus.ensure(topic)
    for name, some in events().items():
        await publish(bus, name, some)
    await bus.close()


async def kept(bus: Bus) -> dict[str, list[CloudEvent]]:
    """Return what a bus has, by topic, each in the order of ids."""
    found = {row.topic.name: [record.event for record in await read(bus, row.topic.name)] for row in TOPOLOGY}
    await bus.close()
    return {name: _sorted(some) for name, some in found.items() if some}


def _sorted(some: Sequence[Any]) -> list[CloudEvent]:
    return sorted(some, key=lambda one: one.id)


def test_what_one_bus_has_is_put_into_another_one_once(tmp_path: Path) -> None:
    with nats(tmp_path) as server:
        settings = {"EMBEDDED_BUS": str(tmp_path / "bus.db"), "NATS_URL": f"nats://127.0.0.1:{server.port}"}
        run(filled(open_bus("embedded", settings)))
        for topic in wanted(1):
            run(made(open_bus("nats", settings), topic))
        again = ("replay", "--source", "embedded", "--target", "nats")
        assert command(settings, *again)["outcomes"] == {"done": 61}
        assert command(settings, *again)["outcomes"] == {}
        wanted_events = {name: _sorted(some) for name, some in events().items()}
        assert run(kept(open_bus("nats", settings))) == wanted_events, "each where its kind is kept, and as it was"
        assert command(settings, *again, "--group", "another")["outcomes"] == {"duplicate": 61}


def test_a_bus_that_was_lost_is_filled_again_from_the_archive(tmp_path: Path) -> None:
    settings = {"EMBEDDED_BUS": str(tmp_path / "bus.db")}
    run(filled(open_bus("embedded", settings)))
    place = str(tmp_path / "archive")
    command(settings, "archive", "export", "--to", place)
    before = run(kept(open_bus("embedded", settings)))
    for file in tmp_path.glob("bus.db*"):
        file.unlink()
    command(settings, "bus", "apply")
    restore = ("replay", "--source", "archive", "--at", place, "--target", "embedded")
    assert command(settings, *restore)["outcomes"] == {"done": 61}
    assert run(kept(open_bus("embedded", settings))) == before


def test_what_can_be_mended_is_left_to_the_next_run_and_what_cannot_is_rejected(tmp_path: Path) -> None:
    async def work() -> list[Outcome]:
        bus = open_bus("embedded", {"EMBEDDED_BUS": str(tmp_path / "bus.db")})
        await bus.ensure(Topic(KUBERNETES, max_bytes=1))
        topics = Topics(bus)
        some = events()
        large = some[SECURITY][0]._replace(data="x" * MAX_RECORD)
        asked = (some[SECURITY][0], some[KUBERNETES][0], large, CloudEvent("1", "s", "theirs"))
        outcomes = [await topics.hand(one) for one in asked]
        await bus.close()
        return [*outcomes, await topics.hand(some[SECURITY][0])]

    missing, full, large, theirs, away = run(work())
    assert missing == Retry("its topic is not there: tidings bus apply makes it")
    assert full == Retry("the topic is full")
    assert (type(large), type(theirs), type(away)) == (Rejected, Rejected, Retry)


async def made(bus: Bus, topic: Topic) -> None:
    await bus.ensure(topic)
    await bus.close()

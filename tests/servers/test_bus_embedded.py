"""The embedded bus where others have a server: its process is killed, its disk is full, its clock is set back."""

import asyncio
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import BusUnavailableError, Kept, Refused, Start, Topic
from shared.bus.registry import chosen, open_bus
from shared.settings.environment import SettingsError
from tests.support.buses.use import event, numbers, read, run, take
from tests.support.servers import ROOT

_PUBLISHER = """
import asyncio, sys
from pathlib import Path
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Kept, Topic
from tests.support.buses.use import event

async def main():
    bus = EmbeddedBus(Path(sys.argv[1]))
    await bus.ensure(Topic("topic"))

    async def publish(first):
        for number in range(first, 100_000, 4):
            assert isinstance(await bus.publish("topic", event(number)), Kept)
            print(number, flush=True)

    await asyncio.gather(*map(publish, range(4)))

asyncio.run(main())
"""


def test_what_was_acknowledged_outlives_a_kill_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _PUBLISHER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(200)]
    process.kill()
    said += [int(line) for line in process.stdout.read().splitlines()]
    process.stdout.close()
    process.wait(10)

    async def work() -> None:
        bus = EmbeddedBus(path)
        assert set(said) <= set(numbers(await read(bus, "topic")))
        await bus.close()

    run(work())


def test_a_group_goes_on_where_it_was_when_its_process_was_killed(tmp_path: Path) -> None:
    async def work() -> None:
        bus = EmbeddedBus(tmp_path / "bus.db")
        await bus.ensure(Topic("topic"))
        for number in range(6):
            await bus.publish("topic", event(number))
        async with bus.consume("topic", "g") as deliveries:
            found = await take(deliveries, 5, ack=False)
            for one in (found[0], found[2]):
                assert await one.ack()
            await asyncio.sleep(0.3)
            other = EmbeddedBus(tmp_path / "bus.db")  # as a process after a crash of this one
            async with other.consume("topic", "g") as again:
                assert sorted(numbers(await take(again, 4))) == [1, 3, 4, 5]
            await other.close()
        await bus.close()

    run(work())


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"

    async def work() -> None:
        bus = EmbeddedBus(path)
        await bus.ensure(Topic("topic"))
        assert isinstance(await bus.publish("topic", event(1)), Kept)
        assert bus._file is not None
        (pages,) = bus._file._connection.execute("PRAGMA page_count").fetchone()
        bus._file._connection.execute(f"PRAGMA max_page_count = {pages}")  # as a full disk answers
        assert await bus.publish("topic", event(2, size=100_000)) == Refused("full")
        assert isinstance(await bus.publish("topic", event(3)), Kept)  # its file is opened again
        assert numbers(await read(bus, "topic")) == [1, 3]
        await bus.close()

    run(work())


def test_what_is_older_than_its_topic_keeps_goes_and_makes_room(tmp_path: Path) -> None:
    now = [1_000_000.0]

    async def work() -> None:
        bus = EmbeddedBus(tmp_path / "bus.db", lambda: now[0])
        await bus.ensure(Topic("topic", seconds=100, max_bytes=3000))
        assert isinstance(await bus.publish("topic", event(1, size=2000)), Kept)
        assert await bus.publish("topic", event(2, size=2000)) == Refused("full")
        now[0] += 101
        assert isinstance(await bus.publish("topic", event(3, size=2000)), Kept)
        found = await bus.describe("topic")
        assert found is not None
        assert found.events == 1
        assert numbers(await read(bus, "topic")) == [3]
        await bus.close()

    run(work())


def test_reading_by_time_loses_nothing_after_the_clock_was_set_back(tmp_path: Path) -> None:
    now = [1_000_000.0]

    async def work() -> None:
        bus = EmbeddedBus(tmp_path / "bus.db", lambda: now[0])
        await bus.ensure(Topic("topic", seconds=100_000))
        await bus.publish("topic", event(1))
        now[0] -= 3600
        await bus.publish("topic", event(2))
        since = datetime.fromtimestamp(1_000_000, UTC)
        assert numbers(await read(bus, "topic", Start(since=since))) == [1, 2]
        await bus.close()

    run(work())


def test_a_file_that_is_none_is_said_to_be_unusable(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    path.write_bytes(b"no database at all" * 100)

    async def work() -> None:
        bus = EmbeddedBus(path)
        with pytest.raises(BusUnavailableError, match="cannot be used"):
            await bus.publish("topic", event(1))
        await bus.close()
        with pytest.raises(BusUnavailableError, match="closed"):
            await bus.publish("topic", event(1))

    run(work())


def test_a_damaged_record_is_said_to_be_one_and_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"

    async def work() -> None:
        bus = EmbeddedBus(path)
        await bus.ensure(Topic("topic"))
        for number in range(3):
            await bus.publish("topic", event(number))
        with sqlite3.connect(path) as damage:
            damage.execute("UPDATE record SET body = x'00' WHERE offset = 2")
        damage.close()
        found = await read(bus, "topic")
        assert numbers([found[0], found[2]]) == [0, 2]
        assert getattr(found[1].event, "reason", "") == "the file is damaged here"
        await bus.close()

    run(work())


def test_the_settings_say_which_bus_is_meant(tmp_path: Path) -> None:
    place = {"EMBEDDED_BUS": str(tmp_path / "deep" / "bus.db")}
    assert chosen(place) == "embedded"
    assert chosen({**place, "NATS_URL": "nats://n", "BUS": "nats"}) == "nats"
    for environment, text in (
        ({}, "no bus is configured"),
        ({**place, "NATS_URL": "nats://n"}, "BUS is not set"),
        ({"BUS": "pigeons"}, "BUS: Input should be"),
    ):
        with pytest.raises(SettingsError, match=text):
            chosen(environment)

    async def work() -> None:
        bus = open_bus("embedded", place)
        await bus.ensure(Topic("topic"))
        assert (tmp_path / "deep" / "bus.db").exists()
        await bus.close()

    run(work())

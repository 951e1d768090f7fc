"""The broker's log over SIGKILL, a full disk and a destination that is down for hours."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.broker import BrokerSettings
from shared.local.broker.database import Batch, Database
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.lock import InUseError
from tests.support.brokers import TAKEN, FastClock, Given, Subscriber, broker, event, replying, trigger

# Publishes for ever and prints the id of each event once it was accepted; its subscribers note what they got in files.
_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from tests.support.brokers import TAKEN, Subscriber, broker, event, replying, trigger
from shared.local.broker.broker import BrokerSettings

folder, run, rest = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "rest"

async def first(got):
    return replying(event(f"r-{got.id}", "second"))

async def second(got):
    with (folder / "arrived").open("a") as file:
        file.write(got.id + "\\n")
    return TAKEN

async def publish(running, worker):
    number = 0
    while True:
        name = f"{run}-{worker}-{number}"
        if await running.publish(event(name)):
            with (folder / "accepted").open("a") as file:
                file.write(name + "\\n")
        number += 1

async def main():
    triggers = (trigger("one"), trigger("two", "second"))
    one, two = Subscriber(first), Subscriber(second)
    async with broker(folder, *triggers, settings=BrokerSettings(keep=50), one=one, two=two) as running:
        print("up", flush=True)
        if rest:
            assert await running.idle(30)
            return
        await asyncio.gather(*(publish(running, worker) for worker in range(4)))

asyncio.run(main())
"""


def _run(root: Path, folder: Path, number: int, mode: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _PROGRAM, str(folder), str(number), mode]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, start_new_session=True)


def test_f34_everything_accepted_arrives_although_the_broker_is_killed_at_random(root: Path, tmp_path: Path) -> None:
    """F34: broker/dispatcher restart, rebalance: duplicates absorbed; ordering claim only per object key.

    Every event that was accepted is answered by the first subscriber with a reply, and every reply reaches the second,
    at least once, however often the process dies.
    """
    chance = random.Random(34)  # noqa: S311 - repeatable
    for number in range(5):
        process = _run(root, tmp_path, number, "publish")
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            time.sleep(chance.uniform(0.05, 0.4))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    last = _run(root, tmp_path, 5, "rest")
    assert last.communicate(timeout=60)[0] == b"up\n"
    assert last.returncode == 0
    accepted = (tmp_path / "accepted").read_text(encoding="utf-8").splitlines()
    arrived = (tmp_path / "arrived").read_text(encoding="utf-8").splitlines()
    assert len(accepted) > 50, "the test must have had something to lose"
    assert {f"r-{name}" for name in accepted} <= set(arrived)
    repeated = len(arrived) - len(set(arrived))
    assert repeated <= 5 * 2 * (50 + 512), "only what was in flight or not yet noted comes again"


def test_f56_a_destination_that_is_down_for_four_hours_gets_everything_afterwards(tmp_path: Path) -> None:
    """F56: destination down for 4 hours (injected clock).

    held by the broker, all delivered afterwards without an operator, no duplicates, others unaffected.
    """
    clock = FastClock(factor=10_000.0)
    up_again: float | None = None
    taken: list[str] = []

    async def down(got: CloudEvent) -> Given:
        if up_again is None or clock.now() < up_again:
            return 503, {}, b""
        taken.append(got.id)
        return TAKEN

    async def play() -> None:
        nonlocal up_again
        patient = DeliverySpec(200, "linear", 10.0, 40.0, "KafkaSink/letters")
        others = Subscriber()
        triggers = (trigger("one", delivery=patient), trigger("other", delivery=patient))
        settings = BrokerSettings(clock=clock, maintain_every=600, retry_letters_every=600)
        async with broker(tmp_path, *triggers, settings=settings, one=Subscriber(down), other=others) as running:
            for number in range(300):
                assert await running.publish(event(number)), "accepting goes on while a destination is down"
            up_again = clock.now() + 4 * 3600
            await asyncio.sleep(0.1)
            assert len(others.got) == 300, "others are unaffected"
            assert taken == []
            assert await running.idle(30)
            assert await running.letters.list() == []

    asyncio.run(play())
    assert sorted(taken, key=int) == [str(number) for number in range(300)], "all, and none twice"


def test_events_that_wait_for_hours_are_not_held_in_memory(tmp_path: Path) -> None:
    async def down(_: CloudEvent) -> Given:
        return 503, {}, b""

    async def play() -> None:
        patient = DeliverySpec(100, "linear", 3600.0, 40.0, "KafkaSink/letters")
        big = [CloudEvent(id=str(number), source="s", type="raw", data="x" * 200_000) for number in range(100)]
        settings = BrokerSettings(clock=FastClock(factor=1.0))
        async with broker(tmp_path, trigger("one", delivery=patient), settings=settings, one=Subscriber(down)) as on:
            for item in big:
                assert await on.publish(item)
            await asyncio.sleep(0.3)
            (status,) = on.status()
            assert (status.in_flight, status.retried) == (50, 50)
            assert on._log is not None
            assert on._log._window.bytes <= 2 * 1024 * 1024

    asyncio.run(play())


def test_a_log_that_cannot_be_written_refuses_and_loses_nothing_that_was_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    commit = Database.commit

    def failing(self: Database, batch: Batch) -> None:
        if full:
            raise sqlite3.OperationalError("database or disk is full")
        commit(self, batch)

    monkeypatch.setattr(Database, "commit", failing)
    gate = asyncio.Event()

    async def answer(got: CloudEvent) -> Given:
        await gate.wait()
        return replying(event(f"r-{got.id}", "second"))

    async def play() -> None:
        nonlocal full
        one, two = Subscriber(answer), Subscriber()
        triggers = (trigger("one"), trigger("two", "second"))
        async with broker(tmp_path, *triggers, one=one, two=two) as running:
            assert await running.publish(event(1))
            full = True
            assert not await running.publish(event(2)), "what is not durable is not accepted"
            gate.set()
            await asyncio.sleep(0.05)
            assert two.ids == []
            full = False
            assert await running.idle(5)
            assert two.ids == ["r-1"]
            assert one.ids == ["1"], "it is not called again because the disk was full"
            assert await running.publish(event(3))

    asyncio.run(play())


def test_a_full_disk_is_said_once_with_the_file_and_the_cause_and_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            log = running._log
            assert log is not None
            assert await running.publish(event(1))
            assert await running.idle(5)
            # SQLite's own limit: it says the same words as on a disk that is full.
            await log.change(lambda database: database._writer.execute("PRAGMA max_page_count = 1").fetchone())
            large = CloudEvent(id="2", source="s", type="raw", data="x" * 500_000)
            assert [await running.publish(large) for _ in range(3)] == [False] * 3
            await log.change(lambda database: database._writer.execute("PRAGMA max_page_count = 1000000").fetchone())
            assert [await running.publish(large) for _ in range(3)] == [True] * 3
            assert await running.idle(5)

    asyncio.run(play())
    file = tmp_path / "broker.db"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"the broker's log {file} cannot be written: database or disk is full"),
        ("WARNING", f"the broker's log {file} works again: before, it could not be written"),
    ]


def test_a_second_process_may_not_open_the_same_log(tmp_path: Path) -> None:
    database = Database(tmp_path / "broker.db")
    with pytest.raises(InUseError):
        Database(tmp_path / "broker.db")
    database.close()
    Database(tmp_path / "broker.db").close()


def test_what_is_too_large_or_no_json_is_refused_alone(tmp_path: Path) -> None:
    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            too_large = CloudEvent(id="1", source="s", type="raw", data="x" * 1_100_000)
            not_json = CloudEvent(id="2", source="s", type="raw", data=object())
            assert not await running.publish(too_large)
            assert not await running.publish(not_json)
            assert await running.publish(event(3))
            assert await running.idle(5)
        assert app.ids == ["3"]

    asyncio.run(play())


def test_the_stored_lines_are_cloudevents_as_json(tmp_path: Path) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            await running.publish_all([event(1, cluster="a"), event(2)])

    asyncio.run(play())
    with contextlib.closing(sqlite3.connect(tmp_path / "broker.db")) as connection:
        ((body,),) = connection.execute("SELECT body FROM page").fetchall()
    assert [json.loads(line)["id"] for line in body.split(b"\n")] == ["1", "2"]

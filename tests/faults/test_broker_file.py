"""The broker over a file that cannot be read, lines in it that are damaged, and parts of it that die half-way."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.database import Database, Page
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.log import Log
from shared.local.broker.topology import Topology
from shared.local.broker.window import unpack
from shared.telemetry.metrics import Metrics
from tests.support.brokers import TAKEN, AsgiCaller, FastClock, Given, Subscriber, broker, event, trigger


@pytest.fixture
def read_from_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.local.broker.log._NEAR", -1_000_000)


def change(folder: Path, statement: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(folder / "broker.db")) as connection, connection:
        connection.execute(statement, values)


class Unreadable:
    """Makes reads of the database fail as long as `now` is true."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.now = False
        self.refused = 0
        for name in names:
            monkeypatch.setattr(Database, name, self._failing(getattr(Database, name)))

    def _failing(self, read: Any) -> Any:
        def reading(*args: Any, **named: Any) -> Any:
            if self.now:
                self.refused += 1
                raise sqlite3.OperationalError("disk I/O error")
            return read(*args, **named)

        return reading


@pytest.mark.usefixtures("read_from_the_file")
def test_a_file_that_cannot_be_read_for_a_while_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        disk, app = Unreadable(monkeypatch, "pages", "letters", "letter_counts"), Subscriber()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            failing = asyncio.create_task(running.failed())
            disk.now = True
            assert await running.publish(event(1)), "accepting goes on"
            await asyncio.sleep(0.05)
            assert disk.refused > 2, "the consumer and the letters were refused, again and again"
            assert app.ids == []
            assert await running.events() == []
            assert await running.letters.counts() == {}
            disk.now = False
            assert await running.idle(5)
            assert app.ids == ["1"]
            assert not failing.done(), "the host lives on"
            failing.cancel()

    asyncio.run(play())


def test_a_line_that_is_damaged_is_counted_and_skipped_and_only_it(tmp_path: Path) -> None:
    async def refuse(_: CloudEvent) -> Given:
        return 503, {}, b""

    async def play() -> None:
        patient = DeliverySpec(3, "linear", 3600.0, 40.0, "KafkaSink/letters")
        settings = BrokerSettings(clock=FastClock(factor=1.0), in_flight=2)
        async with broker(tmp_path, trigger("one", delivery=patient), settings=settings, one=Subscriber(refuse)) as on:
            await on.publish_all([event(number) for number in range(6)])
            await asyncio.sleep(0.1)  # 0 and 1 are on their way, the rest is not looked at
        with contextlib.closing(sqlite3.connect(tmp_path / "broker.db")) as connection:
            ((body,),) = connection.execute("SELECT body FROM page").fetchall()
        lines = body.split(b"\n")
        lines[1], lines[3], lines[5] = b'{"id": "1"', b"\xff\x00", b'{"specversion": "1.0"}'
        change(tmp_path, "UPDATE page SET body = ?", b"\n".join(lines))
        app, metrics = Subscriber(), Metrics()
        running = Broker(
            Topology(triggers=(trigger("one"),)), {"one": AsgiCaller(app)}, tmp_path / "broker.db", metrics
        )
        await running.start()
        assert await running.idle(5)
        assert [stored.event.id for stored in await running.events()] == ["4", "2", "0"]
        assert running.status()[0].lost == 3
        await running.stop()
        assert sorted(app.ids) == ["0", "2", "4"]
        lost = {"function": "one", "reason": "unreadable", "intentional": "false"}
        assert metrics.total("tidings_dropped_total", **lost) == 3

    asyncio.run(play())


@pytest.mark.usefixtures("read_from_the_file")
def test_an_event_that_is_damaged_while_it_waits_for_another_try_is_lost_alone(tmp_path: Path) -> None:
    async def answer(got: CloudEvent) -> Given:
        if got.id == "0":
            change(tmp_path, "UPDATE page SET body = x'78' WHERE first = 1")
            return 503, {}, b""
        return TAKEN

    async def play() -> None:
        patient = DeliverySpec(3, "linear", 100.0, 40.0, "KafkaSink/letters")
        app = Subscriber(answer)
        async with broker(tmp_path, trigger("one", delivery=patient), one=app) as running:
            await running.publish(event(0))
            await asyncio.sleep(0.05)
            assert running._log is not None
            running._log._window._runs.clear()
            running._log._window._firsts.clear()
            await running.publish(event(1))
            assert await running.idle(5)
            assert running.status()[0].lost == 1
        assert app.ids == ["0", "1"]

    asyncio.run(play())


def test_pages_that_are_gone_stop_nobody(tmp_path: Path) -> None:
    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            await running.publish_all([event(number) for number in range(300)])  # a page as long as one reads at once
            for number in range(300, 304):
                await running.publish(event(number))
            assert await running.idle(5)
        change(tmp_path, "DELETE FROM page WHERE first IN (301, 302)")
        change(tmp_path, "UPDATE cursor SET state = '[1]'")
        async with broker(tmp_path, trigger("one"), one=app) as running:
            assert await running.idle(5)
        assert sorted(app.ids, key=int) == [*(str(number) for number in range(300)), "302", "303"]

    asyncio.run(play())


def test_a_dead_letter_that_is_damaged_is_shown_and_not_sent_and_holds_up_no_other(tmp_path: Path) -> None:
    broken = True

    async def answer(_: CloudEvent) -> Given:
        return (422, {}, b"") if broken else TAKEN

    async def play() -> None:
        nonlocal broken
        app = Subscriber(answer)
        async with broker(tmp_path, trigger("one"), one=app) as running:
            failing = asyncio.create_task(running.failed())
            await running.publish_all([event(1), event(2)])
            assert await running.idle(5)
            change(tmp_path, "UPDATE letter SET event = '{', extensions = '[' WHERE id = 1")
            broken = False
            assert await running.retry_letters([1, 2]) == 2
            async with asyncio.timeout(5):
                while len(app.got) < 3 or await running.letters.wanted("one", after=0, limit=9):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            (left,) = await running.letters.list()
            assert (left.id, left.readable, left.wanted) == (1, False, False)
            assert app.ids[2:] == ["2"]
            assert not failing.done()
            failing.cancel()

    asyncio.run(play())


def test_a_dead_letter_that_is_discarded_while_it_is_sent_again_stays_discarded(tmp_path: Path) -> None:
    sent, gate = asyncio.Event(), asyncio.Event()

    async def answer(_: CloudEvent) -> Given:
        if gate.is_set():
            return 422, {}, b""
        sent.set()
        await gate.wait()
        return 422, {}, b""

    async def play() -> None:
        app = Subscriber()
        app.handler = answer
        gate.set()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            await running.publish(event(1))
            assert await running.idle(5)
            gate.clear()
            (letter,) = await running.letters.list()
            await running.retry_letters([letter.id])
            await sent.wait()
            assert await running.letters.discard([letter.id], "read") == 1
            gate.set()
            await asyncio.sleep(0.1)
            assert await running.letters.list() == []
            await running.publish(event(2))
            assert await running.idle(5)
            (new,) = await running.letters.list()
            assert new.event.id == "2"

    asyncio.run(play())


def test_the_rules_of_an_older_file_are_replaced_at_the_start(tmp_path: Path) -> None:
    Database(tmp_path / "broker.db").close()
    change(tmp_path, "DROP TRIGGER commit_batch")
    change(tmp_path, "CREATE TRIGGER commit_batch INSTEAD OF INSERT ON batch BEGIN SELECT 1; END")

    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            await running.publish(event(1))
            assert await running.idle(5)

    asyncio.run(play())
    with contextlib.closing(sqlite3.connect(tmp_path / "broker.db")) as connection:
        assert connection.execute("SELECT count(*) FROM page").fetchone() == (1,)


def test_a_stop_closes_the_file_although_the_writer_died_and_nobody_waits_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        settings = BrokerSettings(clock=FastClock())
        running = Broker(Topology(triggers=(trigger("one"),)), {"one": AsgiCaller(Subscriber())}, tmp_path / "b.db",
                         Metrics(), settings)  # fmt: skip
        await running.start()
        monkeypatch.setattr(Log, "_succeeded", lambda *_: 1 / 0)
        async with asyncio.timeout(5):
            assert not await running.publish(event(1)), "who publishes is told, and does not wait for ever"
            assert not await running.publish(event(2))
            with pytest.raises(ZeroDivisionError):
                await running.failed()
            await running.stop()
        Database(tmp_path / "b.db").close()

    asyncio.run(play())


def test_a_start_that_fails_closes_the_file(tmp_path: Path) -> None:
    Database(tmp_path / "broker.db").close()
    change(tmp_path, "INSERT INTO cursor VALUES ('one', -1, 'no state', 0)")

    async def play() -> None:
        running = Broker(
            Topology(triggers=(trigger("one"),)), {"one": AsgiCaller(Subscriber())}, tmp_path / "broker.db", Metrics()
        )
        with pytest.raises(ValueError, match="invalid literal"):
            await running.start()
        Database(tmp_path / "broker.db").close()

    asyncio.run(play())


def test_a_page_gives_as_many_events_as_it_was_given() -> None:
    assert [stored.offset for stored in unpack(Page(5, 3, 0.0, b"x"))] == [5, 6, 7]
    assert [stored.offset for stored in unpack(Page(5, 1, 0.0, b"x\ny"))] == [5]

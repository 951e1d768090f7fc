"""Where the embedded broker goes on after a start, what it keeps, and what one can do with dead letters."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.topology import Tick, Topology
from shared.telemetry.metrics import Metrics
from tests.support.brokers import (
    LETTERS,
    TAKEN,
    AsgiCaller,
    FastClock,
    Given,
    Subscriber,
    broker,
    event,
    replying,
    trigger,
)


def test_a_new_trigger_starts_at_the_latest_event_and_a_known_one_where_it_was(tmp_path: Path) -> None:
    async def play() -> None:
        old, new = Subscriber(), Subscriber()
        async with broker(tmp_path, trigger("old"), old=old) as running:
            await running.publish_all([event(1), event(2)])
            assert await running.idle(5)
        async with broker(tmp_path, trigger("old"), trigger("new"), old=old, new=new) as running:
            await running.publish(event(3))
            assert await running.idle(5)
        async with broker(tmp_path, trigger("old"), old=old) as running:
            await running.publish(event(4))
            assert await running.idle(5)
        async with broker(tmp_path, trigger("old"), trigger("new"), old=old, new=new) as running:
            assert await running.idle(5)
        assert old.ids == ["1", "2", "3", "4"]
        assert new.ids == ["3", "4"], "a Trigger that was away for a while misses nothing"

    asyncio.run(play())


def test_a_trigger_that_was_away_too_long_starts_at_the_latest_event(tmp_path: Path) -> None:
    async def play() -> None:
        one, two = Subscriber(), Subscriber()
        async with broker(tmp_path, trigger("one"), trigger("two"), one=one, two=two) as running:
            await running.publish(event(1))
            assert await running.idle(5)
        async with broker(tmp_path, trigger("one"), one=one) as running:
            await running.publish(event(2))
            assert await running.idle(5)
        await asyncio.sleep(0.02)
        later = BrokerSettings(clock=FastClock(), forget_after=0.0)
        async with broker(tmp_path, trigger("one"), settings=later, one=one) as running:
            assert await running.idle(5)
        async with broker(tmp_path, trigger("one"), trigger("two"), one=one, two=two) as running:
            await running.publish(event(3))
            assert await running.idle(5)
        assert two.ids == ["1", "3"]

    asyncio.run(play())


def test_a_trigger_that_went_away_is_let_go_while_the_broker_runs(tmp_path: Path) -> None:
    async def play() -> None:
        one, two = Subscriber(), Subscriber()
        async with broker(tmp_path, trigger("one"), trigger("two"), one=one, two=two) as running:
            await running.publish(event(1))
            assert await running.idle(5)
        short = BrokerSettings(clock=FastClock(), keep=1, forget_after=300.0)  # 0.3 s of this clock
        async with broker(tmp_path, trigger("one"), settings=short, one=one) as running:
            await running.publish(event(2))
            assert await running.idle(5)
            await asyncio.sleep(0.6)
            await running.publish(event(3))
            assert await running.idle(5)
            await asyncio.sleep(0.1)
            kept = [stored.event.id for stored in await running.events()]
        assert "2" not in kept, "nobody needs it any more, and the log does not grow for a Trigger that is gone"
        async with broker(tmp_path, trigger("one"), trigger("two"), one=one, two=two) as running:
            assert await running.idle(5)
        assert two.ids == ["1"]

    asyncio.run(play())


@pytest.mark.parametrize("bad", [{"subject": "a\nb"}, {"extensions": {"Not-A-Name": "x"}}])
def test_an_event_of_ours_that_could_not_be_read_again_is_refused_and_stops_nobody(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            assert not await running.publish(event(1)._replace(**bad))
            assert await running.publish(event(2))
            assert await running.idle(5)
        async with broker(tmp_path, trigger("one"), one=app) as running:
            assert await running.publish(event(3))
            assert await running.idle(5)
        assert app.ids == ["2", "3"]

    asyncio.run(play())


def test_a_trigger_that_becomes_ordered_goes_on_without_a_gap(tmp_path: Path) -> None:
    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            await running.publish_all([event(number, partitionkey=str(number)) for number in range(20)])
            assert await running.idle(5)
        async with broker(tmp_path, trigger("other"), other=Subscriber()) as running:
            await running.publish_all([event(number, partitionkey=str(number)) for number in range(20, 40)])
            assert await running.idle(5)
        async with broker(tmp_path, trigger("one", ordered=True), one=app) as running:
            assert await running.idle(5)
        assert sorted(app.ids, key=int) == [str(number) for number in range(40)]

    asyncio.run(play())


def test_dead_letters_are_sent_again_to_their_trigger_only_shown_and_discarded(tmp_path: Path) -> None:
    broken = True

    async def answer(got: CloudEvent) -> Given:
        return (422, {}, b"") if broken else replying(event(f"reply-{got.id}", "second"))

    async def play() -> None:
        nonlocal broken
        app, other, second = Subscriber(answer), Subscriber(), Subscriber()
        triggers = (trigger("one", delivery=LETTERS), trigger("other"), trigger("second", "second"))
        async with broker(tmp_path, *triggers, one=app, other=other, second=second) as running:
            await running.publish_all([event(number) for number in range(3)])
            assert await running.idle(5)
            first, _, last = await running.letters.list("one")
            assert await running.letters.counts() == {"one": 3}
            assert await running.letters.discard([last.id, 999], "not ours") == 1
            assert await running.retry_letters([first.id]) == 1
            await _until_calls(app, 4)
            await asyncio.sleep(0.05)
            again = await running.letters.show(first.id)
            assert again is not None
            assert (again.tries, again.wanted) == (2, False), "it failed again and waits"
            broken = False
            await running.retry_letters([first.id])
            await _until_calls(second, 1)
            await asyncio.sleep(0.05)
            assert await running.letters.show(first.id) is None
            assert len(await running.letters.list()) == 1
        assert other.ids == ["0", "1", "2"]
        assert second.ids == ["reply-0"]

    asyncio.run(play())


def test_dead_letters_outlive_the_retention_of_the_log(tmp_path: Path) -> None:
    async def answer(got: CloudEvent) -> Given:
        return (422, {}, b"") if got.id == "0" else TAKEN

    async def play() -> None:
        settings = BrokerSettings(clock=FastClock(), keep=10)
        async with broker(tmp_path, trigger("one"), settings=settings, one=Subscriber(answer)) as running:
            for number in range(100):
                await running.publish(event(number))
            assert await running.idle(5)
            await asyncio.sleep(0.1)
            kept = [stored.event.id for stored in await running.events(1000)]
            assert kept == [str(number) for number in range(99, 89, -1)]
            assert [letter.event.id for letter in await running.letters.list()] == ["0"]

    asyncio.run(play())


def test_events_are_paged_from_the_newest_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            await running.publish_all([event(number) for number in range(10)])
            newest = await running.events(4)
            assert [stored.event.id for stored in newest] == ["9", "8", "7", "6"]
            before = await running.events(4, before=newest[-1].offset)
            assert [stored.event.id for stored in before] == ["5", "4", "3", "2"]

    asyncio.run(play())


def test_a_log_that_was_long_gives_its_room_back(tmp_path: Path) -> None:
    async def play() -> None:
        settings = BrokerSettings(clock=FastClock(), keep=1)
        gate = asyncio.Event()

        async def answer(_: CloudEvent) -> Given:
            await gate.wait()
            return TAKEN

        async with broker(tmp_path, trigger("one"), settings=settings, one=Subscriber(answer)) as running:
            for number in range(40):
                large = [
                    CloudEvent(id=f"{number}-{place}", source="s", type="raw", data="x" * 10_000)
                    for place in range(100)
                ]
                assert await running.publish_all(large)
            gate.set()
            assert await running.idle(20)
            await asyncio.sleep(0.3)
        assert (tmp_path / "broker.db").stat().st_size < 15_000_000, "8 MiB stay for reuse, 40 MB came"

    asyncio.run(play())


def test_ticks_come_as_the_ping_source_sends_them(tmp_path: Path) -> None:
    async def play() -> None:
        app = Subscriber()
        tick = Tick("tick", 10.0, CloudEvent(id="", source="/pingsources/tick", type="raw"))
        topology = Topology(triggers=(trigger("one"),), ticks=(tick,))
        settings = BrokerSettings(clock=FastClock())
        running = Broker(topology, {"one": AsgiCaller(app)}, tmp_path / "b.db", Metrics(), settings)
        await running.start()
        await _until_calls(app, 3)
        await running.stop()
        assert len(set(app.ids)) == len(app.ids), "each tick is an event of its own"
        times = [item.time for item in app.got if item.time is not None]
        # One may be late where the machine is busy, for the clock runs fast: then what follows comes the sooner.
        assert max(after - before for before, after in pairwise(times)).total_seconds() > 8

    asyncio.run(play())


def test_a_trigger_whose_service_is_not_here_is_named_and_stops_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), trigger("elsewhere"), one=app) as running:
            assert running.unserved == ("elsewhere",)
            await running.publish(event(1))
            assert await running.idle(5)
        assert app.ids == ["1"]

    asyncio.run(play())


def test_a_stopped_broker_accepts_nothing_and_finishes_what_is_in_flight(tmp_path: Path) -> None:
    async def answer(got: CloudEvent) -> Given:
        await asyncio.sleep(0.1)
        return replying(event(f"r-{got.id}", "second"))

    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber(answer)) as running:
            await running.publish(event(1))
            await asyncio.sleep(0.02)
            stopping = asyncio.create_task(running.stop())
            await asyncio.sleep(0)
            assert not await running.publish(event(2))
            await stopping
        second = Subscriber()
        async with broker(tmp_path, trigger("one"), trigger("two", "second"), one=Subscriber(), two=second) as running:
            assert [stored.event.id for stored in await running.events()] == ["r-1", "1"]

    asyncio.run(play())


def test_a_mistake_of_ours_ends_the_broker_for_its_host_to_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            monkeypatch.setattr("shared.local.broker.consumer.judge", lambda _: 1 / 0)
            await running.publish(event(1))
            async with asyncio.timeout(5):
                with pytest.raises(ExceptionGroup) as raised:
                    await running.failed()
            assert raised.group_contains(ZeroDivisionError)

    asyncio.run(play())


def test_what_waited_for_another_try_comes_again_after_a_start_and_with_all_its_tries(tmp_path: Path) -> None:
    patient = DeliverySpec(3, "linear", 3600.0, 40.0, "KafkaSink/letters")

    async def refuse(got: CloudEvent) -> Given:
        return (503, {}, b"") if got.id in {"1", "3"} else TAKEN

    async def play() -> None:
        settings = BrokerSettings(clock=FastClock(factor=1.0))
        first, second = Subscriber(refuse), Subscriber()
        async with broker(tmp_path, trigger("one", delivery=patient), settings=settings, one=first) as running:
            await running.publish_all([event(number) for number in range(5)])
            await _until_calls(first, 5)
            await asyncio.sleep(0.1)
            assert running.status()[0].in_flight == 2
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 1, "a wait of an hour does not hold up the stop"
        async with broker(tmp_path, trigger("one", delivery=patient), one=second) as running:
            assert await running.idle(5)
            assert running.status()[0].retried == 0
        assert sorted(second.ids) == ["1", "3"], "exactly those that had not ended"

    asyncio.run(play())


async def _until_calls(app: Subscriber, count: int) -> None:
    async with asyncio.timeout(5):
        while len(app.got) < count:  # noqa: ASYNC110 - the subscriber knows no events
            await asyncio.sleep(0.01)


def test_the_newest_events_are_shown_also_where_a_page_of_them_is_large(tmp_path: Path) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            for number in range(24):
                await running.publish(event(number)._replace(data={"much": "x" * 1_000_000}))
            assert await running.idle(10)
            shown = [stored.event.id for stored in await running.events(limit=100)]
            assert shown[0] == "23"
            older = await running.events(limit=100, before=24 - len(shown) + 1)
            assert older[0].event.id == str(23 - len(shown)), "the next page goes on without a gap"

    asyncio.run(play())

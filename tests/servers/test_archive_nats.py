"""archive on a real NATS: kept, told apart, refused while the server is away, and kept again afterwards."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.archive.handler import Archive, new
from shared.bus.topology import TRAIL, wanted
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.outcome import Done, Duplicate, Outcome, Rejected, Retry
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics
from tests.support.buses.registry import RIGS
from tests.support.buses.use import read, run


async def until_kept(function: Archive, event: CloudEvent) -> None:
    """Hand it over as a broker does: again and again."""
    while isinstance(await kept(function, event), Retry):  # noqa: ASYNC110 - nobody tells when the server is back
        await asyncio.sleep(0.2)


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Any]:
    """Yield a server of its own: others look at what topics there are."""
    with RIGS["nats"](tmp_path) as rig:
        yield rig


def report(number: int, key: str = "k1", size: int = 0) -> CloudEvent:
    data = {"number": number, "filling": "x" * size}
    time = datetime(2026, 3, 1, tzinfo=UTC)
    return CloudEvent(f"e{number}", "tests", DELIVERY, time=time, extensions={"partitionkey": key}, data=data)


async def kept(function: Archive, event: CloudEvent) -> Outcome:
    return (await function.handle(event, Call(asyncio.get_running_loop().time() + 22))).outcome


def test_what_nats_has_is_done_and_by_its_key(nats: Any) -> None:
    async def work() -> None:
        function = new({"BUS": "nats", **nats.environment()}, Metrics())
        await function.start()
        bus = nats.bus()
        try:
            assert await kept(function, report(0)) == Retry("the topic is not there", after=30.0)
            for topic in wanted(1):
                await bus.ensure(topic)
            events = [report(number, f"k{number % 3}") for number in range(300)]
            assert await asyncio.gather(*(kept(function, one) for one in events)) == [Done()] * 300
            assert await kept(function, events[7]) == Duplicate()
            assert await kept(function, report(1000, size=2_000_000)) == Rejected(
                "bus", "the event is larger than the bus takes"
            )
            found = [record.event for record in await read(bus, TRAIL, key="k1")]
            assert sorted(found, key=str) == sorted(events[1::3], key=str)
        finally:
            await bus.close()
            await function.stop()

    run(work())


def test_while_nats_is_away_events_are_refused_and_afterwards_each_is_there(nats: Any) -> None:
    async def work() -> None:
        function = new({"BUS": "nats", **nats.environment()}, Metrics())
        await function.start()
        bus = nats.bus()
        try:
            for topic in wanted(1):
                await bus.ensure(topic)
            assert await kept(function, report(0)) == Done()
            await asyncio.to_thread(nats.kill)
            away = await asyncio.gather(*(kept(function, report(number)) for number in range(1, 20)))
            assert away == [Retry("the bus does not answer", after=5.0)] * 19
            await asyncio.to_thread(nats.start)
            for number in range(1, 20):
                await until_kept(function, report(number))
            ids = [record.event.id for record in await read(bus, TRAIL) if isinstance(record.event, CloudEvent)]
            assert sorted(ids) == sorted(f"e{number}" for number in range(20))
        finally:
            await bus.close()
            await function.stop()

    run(work())

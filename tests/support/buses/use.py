"""How tests use a bus: events that are told apart by a number, and what of them came back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

import pytest

from shared.bus.protocol import OLDEST, Bus, BusUnavailableError, Delivery, Kept, Published, Record, Start, Topic
from shared.events.cloudevent import CloudEvent

T = TypeVar("T")

_numbers = count(1)


def run(work: Awaitable[T], seconds: float = 60.0) -> T:
    async def within() -> T:
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(within())


def name(what: str = "topic") -> str:
    return f"{what}-{next(_numbers)}"


def event(number: int = 0, key: str = "k1", *, size: int = 0, source: str = "tests") -> CloudEvent:
    data = {"number": number, "text": "ä 100% \n", "filling": "x" * size}
    return CloudEvent(
        f"e{number}",
        source,
        "dev.tidings.security.v1",
        subject="pod/ä b",
        time=datetime(2026, 3, 1, tzinfo=UTC),
        extensions={"partitionkey": key, "severity": "high", "namespace": "-"},
        data=data,
    )


@asynccontextmanager
async def with_topic(rig: Any, topic: Topic | None = None) -> AsyncIterator[tuple[Bus, str]]:
    bus = rig.bus()
    wanted = topic or Topic(name(), partitions=3)
    try:
        await bus.ensure(wanted)
        yield bus, wanted.name
    finally:
        await bus.close()


async def publish(bus: Bus, topic: str, events: Sequence[CloudEvent]) -> list[Published]:
    return list(await asyncio.gather(*(bus.publish(topic, one) for one in events)))


async def read(bus: Bus, topic: str, start: Start = OLDEST, key: str = "") -> list[Record]:
    return [record async for record in bus.read(topic, start, key=key)]


async def take(deliveries: AsyncIterator[Delivery], wanted: int, *, ack: bool = True) -> list[Delivery]:
    found: list[Delivery] = []
    async for one in deliveries:
        found.append(one)
        if ack:
            assert await one.ack()
        if len(found) == wanted:
            break
    return found


async def nothing_more(deliveries: AsyncIterator[Delivery], seconds: float = 1.0) -> None:
    """Fail where there is another delivery; the iterator is of no use afterwards."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await anext(deliveries)


def numbers(found: Sequence[Record | Delivery]) -> list[int]:
    records = [one.record if isinstance(one, Delivery) else one for one in found]
    assert all(isinstance(one.event, CloudEvent) for one in records), records
    return [one.event.data["number"] for one in records if isinstance(one.event, CloudEvent)]


async def until_kept(bus: Bus, topic: str, one: CloudEvent) -> None:
    """Publish as the functions' callers do: until the bus has it."""
    while True:
        try:
            done = await bus.publish(topic, one)
        except BusUnavailableError:
            await asyncio.sleep(0.1)
        else:
            assert isinstance(done, Kept), done
            return


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it is for what tells nobody
            await asyncio.sleep(0.02)

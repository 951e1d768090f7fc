"""A group of the embedded bus while its file is slow or busy: it goes on, and what was acknowledged is kept."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.embedded_file import Row
from shared.bus.progress import Progress
from shared.bus.protocol import BusUnavailableError, Topic
from tests.support.buses.use import event, numbers, publish, run, take

B = TypeVar("B", bound=EmbeddedBus)


class _BusyBus(EmbeddedBus):
    """Its file is too busy for so many reads."""

    busy = 2

    async def page(self, topic: str, after: int, until: int, key: str = "", most: int = 256) -> list[Row]:
        if self.busy:
            self.busy -= 1
            raise BusUnavailableError("the bus's file cannot be used now (BusyError)")
        return await super().page(topic, after, until, key, most)


class _SlowBus(EmbeddedBus):
    """It has written how far a group is, and takes its time to say so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.written = asyncio.Event()
        self.may_say = asyncio.Event()

    async def keep_progress(self, topic: str, group: str, progress: Progress) -> None:
        await super().keep_progress(topic, group, progress)
        self.written.set()
        await self.may_say.wait()


@asynccontextmanager
async def filled(bus: B) -> AsyncIterator[B]:
    await bus.ensure(Topic("topic"))
    await publish(bus, "topic", [event(number) for number in range(3)])
    try:
        yield bus
    finally:
        await bus.close()


def test_a_consumer_outlasts_reads_that_fail_and_its_trouble_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with filled(_BusyBus(tmp_path / "bus.db")) as bus, bus.consume("topic", "group") as deliveries:
            assert numbers(await take(deliveries, 3)) == [0, 1, 2]

    with caplog.at_level(logging.WARNING):
        run(work())
    assert [record.getMessage() for record in caplog.records] == [
        "topic cannot be consumed now: the bus's file cannot be used now (BusyError)"
    ]


def test_what_is_acknowledged_while_an_earlier_one_is_written_is_kept_too(tmp_path: Path) -> None:
    async def left() -> int:
        """Return how far behind the group is for another process."""
        other = EmbeddedBus(tmp_path / "bus.db")
        try:
            return await other.behind("topic", "group")
        finally:
            await other.close()

    async def work() -> None:
        async with filled(_SlowBus(tmp_path / "bus.db")) as bus, bus.consume("topic", "group") as deliveries:
            first, second, third = await take(deliveries, 3, ack=False)
            assert await first.ack()
            await bus.written.wait()
            assert await second.ack()
            assert await third.ack()
            bus.may_say.set()
            async with asyncio.timeout(5):
                while await left():  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.05)

    run(work())

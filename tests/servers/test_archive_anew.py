"""On each bus an export goes on where it ended, and knows a topic that was made anew by its records."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.archive.anew import AnewError
from shared.archive.catalogue import sequences
from shared.archive.export import Bounds
from shared.archive.folder import FolderPlace
from shared.bus.protocol import OLDEST, Bus, Record, Start, State, Topic
from tests.support.archives import exported
from tests.support.buses.use import event, name, publish, run, with_topic

KEYS = 7
WHOLE = Bounds(size=1 << 30, age=timedelta(days=1))


class Anew:
    """A bus whose topic was made anew: what is asked of the topic, another one answers."""

    def __init__(self, bus: Bus, topic: str) -> None:
        self._bus = bus
        self._topic = topic

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        async for one in self._bus.read(self._topic, start, key=key):
            yield one._replace(topic=topic)

    async def describe(self, name: str) -> State | None:  # noqa: ARG002 - the protocol's
        return await self._bus.describe(self._topic)

    async def close(self) -> None:
        """Leave it to whoever opened it."""


async def keep(bus: Bus, topic: str, first: int, end: int) -> None:
    await publish(bus, topic, [event(number, f"k{number % KEYS}") for number in range(first, end)])


def test_an_export_goes_on_where_it_ended_but_not_with_a_topic_that_was_made_anew(server: Any, tmp_path: Path) -> None:
    place = FolderPlace(tmp_path / "archive")

    async def work() -> None:
        async with with_topic(server) as (bus, topic):
            for first in (0, 40):
                await keep(bus, topic, first, first + 40)
                (made,) = await exported(bus, place, WHOLE, topic)
                assert (made.manifest.records, made.missed) == (40, ())
            assert await exported(bus, place, WHOLE, topic) == []
            other = name()
            await bus.ensure(Topic(other, partitions=3))
            for first in (200, 240):  # as far as the archive is, in the end
                await keep(bus, other, first, first + 40)
                with pytest.raises(AnewError, match="numbers its records anew"):
                    await exported(Anew(bus, other), place, WHOLE, topic)
            assert await sequences(place, topic) == [1, 2]

    run(work())

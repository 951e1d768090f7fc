"""archive is killed while events come: what it accepted is on the bus."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Final

from shared.bus.embedded import EmbeddedBus
from shared.bus.topology import TOPOLOGY, topic_of, wanted
from shared.events.cloudevent import DELIVERY, CloudEvent
from tests.support.functions import serving
from tests.support.keeping import Senders

_EVENTS: Final = 2_000
_KILLED_AT: Final = (300, 1_100)  # events that were accepted by then
_SENDERS: Final = 8
_TIME: Final = datetime(2026, 3, 1, tzinfo=UTC)


def _events() -> list[CloudEvent]:
    kinds = cycle([("dev.tidings.security.v1", "security"), ("dev.tidings.infrastructure.v1", "infrastructure")])
    return [
        CloudEvent(
            f"e{number}",
            "tests",
            DELIVERY if number % 5 == 0 else kind,
            time=_TIME,
            extensions={"partitionkey": f"k{number % 17}", "category": category},
            data={"number": number, "filling": "x" * 400},
        )
        for number, (kind, category) in zip(range(_EVENTS), kinds, strict=False)
    ]


async def _topics(path: Path) -> None:
    bus = EmbeddedBus(path)
    for topic in wanted(1):
        await bus.ensure(topic)
    await bus.close()


async def _kept(path: Path) -> list[tuple[str, CloudEvent]]:
    bus = EmbeddedBus(path)
    found = [(row.topic.name, one.event) for row in TOPOLOGY async for one in bus.read(row.topic.name)]
    await bus.close()
    return [(topic, event) for topic, event in found if isinstance(event, CloudEvent)]


def test_what_archive_accepted_is_on_the_bus_whenever_it_is_killed(tmp_path: Path) -> None:
    path, events = tmp_path / "bus.db", _events()
    asyncio.run(_topics(path))
    senders = Senders(events)
    settings = {"BUS": "embedded", "EMBEDDED_BUS": str(path)}
    with ThreadPoolExecutor(_SENDERS) as pool:
        working = [pool.submit(senders.work) for _ in range(_SENDERS)]
        for number, most in enumerate((*_KILLED_AT, _EVENTS)):
            with serving("archive", tmp_path / f"log-{number}", settings) as served:
                senders.to(served)
                senders.until(most)
                served.process.kill()
                senders.to(None)
                served.process.wait(10)
            accepted = senders.until(most)
            assert accepted <= {event.id for _, event in asyncio.run(_kept(path))}
        for one in working:
            one.result()
    kept = asyncio.run(_kept(path))
    assert sorted(event.id for _, event in kept) == sorted(event.id for event in events), "this bus tells copies apart"
    assert {event.id: event for _, event in kept} == {event.id: event for event in events}
    assert all(topic == topic_of(event) for topic, event in kept)

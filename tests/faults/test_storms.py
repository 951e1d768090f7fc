"""F26: storms of 10,000 events in 60 s: one problem, one ticket, and the SIEM gets all of them.

Each storm is told twice: by the simulated clock straight into the functions, and now, to the embedded system over HTTP.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import httpx2
import pytest

from shared.episodes.browse import listing
from shared.episodes.keeper import due_until
from shared.events.codec import to_mapping
from shared.events.episode import Episode
from shared.local.settings import UpSettings
from shared.local.system import System
from shared.sources.registry import decode
from tests.support.week import raging, storms
from tests.support.week.judge import Told
from tests.support.week.play import Player
from tests.support.week.raging import LIMIT, STILL_DOWN, TOLD_WITHIN
from tests.support.week.world import Sent

STANDS = 200.0
"""Seconds before now at which a storm's cluster is there: what stands is told in two minutes of its own time."""
DECIDED_WITHIN = 180
"""Seconds, on a machine that is busy, until of all that was told it is decided where it belongs."""
_BATCH = 200


def simulated(start: float, sent: Iterable[Sent]) -> list[Told]:
    """Play events; return the tickets an hour after the last one."""
    return asyncio.run(Player(start).play(sent))


def test_f26_10000_events_of_a_lost_node_make_its_ticket_and_few_more() -> None:
    """F26: event storm 10 000/min: grouping by fingerprint; ticket cap + one summary; SIEM still gets all."""
    raging.a_lost_node(simulated)


def test_f26_10000_events_of_a_crash_looping_deployment_make_one_ticket_with_its_count() -> None:
    """F26: event storm 10 000/min, one deployment: grouping by fingerprint; ticket cap + one summary."""
    raging.a_crash_loop(simulated)


def test_f26_500_failures_at_once_make_tickets_up_to_the_limit_and_one_summary() -> None:
    """F26: event storm 10 000/min: ticket cap + one summary."""
    raging.failures_everywhere(simulated)


# --- the embedded system ---


@dataclass(slots=True)
class Embedded:
    """An embedded system that runs, and what its stand-ins were told."""

    system: System
    client: httpx2.AsyncClient

    async def take(self, sent: Iterable[Sent]) -> set[str]:
        """Post events in batches as fast as they are taken; return the identities of those that are Events."""
        identities: set[str] = set()
        events = iter(sent)
        while batch := [event for _, event in islice(events, _BATCH)]:
            for event in batch:
                found = decode(event, cluster="", now=datetime.now(UTC))
                if event.extensions["kind"] == "Event" and isinstance(found, list):
                    identities |= {seen.identity for seen in found}
            body = [to_mapping(event) for event in batch]
            headers = {"content-type": "application/cloudevents-batch+json"}
            while (answer := await self.client.post("/", json=body, headers=headers)).status_code == 503:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            assert answer.status_code == 202
        return identities

    def tickets(self, *, still_open: bool = False) -> list[dict[str, str]]:
        """Return the incidents that are not cancelled; those that are open."""
        rows: list[dict[str, str]] = self.system.standins.apps["servicenow"].records("incident")
        return [row for row in rows if row["state"] in ({"1", "2", "3"} if still_open else {"1", "2", "3", "6", "7"})]

    def siem(self) -> set[str]:
        """Return the ids that the SIEM has."""
        return set(self.system.standins.apps["splunk"].event_ids())

    async def until(self, true: Callable[[], object], seconds: float) -> None:
        """Wait until something is true. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 -- stand-ins tell nobody
                await asyncio.sleep(0.2)

    async def until_held(self, kind: str, true: Callable[[Sequence[Episode]], bool]) -> None:
        """Wait until something is true of the episodes that are held under others. Raises TimeoutError."""
        async with asyncio.timeout(DECIDED_WITHIN):
            while True:
                found = (await listing(self.system.store, limit=2 * storms.EVENTS)).episodes
                if true([one for one in found if one.cause is not None and one.cause.kind == kind]):
                    return
                await asyncio.sleep(0.5)

    async def until_decided(self) -> None:
        """Wait until nothing waits at a Trigger, and nothing is due. Raises TimeoutError."""
        async with asyncio.timeout(DECIDED_WITHIN):
            while self.system.broker.waiting() or await due_until(self.system.store, time.time(), 1):  # noqa: ASYNC110 -- as above
                await asyncio.sleep(0.5)


@asynccontextmanager
async def embedded(root: Path, data: Path) -> AsyncIterator[Embedded]:
    """Run the embedded system with its stand-ins."""
    system = System(UpSettings(data=data, knative=root / "knative", port=0, feed="none", environ={}))
    await system.start()
    try:
        async with httpx2.AsyncClient(base_url=system.address, timeout=60) as client:
            yield Embedded(system, client)
    finally:
        await system.stop()


def test_f26_a_lost_node_at_the_embedded_system(root: Path, tmp_path: Path) -> None:
    """F26: event storm 10 000/min: grouping by fingerprint; SIEM still gets all."""

    async def play() -> None:
        storm = storms.new_storm(1, time.time() - STANDS)
        node, pods = storms.crowded(storm)
        async with embedded(root, tmp_path / "data") as up:
            await up.take(storm.stands())
            begun = time.monotonic()
            sent = await up.take(storm.act(storms.node_lost(storm, node, pods), time.time() - 62))
            await up.until(lambda: _about(up, node.name), TOLD_WITHIN + (time.monotonic() - begun))
            await up.until(lambda: sent <= up.siem(), 120)
            assert len(sent) == storms.EVENTS
            assert len(up.tickets()) == 1
            # It lists its pods, and says how many: told with the next group_interval.
            await up.until(lambda: f"Affected: {storms.PODS}" in _about(up, node.name)[0]["description"], 90)
            await up.take(storm.act(storms.node_back(storm, node, pods, STILL_DOWN), time.time()))
            await up.until(lambda: not [row for row in up.tickets(still_open=True) if node.name in str(row)], 60)
            assert len(up.tickets()) <= 1 + STILL_DOWN

    asyncio.run(play())


def _about(up: Embedded, name: str) -> list[dict[str, str]]:
    return [row for row in up.tickets() if name in row["short_description"]]


def test_f26_a_crash_looping_deployment_at_the_embedded_system(root: Path, tmp_path: Path) -> None:
    """F26: event storm 10 000/min, one deployment: grouping by fingerprint; SIEM still gets all."""

    async def play() -> None:
        storm = storms.new_storm(2, time.time() - STANDS)
        workload = storms.looping(storm)
        async with embedded(root, tmp_path / "data") as up:
            await up.take(storm.stands())
            sent = await up.take(storm.act(storms.crash_loop(storm, workload), time.time() - 62))
            await up.until(lambda: sent <= up.siem(), 120)
            await up.until(up.tickets, TOLD_WITHIN)
            await up.until_held("group", lambda held: sum(one.count for one in held) == storms.EVENTS)
            assert len(up.tickets()) == 1

    asyncio.run(play())


def test_f26_five_hundred_failures_at_the_embedded_system(root: Path, tmp_path: Path) -> None:
    """F26: event storm 10 000/min: ticket cap + one summary; SIEM still gets all."""

    async def play() -> None:
        storm = storms.new_storm(3, time.time() - STANDS, storms.NAMESPACES)
        async with embedded(root, tmp_path / "data") as up:
            await up.take(storm.stands())
            sent = await up.take(storm.act(storms.failures(storm), time.time() - 62))
            await up.until(lambda: sent <= up.siem(), 180)
            await up.until(lambda: len(up.tickets()) > LIMIT, DECIDED_WITHIN)
            await up.until_decided()
            assert len(up.tickets()) == LIMIT + 1

    asyncio.run(play())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

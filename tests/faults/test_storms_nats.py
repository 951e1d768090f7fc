"""F26 on three correlators that share a bucket of three real NATS servers: one problem, one ticket, whoever is told.

Events go to any of the three, thirty-two at once, and so do ticks: the simulated clock's, for NATS runs by its own.
"""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from shared.stores.registry import open_store
from tests.support.nats import cluster, cluster_url
from tests.support.week import raging
from tests.support.week.judge import Told
from tests.support.week.play import Player
from tests.support.week.raging import Play
from tests.support.week.world import Sent

REPLICAS = 3
AT_ONCE = 32


async def replicated(url: str, start: float, sent: Iterable[Sent]) -> list[Told]:
    """Play events to three correlators, each with a connection of its own; return the tickets."""
    stores = [open_store(url, {}) for _ in range(REPLICAS)]
    try:
        return await Player(start, stores=stores, at_once=AT_ONCE).play(sent)
    finally:
        for store in stores:
            await store.close()


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with cluster(tmp_path) as servers:
        yield lambda start, sent: asyncio.run(replicated(cluster_url(servers), start, sent))


def test_f26_10000_events_of_a_lost_node_told_to_three_replicas_make_its_ticket_and_few_more(play: Play) -> None:
    """F26: event storm 10 000/min: grouping by fingerprint; ticket cap + one summary; SIEM still gets all."""
    raging.a_lost_node(play)


def test_f26_10000_events_of_a_crash_loop_told_to_three_replicas_make_one_ticket_with_its_count(play: Play) -> None:
    """F26: event storm 10 000/min, one deployment: grouping by fingerprint; ticket cap + one summary."""
    raging.a_crash_loop(play)


def test_f26_500_failures_told_to_three_replicas_make_tickets_up_to_the_limit_and_one_summary(play: Play) -> None:
    """F26: event storm 10 000/min: ticket cap + one summary."""
    raging.failures_everywhere(play)

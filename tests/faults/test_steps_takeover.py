"""How long the work of a dead replica lies there, by the shipped values; tests/endurance/takeover.py measures it."""

import asyncio
from itertools import accumulate
from pathlib import Path

from shared.delivery.claims import Claims, Taken
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.loader import load_topology
from shared.runtime.edge import EdgeSettings
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics

SKEW = 2.0
"""Seconds by which two replicas' clocks may differ: NTP keeps a cluster's nodes far closer."""


def shipped_delivery(root: Path) -> DeliverySpec:
    """Return the delivery of the Trigger of servicenow_incident, as it is shipped."""
    topology = load_topology(root / "knative")
    (found,) = [one.delivery for one in topology.triggers if one.name == "servicenow-incident"]
    return found


def shipped_lease() -> float:
    """Return for how many seconds a request holds its claim where nothing is set."""

    async def take() -> Taken:
        taken = await Claims(MemoryStore(), "d", Metrics()).take("e", 1, EdgeSettings().seconds)
        assert isinstance(taken, Taken)
        return taken

    record = asyncio.run(take()).record
    return record.until - record.since


def test_f02_the_work_of_a_dead_replica_is_taken_over_in_less_than_thirty_seconds(root: Path) -> None:
    """F02: SIGKILL after claim, before send | lease expires ≤ deadline+skew; 409s meanwhile; find → none → one ticket.

    Here the lease, with the values that are shipped.
    A replica may die right after its claim. The broker notices at once, and tries again by its back-off: one of those
    tries must come after the lease's end, also by the other replica's clock, and before 30 s are over.
    """
    lease, spec = shipped_lease(), shipped_delivery(root)
    assert EdgeSettings().seconds < lease <= EdgeSettings().seconds + SKEW
    assert lease + SKEW < 30
    tries = accumulate(spec.delay(attempt) for attempt in range(1, spec.retry + 1))
    taken_over = next(seconds for seconds in tries if seconds >= lease + SKEW)
    assert taken_over < 30


def test_an_outage_is_waited_for_longer_than_half_a_day(root: Path) -> None:
    spec = shipped_delivery(root)
    assert sum(spec.delay(attempt) for attempt in range(1, spec.retry + 1)) > 12 * 3600

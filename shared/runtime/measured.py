"""What is counted of deliveries, the same for each function that tells a foreign system."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from shared.events.outcome import Done, Duplicate, Outcome, Retry, label
from shared.telemetry.metrics import Metrics


class Sending(Protocol):
    """The way to a foreign system that takes several records in one call."""

    async def send(self, contents: Sequence[bytes]) -> Sequence[Outcome]:
        """Hand records over together; return one outcome for each, in order."""


async def handed_over(
    way: Sending | None, contents: Sequence[bytes], metrics: Metrics, destination: str
) -> Sequence[Outcome]:
    """Hand records over in one call, and measure it. Raises RuntimeError where there is no way (any more)."""
    if way is None:
        raise RuntimeError("sent before start or after stop")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcomes = await way.send(contents)
    metrics.observe("tidings_delivery_duration_seconds", loop.time() - begun, destination=destination)
    metrics.observe("tidings_delivery_batch_events", len(contents), destination=destination)
    return outcomes


def count(metrics: Metrics, destination: str, operation: str, outcome: Outcome, since: datetime) -> None:
    """Count how one delivery ended; `since` is the time of what was told, from which the lag is taken."""
    metrics.count("tidings_deliveries_total", destination=destination, operation=operation, result=label(outcome))
    if isinstance(outcome, Duplicate):
        metrics.count("tidings_duplicates_total", function=destination)
    elif isinstance(outcome, Retry):
        metrics.count("tidings_retries_total", destination=destination, reason=outcome.reason)
    elif isinstance(outcome, Done):
        lag = max(0.0, (datetime.now(UTC) - since).total_seconds())
        metrics.observe("tidings_end_to_end_lag_seconds", lag, destination=destination)

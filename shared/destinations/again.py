"""Second tries within a call: the one place where they are made, for each of them costs of the retry budget."""

import asyncio
import math

from shared.destinations.http import Client
from shared.destinations.jitter import jitter
from shared.telemetry.metrics import Metrics


async def again(
    client: Client, metrics: Metrics, name: str, *, pause: float | None = None, within: float = math.inf
) -> bool:
    """Wait until the same may be sent once more, and return True; False where it may not.

    `pause` is for how long, in seconds: a moment at random where nothing is said. Where it is not shorter than
    `within`, or the budget of `client` is spent, nothing is waited for, and the failure is the broker's to try again.
    `name` is that of the destination in `tidings_second_tries_total`.
    """
    wait = jitter() if pause is None else pause
    if wait >= within:
        return False
    taken = client.budget.take()
    metrics.count("tidings_second_tries_total", destination=name, result="made" if taken else "refused")
    if taken:
        await asyncio.sleep(wait)
    return taken

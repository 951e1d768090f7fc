"""Whoever was second comes again later each time, and replicas that were second together do not come together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from shared.stores.contention import TRIES, pause


@contextmanager
def slept() -> Iterator[list[float]]:
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    with patch.object(asyncio, "sleep", sleep):
        yield found


async def _lose() -> None:
    for attempt in range(TRIES):
        await pause(attempt)


def test_all_rounds_together_wait_for_a_second_and_a_half_at_most() -> None:
    with slept() as waits:
        asyncio.run(_lose())
    assert waits[0] == 0
    assert 0.3 < sum(waits) < 1.5
    assert max(waits) < 0.15


def test_two_replicas_that_lost_together_wait_differently() -> None:
    with slept() as waits:
        for _ in range(8):
            asyncio.run(pause(10))
    assert len(set(waits)) > 1
    assert all(0.02 < wait < 0.08 for wait in waits)

"""What a consumer of a bus counts, by the names that the broker of `tidings up` has for it: a group is a Trigger."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from shared.bus.protocol import Bus, BusUnavailableError
from shared.telemetry.metrics import Metrics

_EVERY_SECONDS: Final = 30.0  # each question is a connection or two of its own, on some buses


class Counts:
    """The counts of one group: what its function took, what is tried again, what became a dead letter, what waits."""

    def __init__(self, metrics: Metrics, group: str) -> None:
        self.delivered = metrics.counter("tidings_broker_delivered_total", trigger=group)
        self.again = metrics.counter("tidings_broker_retries_total", trigger=group)
        self.buried = metrics.counter("tidings_broker_dead_letters_total", trigger=group)
        self._metrics = metrics
        self._group = group

    async def watch(self, bus: Bus, topics: Sequence[str]) -> None:
        """Look now and then how many events the group has still to end, for ever; a bus that is away is asked again."""
        while True:
            with contextlib.suppress(BusUnavailableError):
                waiting = sum([await bus.behind(topic, self._group) for topic in topics])
                self._metrics.gauge("tidings_broker_waiting", waiting, trigger=self._group)
            await asyncio.sleep(_EVERY_SECONDS)

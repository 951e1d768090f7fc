"""An embedded bus that breaks for its consumers where a test says so; for all else it is the real one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Delivery


class BreakingBus(EmbeddedBus):
    """Each consumer raises the next of `errors` in the place of its delivery number `after`; none, once all are."""

    def __init__(self, path: Path, errors: list[Exception], *, after: int) -> None:
        super().__init__(path)
        self._errors = errors
        self._after = after
        self.consumers = 0

    @asynccontextmanager
    async def consume(self, topic: str, group: str, *, in_flight: int = 64) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take part in a group."""
        self.consumers += 1
        async with super().consume(topic, group, in_flight=in_flight) as deliveries:
            yield self._until_it_breaks(deliveries)

    async def _until_it_breaks(self, deliveries: AsyncIterator[Delivery]) -> AsyncIterator[Delivery]:
        number = 0
        while True:
            if self._errors and number == self._after:
                raise self._errors.pop(0)
            number += 1
            yield await anext(deliveries)

"""Where events go that came from outside: the broker, in this process or behind K_SINK."""

from collections.abc import Sequence
from typing import Literal, Protocol

from shared.events.cloudevent import CloudEvent

Acceptance = Literal["accepted", "full", "too large", "invalid"]
"""What became of events that were handed over; only after `full` is it of use to send them again."""


class Handover(Protocol):
    """What takes events for good: nothing that it accepted is lost."""

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        """Take all of them, and return once they are durable. After any other answer some may have been taken."""

"""How a delivery ended, and the time that is kept for saying so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.delivery.claim import Memory
from shared.events.outcome import Outcome

MARGIN: Final = 0.5
"""Seconds before the caller's deadline at which nothing new is sent: room to write the claim back and to answer."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """How one delivery ended, and what is known of the foreign record where it took effect (now or before)."""

    outcome: Outcome
    memory: Memory | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What was written just now, by the foreign names; of what was done before nobody remembers more than digests."""
    reported: bool = False
    """True where an earlier delivery of this very revision ended as Done, and so was reported already."""

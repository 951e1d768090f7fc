"""What a ticket system is to the delivery algorithm: a few questions and commands whose answers are values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.delivery.failure import Failure
from shared.delivery.subject import Subject
from shared.events.delivery import DeliveryOperation
from shared.events.outcome import Rejected

Standing = Literal["active", "on-hold", "resolved", "closed"]
"""How a foreign record stands: `resolved` can be reopened, `closed` (or cancelled) cannot."""

Render = Callable[[DeliveryOperation, Subject, int], "dict[str, str] | Rejected"]
"""How a snapshot's fields are made for an operation, by the mapping, after people were told up to that revision."""

_KEY = re.compile(r"[a-z0-9-]{1,80}")


def is_key(text: str) -> bool:
    """Return True where an episode's id or problem key can stand in queries and in store keys as it is (F47)."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Mark:
    """What we write into every record so that the record itself tells what was applied, whatever the store forgot.

    `standing` is what we last told: `open` (it lasts), `over`, or `void` for a second record that we cancelled.
    """

    episode: str
    problem: str
    revision: int
    reopened: int
    standing: Literal["open", "over", "void"]


@dataclass(frozen=True, slots=True)
class Found:
    """A foreign record as it is now. `created` sorts by age; `fields` are the current values of mapped fields.

    `into` is the id of the record that people merged it into, where that one is still worked on and this one is not.
    `unread` are mapped fields that no reading shows, as lists beside the record: what we wrote last stands for them.
    What `fields` has of them counts as written, so that what was not written is empty there, and is sent again.
    """

    ref: str
    number: str
    link: str
    created: str
    standing: Standing
    mark: Mark
    fields: Mapping[str, str] = field(default_factory=dict)
    into: str = ""
    unread: frozenset[str] = frozenset()

    @property
    def active(self) -> bool:
        """Return True while people may still be working on it."""
        return self.standing in {"active", "on-hold"}


@dataclass(frozen=True, slots=True)
class Order:
    """What a record shall say: the mark, and the fields by the destination's own names.

    `after` is the closed record that a new one follows, `parent` that of what took in one that ends.
    """

    mark: Mark
    fields: Mapping[str, str]
    after: Found | None = None
    parent: Found | None = None


class TicketDestination(Protocol):
    """One ticket system. Nothing raises for what the system or the network does; `seconds` bounds each call in all."""

    @property
    def name(self) -> str:
        """Return the name for metrics and reports, as `servicenow_incident`."""

    @property
    def journals(self) -> frozenset[str]:
        """Return the fields that append instead of replacing: never compared, sent only when something changed."""

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        """Return every record of the episode, and those of other episodes of the same problem key."""

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        """Create a record. Ambiguous where it may have been created, also where a unique key says that one is there."""

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Change fields and mark, no state. Of one that was merged the other one gets what journals are told, only."""

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """End the record."""

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Make a resolved record active again. Refused where the system does not allow it."""

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        """Cancel a second record of ours, with a link to the one that stays."""

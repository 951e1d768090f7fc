"""What has one foreign record: an episode of a problem, or a change, at one revision."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from shared.delivery.links import Places
from shared.delivery.telling import context_of
from shared.events.attributes import of_change, of_episode
from shared.events.cloudevent import CHANGE_PREFIX, PROBLEM_PREFIX
from shared.events.delivery import DeliveryOperation
from shared.events.episode import Episode
from shared.events.model import Frozen


class Subject(Protocol):
    """A snapshot, as far as the delivery algorithm looks at it."""

    @property
    def id(self) -> str:
        """Return what foreign records are found by."""

    @property
    def key(self) -> str:
        """Return what its further occurrences have in common."""

    @property
    def revision(self) -> int:
        """Return which of its snapshots this is."""

    @property
    def transition(self) -> str:
        """Return what the last change of state was."""

    @property
    def cluster(self) -> str:
        """Return the cluster that it is of."""

    @property
    def ticket(self) -> bool:
        """Return whether it deserves a record."""

    @property
    def over(self) -> bool:
        """Return whether it has ended."""

    @property
    def reopened(self) -> int:
        """Return how often it came back."""

    @property
    def noteworthy(self) -> tuple[str, ...]:
        """Return what people want a note for whenever it differs."""

    @property
    def parent(self) -> str:
        """Return the id of what took it in, whose record is above its own; empty where nothing did."""

    @property
    def last_seen(self) -> datetime:
        """Return the event time of what was last seen of it."""

    @property
    def ended(self) -> datetime | None:
        """Return when it ended."""


OPERATION_OF: Final[dict[str, DeliveryOperation]] = {
    "opened": "open",
    "updated": "update",
    "resolved": "resolve",
    "reopened": "reopen",
    "started": "open",
    "completed": "resolve",
    "failed": "resolve",
}
"""Which operation of a mapping a transition is."""


class Kind(NamedTuple):
    """One kind of subject: its word, the CloudEvent types that bring it, its model and attributes.

    `context` is what templates may begin with, after people were told up to a revision, where more can be seen.
    """

    word: str
    prefix: str
    model: Callable[[], type[Frozen]]
    attributes: Callable[[Any], dict[str, str]]
    context: Callable[[Any, int, Places | None], Mapping[str, Any]]


def _change() -> type[Frozen]:
    from shared.events.change import Change  # a model that functions of episodes need not build

    return Change


EPISODES: Final = Kind("episode", PROBLEM_PREFIX, lambda: Episode, of_episode, context_of)
CHANGES: Final = Kind("change", CHANGE_PREFIX, _change, of_change, lambda change, _told, _places: {"change": change})

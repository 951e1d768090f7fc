"""Previews: what a destination would be sent, computed without sending anything (`tidings explain`, shadow)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shared.events.outcome import Rejected

if TYPE_CHECKING:
    from shared.delivery.claim import Memory  # a model that forwarders' start need not build

Subject_contra = TypeVar("Subject_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Preview:
    """One request as it would go out, without credentials. `body` is its JSON value.

    `shadow` says that its destination is in shadow, so that it would not go out.
    """

    destination: str
    method: str
    url: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    shadow: bool = False


class Previewer(Protocol[Subject_contra]):
    """What can tell what it would send about a subject: an Episode for tickets, a Classified for SIEM."""

    def preview(self, subject: Subject_contra, told: "Memory | None" = None) -> list[Preview] | Rejected:
        """Return the requests in order; Rejected where the mapping cannot work on the subject. No I/O.

        `told` is what the destination was told of an episode before, None where it knows nothing of it.
        """

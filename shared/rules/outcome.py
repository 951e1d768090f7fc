"""The form of the rows that say what words amount to."""

from typing import NamedTuple

from shared.events.vocabulary import Phase, Severity

AT_ONCE = 1
_TICKETS: dict[Severity, int] = {"critical": AT_ONCE, "high": AT_ONCE, "medium": 3}


class Outcome(NamedTuple):
    """A row: what it is called, and what it says where its conditions hold.

    `type` is W for a Warning, N for all others, A for those of the others that are no Normal events with a reason, WA
    for W and A. `reason`, `message` and `text` (either) each need one of their words; `unless` forbids words in the
    reason. `at` names the subcategories that it is for, `about` the sorts of kinds. `ticket` None: as the severity.
    """

    name: str
    phase: Phase
    severity: Severity
    why: str
    type: str = ""
    reason: str = ""
    message: str = ""
    text: str = ""
    unless: str = ""
    at: str = ""
    about: str = ""
    ticket: int | None = None

    @property
    def ticket_after(self) -> int:
        """Return from how many occurrences on it deserves a ticket, 0 for never."""
        if self.phase != "problem":
            return 0
        return _TICKETS.get(self.severity, 0) if self.ticket is None else self.ticket

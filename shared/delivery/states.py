"""The one state table: what is done with a ticket, by how the episode stands and how people left the ticket.

People come first: what someone did by hand in a ticket stays. The table is data; each row is tested by itself, and
docs/destinations/servicenow.md prints it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from shared.events.delivery import DeliveryOperation

EpisodeView = Literal["open", "back", "over"]
"""`open`: the problem lasts. `back`: it ended and came back since we last told. `over`: it ended."""

RecordView = Literal[
    "none", "earlier", "later", "working", "on-hold", "merged", "ended-by-us", "ended-by-people",
    "closed-by-us", "closed-by-people",
]  # fmt: skip
"""How the ticket stands.

`none`: no ticket of this episode. `earlier` / `later`: an active ticket of another episode of the same problem, older
or newer than ours. `working`, `on-hold`: ours, active. `merged`: ended in favour of another one, which is active.
`ended-…`: resolved, can be reopened. `closed-…`: closed or
cancelled for good. `by-us`: we told it to end; `by-people`: someone ended it while we still told that the problem
lasts.
"""

Action = Literal["create", "adopt", "update", "note", "resolve", "reopen", "renew", "leave"]
"""`adopt`: take over the active ticket. `note`: tell people, change no state. `renew`: a new ticket with a link."""

OPERATIONS: Final[dict[Action, DeliveryOperation]] = {
    "create": "open",
    "renew": "open",
    "adopt": "update",
    "update": "update",
    "note": "update",
    "resolve": "resolve",
    "reopen": "reopen",
}
"""How the fields of each are rendered."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what is done, and why, in words for people."""

    action: Action
    why: str


_LATER = Row("leave", "a newer occurrence of the problem has the ticket")

TABLE: dict[tuple[EpisodeView, RecordView], Row] = {
    ("open", "none"): Row("create", "the problem has no ticket"),
    ("open", "earlier"): Row("adopt", "an earlier occurrence of the problem still has an active ticket"),
    ("open", "later"): _LATER,
    ("open", "working"): Row("update", "the ticket is active"),
    ("open", "on-hold"): Row("update", "the ticket is active; that it is on hold stays"),
    ("open", "merged"): Row("leave", "people merged the ticket into another one, which is worked on"),
    ("open", "ended-by-us"): Row("reopen", "we ended the ticket and the problem lasts"),
    ("open", "ended-by-people"): Row("leave", "people ended the ticket; it stays so until the problem comes back"),
    ("open", "closed-by-us"): Row("renew", "we ended the ticket, it is closed for good, and the problem lasts"),
    ("open", "closed-by-people"): Row("leave", "people closed the ticket; it stays so until the problem comes back"),
    ("back", "none"): Row("create", "the problem has no ticket"),
    ("back", "earlier"): Row("adopt", "an earlier occurrence of the problem still has an active ticket"),
    ("back", "later"): _LATER,
    ("back", "working"): Row("update", "the ticket is active"),
    ("back", "on-hold"): Row("update", "the ticket is active; that it is on hold stays"),
    ("back", "merged"): Row("note", "the problem came back; the ticket that people merged it into is told"),
    ("back", "ended-by-us"): Row("reopen", "the problem came back"),
    ("back", "ended-by-people"): Row("reopen", "people ended the ticket, and the problem came back"),
    ("back", "closed-by-us"): Row("renew", "the ticket is closed for good and the problem came back"),
    ("back", "closed-by-people"): Row("renew", "people closed the ticket for good, and the problem came back"),
    ("over", "none"): Row("leave", "the problem ended without ever having had a ticket"),
    ("over", "earlier"): Row("leave", "the active ticket belongs to another occurrence"),
    ("over", "later"): _LATER,
    ("over", "working"): Row("resolve", "the problem ended"),
    ("over", "on-hold"): Row("note", "the problem ended; that people put the ticket on hold stays"),
    ("over", "merged"): Row("note", "the problem ended; the ticket that people merged it into is told"),
    ("over", "ended-by-us"): Row("leave", "the ticket is ended already"),
    ("over", "ended-by-people"): Row("leave", "people ended the ticket already"),
    ("over", "closed-by-us"): Row("leave", "the ticket is ended already"),
    ("over", "closed-by-people"): Row("leave", "people closed the ticket already"),
}

"""How a ticket shows what we need to know: our mark in its correlation fields, its state, its link.

`correlation_id` holds the episode id, which begins with the problem key. So one query on that field finds the records
of the episode and those of other episodes of the same problem, and an index on it serves both. `correlation_display`
holds the mark: `tidings:<problem key>:<revision>:<times reopened>:<o|e|v>`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.delivery.limits import Limit
from shared.delivery.ticket import Found, Mark, Standing


@dataclass(frozen=True, slots=True)
class States:
    """The numbers of a table's states that we set or have to know; every other one is active."""

    working: str
    resolved: str
    closed: str
    canceled: str
    on_hold: str = ""

    def standing(self, state: str) -> Standing:
        """Return how a record in this state stands."""
        if state == self.on_hold and state:
            return "on-hold"
        if state == self.resolved:
            return "resolved"
        return "closed" if state in {self.closed, self.canceled} else "active"


INCIDENT_STATES: Final = States("2", "6", "7", "8", "3")
"""Of the incident table and those that extend it (§1.4)."""


OURS: Final = frozenset({"correlation_id", "correlation_display", "state", "priority", "sys_id", "number"})


@dataclass(frozen=True, slots=True)
class Table:
    """One table of tickets. `close_code` is that of those that we resolve, empty where it needs none.

    `ours` are the fields that no mapping sets; `parent` is the one in which people name the ticket that stays.
    """

    name: str
    states: States
    close_code: str
    ours: frozenset[str] = OURS
    parent: str = "parent_incident"


_LETTERS = {"open": "o", "over": "e", "void": "v"}
_MARK = re.compile(r"tidings:(?P<problem>[a-z0-9-]+):(?P<revision>\d{1,9}):(?P<reopened>\d{1,9}):(?P<standing>[oev])")

RESERVED: Final = dict.fromkeys(("open", "update", "resolve", "reopen", "cancel"), OURS)
"""Fields that no mapping may set, by operation: the mark, the state, and what the instance computes."""
NEEDED: Final = ("open",)
"""Operations that a mapping must have. Without one of the others, mark and state change and no field does."""
_RANKS: Final = ("1", "2", "3")
OF_TASKS: Final = {
    "short_description": Limit(160),
    "description": Limit(4000),
    "close_notes": Limit(4000),
    "work_notes": Limit(4000),
    "comments": Limit(4000),
}
"""What the columns of `task` take, the table that all of these extend."""
URGENCIES: Final = {"impact": Limit(choices=_RANKS), "urgency": Limit(choices=_RANKS)}
CATEGORY: Final = Limit(40)
FIELDS: Final = {
    **OF_TASKS,
    **URGENCIES,
    "category": CATEGORY,
    "subcategory": Limit(40),
    "contact_type": Limit(40),
    "close_code": Limit(40),
}
"""What an incident takes out of the box; an instance whose columns are longer takes these as well."""

JOURNALS: Final = frozenset({"work_notes", "comments"})
"""Fields that get an entry with each write, and show it to people."""
_CODE: Final = re.compile(r"\[(?=/?code\])", re.IGNORECASE)

CORE_FIELDS = (
    "sys_id",
    "number",
    "state",
    "correlation_id",
    "correlation_display",
    "sys_created_on",
    "close_code",
)


def query_of(episode: str, problem: str) -> str:
    """Return the encoded query for an episode's records and those of its problem; both must be keys."""
    prefix = f"{problem}-"
    own = "" if episode.startswith(prefix) else f"^ORcorrelation_id={episode}"
    return f"correlation_idSTARTSWITH{prefix}{own}^ORDERBYDESCsys_created_on"


def belongs(row: Mapping[str, str], episode: str, problem: str) -> bool:
    """Return True where a row is what the query meant: invalid parts of a query are ignored over there."""
    found = row.get("correlation_id", "")
    return bool(row.get("sys_id")) and (found == episode or found.startswith(f"{problem}-"))


def plain(values: Mapping[str, str]) -> dict[str, str]:
    """Return a body whose journals show what they say: between `[code]` and `[/code]` they would show HTML (F44).

    (ServiceNow's documentation, platform administration, "Journal field type".)
    """
    return {name: _CODE.sub("(", text) if name in JOURNALS else text for name, text in values.items()}


def display_of(mark: Mark) -> str:
    """Return the mark as `correlation_display` holds it (at most 100 characters)."""
    return f"tidings:{mark.problem}:{mark.revision}:{mark.reopened}:{_LETTERS[mark.standing]}"


def mark_of(row: Mapping[str, str], problem: str) -> Mark:
    """Return the mark of a row; of one without a readable mark only the episode is known."""
    episode = row.get("correlation_id", "")
    found = _MARK.fullmatch(row.get("correlation_display", ""))
    if found is None or found["problem"] != problem:
        return Mark(episode, problem, 0, 0, "open")
    standing = next(word for word, letter in _LETTERS.items() if letter == found["standing"])
    return Mark(episode, problem, int(found["revision"]), int(found["reopened"]), standing)  # type: ignore[arg-type]


def found_of(row: Mapping[str, str], problem: str, instance: str, table: Table) -> Found:
    """Return a row as the delivery algorithm sees it."""
    return Found(
        ref=row["sys_id"],
        number=row.get("number", ""),
        link=f"{instance}/nav_to.do?uri={table.name}.do%3Fsys_id%3D{row['sys_id']}",
        created=row.get("sys_created_on", ""),
        standing=table.states.standing(row.get("state", "")),
        mark=mark_of(row, problem),
        fields=dict(row),
    )

"""How a ticket shows what we need to know: our tag in its title, our mark in what we wrote last, its status.

GLPI 10 has no field for a foreign key, so the title ends with `[k8s:<episode id>]`, which a search finds and people
can read over; the id begins with the problem key. The mark, `[k8s:<episode id> r<revision>.<times reopened><o|e|v>]`,
ends each text that we write: description, follow-up, solution. None of them is ever written over, so what people
change in a ticket is never touched, and a follow-up and what it says of itself are one write.
"""

import re
from collections.abc import Iterable, Mapping
from html import unescape
from typing import Final

from shared.delivery.limits import Limit
from shared.delivery.ticket import Found, Mark, Standing
from shared.destinations.glpi.text import MAX_NAME, text_of

Row = Mapping[str, str]
"""A ticket as either API gives it, its values as text: `id`, `name`, `status`, and more where it was read whole."""

PENDING, SOLVED, CLOSED = "4", "5", "6"
_STANDING: dict[str, Standing] = {PENDING: "on-hold", SOLVED: "resolved", CLOSED: "closed"}
_LETTERS = {"open": "o", "over": "e", "void": "v"}
_WORDS = {letter: word for word, letter in _LETTERS.items()}
_TAG = re.compile(r"\[k8s:(?P<episode>[a-z0-9-]{1,80})\]\s*$")
_MARK = re.compile(
    r"\[k8s:(?P<episode>[a-z0-9-]{1,80}) r(?P<revision>\d{1,9})\.(?P<reopened>\d{1,9})(?P<standing>[oev])\]\s*$"
)

OURS: Final = frozenset({"id", "status", "priority", "date", "solvedate", "closedate", "externalid", "items_id"})
RESERVED: Final = dict.fromkeys(("open", "update", "resolve", "reopen", "cancel"), OURS)
"""Fields that no mapping may set, by operation: the status, our key, and what GLPI computes."""
NEEDED: Final = ("open",)
"""Operations that a mapping must have."""
_GRADE: Final = Limit(choices=("1", "2", "3", "4", "5"))
FIELDS: Final = {
    "name": Limit(MAX_NAME),
    "urgency": _GRADE,
    "impact": _GRADE,
    "type": Limit(choices=("1", "2")),
}
"""What GLPI takes in its fields; the tag is put into the same length as the name, whatever the mapping makes of it.

Of any other grade it makes a 3, and says nothing."""
JOURNALS: Final = frozenset({"followup", "solution", "computer", "appliance"})
"""Fields that add to a ticket: a private note, the solution, and what it is linked to."""


def tag_of(episode: str) -> str:
    """Return what a title ends with."""
    return f"[k8s:{episode}]"


def mark_text(mark: Mark) -> str:
    """Return the mark as our texts end with it."""
    return f"[k8s:{mark.episode} r{mark.revision}.{mark.reopened}{_LETTERS[mark.standing]}]"


def needles_of(episode: str, problem: str) -> tuple[str, ...]:
    """Return what titles of the episode and of others of its problem contain; both must be keys."""
    prefix = f"[k8s:{problem}-"
    return (prefix,) if episode.startswith(f"{problem}-") else (prefix, tag_of(episode))


def episode_of(row: Row) -> str:
    """Return the episode that a title names at its end, or the empty string."""
    found = _TAG.search(unescape(row.get("name", "")))
    return found["episode"] if found else ""


def belongs(row: Row, episode: str, problem: str) -> bool:
    """Return True where a row is what the search meant: a title may hold a tag in what an event said."""
    found = episode_of(row)
    return bool(row.get("id")) and bool(found) and (found == episode or found.startswith(f"{problem}-"))


def is_active(row: Row) -> bool:
    """Return True while people may be working on it."""
    return standing_of(row) in {"active", "on-hold"}


def standing_of(row: Row) -> Standing:
    """Return how a ticket stands."""
    return _STANDING.get(row.get("status", ""), "active")


def mark_of(episode: str, problem: str, texts: Iterable[str]) -> Mark:
    """Return the newest mark of an episode in the HTML of our texts; without one only the episode is known."""
    marks = [Mark(episode, problem, 0, 0, "open")]
    for text in texts:
        found = _MARK.search(text_of(text))
        if found is not None and found["episode"] == episode:
            word = _WORDS[found["standing"]]
            marks.append(Mark(episode, problem, int(found["revision"]), int(found["reopened"]), word))  # type: ignore[arg-type]
    return max(marks, key=lambda one: (one.standing == "void", one.revision))


def found_of(row: Row, problem: str, notes: Iterable[str], url: str) -> Found:
    """Return a ticket as the delivery algorithm sees it."""
    number = row["id"]
    return Found(
        ref=number,
        number=number,
        link=f"{url}/front/ticket.form.php?id={number}",
        created=number.rjust(12, "0"),
        standing=standing_of(row),
        mark=mark_of(episode_of(row), problem, (row.get("content", ""), *notes)),
        fields=_shown(row),
    )


def _shown(row: Row) -> dict[str, str]:
    """Return the fields as a mapping would have written them: texts without tag and mark."""
    name = _TAG.sub("", unescape(row.get("name", ""))).rstrip()
    content = _MARK.sub("", text_of(row.get("content", ""))).removesuffix("\n\n")
    return {**row, "name": name, "content": content}

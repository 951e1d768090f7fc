"""What needs neither a command nor a question: memory alone says that nothing would be told (docs/how-it-fails.md).

Only a claim without a doubt is judged so. What people did in the ticket meanwhile could change nothing but where they
removed it, and that is seen at the next snapshot that has something to tell.
"""

from collections.abc import Mapping
from typing import Final

from shared.delivery.claim import Memory
from shared.delivery.claims import Settled
from shared.delivery.plan import fingerprint, note_of
from shared.delivery.remember import dealt_with
from shared.delivery.states import TABLE
from shared.delivery.subject import Subject
from shared.delivery.ticket import Render
from shared.events.outcome import Rejected

UNCHANGED: Final = "nothing that people need to know changed"


def settle(memory: Memory, subject: Subject, render: Render, journals: frozenset[str]) -> Settled | None:
    """Return what is known and why nothing is to be done, or None where the ticket system has to be asked."""
    why = _needless(memory, subject)
    if not why and _is_noted(memory, subject):
        fields = render("update", subject, memory.told)
        if not isinstance(fields, Rejected) and _as_left(fields, memory, journals):
            why = UNCHANGED
    return Settled(dealt_with(memory, subject, None), why) if why else None


def _needless(memory: Memory, subject: Subject) -> str:
    """Return why an end needs neither a command nor a question, or nothing where what is remembered is not enough."""
    if not subject.over:
        return ""
    if memory.standing == "over" and memory.reopened == subject.reopened:
        return TABLE["over", "ended-by-us"].why
    return TABLE["over", "none"].why if memory.revision and not memory.record else ""


def _is_noted(memory: Memory, subject: Subject) -> bool:
    """Return True where the ticket lasts as the problem does, and its last note says what this snapshot's would."""
    lasts = not subject.over and memory.standing == "open" and memory.reopened == subject.reopened
    return lasts and bool(memory.record) and memory.noted == note_of(subject)


def _as_left(wanted: Mapping[str, str], memory: Memory, journals: frozenset[str]) -> bool:
    """Return True where each field is to hold what it held after our last write: nobody needs to be asked for it."""
    mine = memory.written
    return all(mine.get(name) == fingerprint(value) for name, value in wanted.items() if name not in journals)

"""Deciding what to do, purely from the snapshot, what we remember and what the destination said is there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.delivery.claim import Memory
from shared.delivery.states import TABLE, Action, EpisodeView, RecordView
from shared.delivery.subject import Subject
from shared.delivery.ticket import Found, Mark
from shared.events.delivery import DeliveryOperation
from shared.events.identity import digest
from shared.events.outcome import Ignored


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with which record; `extras` are second records of ours, to be cancelled in favour of `target`."""

    action: Action
    why: str
    target: Found | None
    extras: tuple[Found, ...] = ()
    applied: bool = False
    """True where this revision or a newer one took effect before."""


def decide(subject: Subject, memory: Memory, found: Iterable[Found]) -> Plan:
    """Decide by the state table. Several active records: the oldest stays, then the lowest id; ours give way."""
    records = sorted((one for one in found if one.mark.standing != "void"), key=lambda one: (one.created, one.ref))
    active = [one for one in records if one.active]
    own = [one for one in records if one.mark.episode == subject.id]
    target = active[0] if active else own[-1] if own else None
    extras = tuple(one for one in active[1:] if one.mark.episode == subject.id)
    view = _record_view(subject, memory, target)
    reopened = memory.reopened
    applied = memory.revision if target is not None and memory.record == target.ref else 0
    if target is not None and target.mark.episode == subject.id:
        reopened = max(reopened, target.mark.reopened)
        applied = max(applied, target.mark.revision)
    row = TABLE[_episode_view(subject, reopened), view]
    return Plan(row.action, row.why, target, extras, applied=subject.revision <= applied)


def _episode_view(subject: Subject, reopened: int) -> EpisodeView:
    if subject.over:
        return "over"
    return "back" if subject.reopened > reopened else "open"


def _record_view(subject: Subject, memory: Memory, target: Found | None) -> RecordView:
    if target is None:
        return "none"
    if target.mark.episode != subject.id:
        return "later" if _age(target.mark.episode) > _age(subject.id) else "earlier"
    if target.active:
        return "on-hold" if target.standing == "on-hold" else "working"
    if target.into and target.mark.standing != "over":  # what we ended as a consequence is below its cause's
        return "merged"
    by_us = target.mark.standing == "over" or (memory.record == target.ref and memory.standing == "over")
    if target.standing == "resolved":
        return "ended-by-us" if by_us else "ended-by-people"
    return "closed-by-us" if by_us else "closed-by-people"


def _age(episode_id: str) -> tuple[int, str]:
    """Return what sorts episodes of one problem by their start, which ends their id as a base32 number."""
    start = episode_id.rpartition("-")[2]
    return len(start), start


def told_as(subject: Subject, memory: Memory, *, in_doubt: bool = False) -> DeliveryOperation | Ignored:
    """Return what a snapshot is told as, or why nobody needs to hear of it.

    `memory.standing` is what was certainly told; `in_doubt`, something else may have been told as well.
    """
    if subject.over:
        if not memory.standing:
            return "resolve" if in_doubt else Ignored("the problem ended without anybody having been told of it")
        ended = memory.standing == "over" and memory.reopened == subject.reopened
        return Ignored("the end was told already") if ended else "resolve"
    if not memory.standing:
        return "open"
    back = memory.standing == "over" or memory.reopened < subject.reopened
    return "reopen" if back else "update"


def mark_of(subject: Subject) -> Mark:
    """Return the mark that a record gets once this snapshot is applied."""
    return Mark(subject.id, subject.key, subject.revision, subject.reopened, "over" if subject.over else "open")


def note_of(subject: Subject) -> str:
    """Return a digest of what people want a note for."""
    return digest("note", *subject.noteworthy)


def untouched(wanted: Mapping[str, str], target: Found, memory: Memory, journals: frozenset[str]) -> dict[str, str]:
    """Return the fields that may be written over: as we left them, or empty and never ours; and that would change.

    A field that differs from what stood there after our last write was changed by people and stays. Without a memory
    of our writes nothing but empty fields is written. Of a ticket that people merged only the journals are, elsewhere.
    """
    mine = memory.written if memory.record == target.ref else {}
    chosen: dict[str, str] = {}
    for name, value in wanted.items():
        if target.into and name not in journals:
            continue
        if name in target.unread:
            if mine.get(name) != fingerprint(value):
                chosen[name] = value
            continue
        current = target.fields.get(name, "")
        ours = fingerprint(current) == mine[name] if name in mine else not current
        if name in journals or (ours and value != current):
            chosen[name] = value
    return chosen


def recognised(wanted: Mapping[str, str], found: Found) -> dict[str, str]:
    """Return the digests of fields that stand exactly as we would write them: ours, though nobody remembers."""
    return {name: fingerprint(value) for name, value in wanted.items() if found.fields.get(name) == value}


def written(order: Mapping[str, str], found: Found, memory: Memory, journals: frozenset[str]) -> dict[str, str]:
    """Return the digests to remember: each field that is ours, as the destination says it stands now."""
    before = memory.written if memory.record == found.ref else {}
    now = {name: fingerprint(found.fields.get(name, value)) for name, value in order.items() if name not in journals}
    return {**before, **now}


def fingerprint(value: str) -> str:
    """Return a short digest of a field's value."""
    return digest("field", value)[:13]

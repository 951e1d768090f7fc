"""What is remembered of a ticket after each step: pure changes of a claim's memory."""

from collections.abc import Mapping
from datetime import datetime

from shared.delivery.claim import Memory
from shared.delivery.plan import mark_of, note_of, recognised
from shared.delivery.subject import OPERATION_OF, Subject
from shared.delivery.ticket import Found
from shared.events.delivery import DeliveryOperation


def dealt_with(memory: Memory, subject: Subject, record: Found | None) -> Memory:
    """Return the memory once a snapshot needs nothing more, whether or not anything was sent for it."""
    known: dict[str, object] = {"revision": max(memory.revision, subject.revision)}
    if record is not None:
        known |= {"record": record.ref, "number": record.number, "link": record.link}
    return memory.model_copy(update=known)


def sent(
    memory: Memory, subject: Subject, written: Mapping[str, str], operation: DeliveryOperation, now: datetime
) -> Memory:
    """Return the memory once this snapshot took effect; `written` are the digests of fields as they stand now."""
    return memory.model_copy(
        update={
            "reopened": subject.reopened,
            "standing": mark_of(subject).standing,
            "written": dict(written),
            "noted": note_of(subject),
            "told": subject.revision,
            "operation": operation,
            "time": now,
        }
    )


def as_found(memory: Memory, record: Found, wanted: Mapping[str, str]) -> Memory:
    """Return the memory with what stands in its record as we would write it: ours, by a write of unknown end (F03).

    Else such a field would count as people's from then on, and never be written again.
    """
    if memory.record != record.ref:
        return memory
    return memory.model_copy(update={"written": {**memory.written, **recognised(wanted, record)}})


def recognise(memory: Memory, subject: Subject, record: Found, wanted: Mapping[str, str], now: datetime) -> Memory:
    """Return the memory of a record that we wrote though nobody remembers: its mark says so (F04, F33).

    Fields that stand exactly as we would write them (`wanted`) are taken for ours; all others count as people's.
    """
    return memory.model_copy(
        update={
            "record": record.ref,
            "reopened": record.mark.reopened,
            "standing": "over" if record.mark.standing == "over" else "open",
            "written": recognised(wanted, record),
            "noted": note_of(subject),
            "operation": OPERATION_OF[subject.transition],
            "time": now,
        }
    )

"""Keeps records and the index of due work in a store: every change is a compare-and-set of one record.

Keys: `thing.<object key>` holds the record of one object; `due.<second>.<object key>` says that it must be looked at
by then. The index entry is written before the record that needs it and deleted after the work is done: an entry too
many only costs a look.
"""

from dataclasses import dataclass
from math import inf

from shared.episodes.machine import Step, indexed, wanted
from shared.episodes.recent import Held, Recent
from shared.episodes.record import Record, RecordFullError, decode, encode
from shared.stores.limits import MAX_VALUE
from shared.stores.protocol import ABSENT, Entry, Store

THINGS = "thing."
DUE = "due."
_DIGITS = 12
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Due:
    """One entry of the index: which object must be looked at, from which second on."""

    entry: Entry
    second: int
    thing: str


async def load(store: Store, thing: str) -> Held:
    """Return the record of one object, empty where there is none. Raises StoreUnavailableError, RecordError."""
    entry = await store.get(THINGS + thing)
    if entry is None:
        return Held(thing, Record(), ABSENT)
    return Held(thing, decode(entry.value), entry.revision, len(entry.value))


async def save(store: Store, held: Held, step: Step, consumed: int | None = None, recent: Recent | None = None) -> bool:
    """Keep the step's record if nobody changed it meanwhile, and see that due work will be found.

    `consumed` is the second of the index entry that is being worked on. Its snapshots are sent before it is deleted,
    so they need no entry of their own. What was written is kept in `recent` too. Raises StoreUnavailableError, and
    RecordFullError for a record that no store takes.
    """
    time = wanted(step, -inf if consumed is None else step.record.now)
    record, second = indexed(step.record, time, consumed)
    if second is not None and not await _enter(store, second, held.thing):
        return False
    return await _write(store, held, record, recent)


async def mark_sent(store: Store, thing: str, labels: frozenset[tuple[str, int]], recent: Recent | None = None) -> bool:
    """Take the snapshots that the broker accepted out of the outbox; False where others were first each time."""
    for _ in range(_TRIES):
        known = recent.take(thing) if recent is not None else None
        held = known or await load(store, thing)
        record = held.record.sent(labels)
        if len(record.outbox) == len(held.record.outbox):
            if known is None:
                return True
            continue
        if await _write(store, held, record, recent):
            return True
    return False


async def due_until(store: Store, now: float, limit: int) -> list[Due]:
    """Return the entries of the index that are due at `now` (seconds), oldest first, at most `limit`."""
    found: list[Due] = []
    async for entry in store.scan(DUE, limit=limit):
        _, second, thing = entry.key.split(".", 2)
        if int(second) > now:
            break
        found.append(Due(entry, int(second), thing))
    return found


async def put_off(store: Store, due: Due, second: int) -> None:
    """Move an entry of the index to a later second; it stays where that cannot be written."""
    if await _enter(store, second, due.thing):
        await store.delete(due.entry.key, expected=due.entry.revision)


async def _write(store: Store, held: Held, record: Record, recent: Recent | None) -> bool:
    value = encode(record)
    if recent is not None:
        recent.take(held.thing)  # whatever the store answers, it is not the newest any more
    if len(value) > MAX_VALUE:
        raise RecordFullError(f"the record would have {len(value)} bytes, a value has at most {MAX_VALUE}")
    revision = await store.put(THINGS + held.thing, value, expected=held.revision, ttl=record.ttl())
    if revision is None:
        return False
    if recent is not None:
        recent.keep(Held(held.thing, record, revision, len(value)))
    return True


async def _enter(store: Store, second: int, thing: str) -> bool:
    """Write an index entry. One that is there already is written again, so that nobody deletes it as worked on."""
    key = f"{DUE}{max(0, second):0{_DIGITS}d}.{thing}"
    expected = ABSENT
    for _ in range(_TRIES):
        if await store.put(key, b"1", expected=expected) is not None:
            return True
        entry = await store.get(key)
        expected = ABSENT if entry is None else entry.revision
    return False

"""Keeps records and the index of due work in a store: every change is a compare-and-set of one record.

Keys: `thing.<object key>` holds the record of one object; `due.<second>.<object key>` says that it must be looked at
by then. The index entry is written before the record that needs it and deleted after the work is done: an entry too
many only costs a look.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, TypeVar

from shared.episodes import bonds
from shared.episodes.bonds import Rules
from shared.episodes.machine import Step, indexed, tick, wanted
from shared.episodes.members import MAX_MEMBERS, Member
from shared.episodes.members import decode as decode_members
from shared.episodes.recent import Held, Recent
from shared.episodes.record import Record, RecordError, RecordFullError
from shared.episodes.stored import decode, encode
from shared.stores.contention import TRIES, pause
from shared.stores.limits import MAX_VALUE
from shared.stores.protocol import ABSENT, Entry, Store, ValueTooLargeError

THINGS = "thing."
DUE = "due."
_DIGITS = 12
_YOUNG = 60.0
T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Saving:
    """How a step is kept.

    `consumed` is the second of the index entry that is being worked on, if one is. `tried` gathers, over all tries of
    one change, under which keys the record was entered: where another replica was first, they may not be right.
    """

    rules: Rules
    consumed: int | None = None
    tried: list[frozenset[str]] = field(default_factory=list)


async def save(store: Store, held: Held, step: Step, saving: Saving, recent: Recent | None = None) -> bool:
    """Keep the step's record if nobody changed it meanwhile, and see that others and due work will be found.

    Snapshots of an index entry that is being worked on are sent before it is deleted, so they need no entry of their
    own. What was written is kept in `recent` too. Raises StoreUnavailableError, and RecordFullError for a record that
    no store takes.
    """
    record, entering, told = _bound(held, step.record, saving)
    time = wanted(step, -inf if saving.consumed is None else step.record.now)
    if record.wakes:
        time = record.now if time is None else min(time, record.now)
    record, second = indexed(record, time, saving.consumed)
    if second is not None:
        told = {*told, (second, held.thing)}
    work = [*_writes(store, held, entering), *(enter(store, *each) for each in sorted(told))]
    if work and not all(await all_of(work)):
        return False
    return await _write(store, held, record, recent)


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """Do all of it at the same time, and return what came of each. Raises what one raised once all have ended."""
    found: list[T] = []
    for one in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(one, BaseException):
            raise one
        found.append(one)
    return found


async def bound_by(store: Store, prefix: str, bond: str, limit: int = MAX_MEMBERS) -> list[Member]:
    """Return what the records bound by a bond say, at most `limit` records. Raises StoreUnavailableError."""
    start = f"{prefix}.{bond}."
    found: list[Member] = []
    async for entry in store.scan(start, limit=limit):
        found += decode_members(entry.key.removeprefix(start), entry.value)
    return found


async def standing(store: Store, prefix: str, bond: str, now: float) -> tuple[list[Member], bool]:
    """Return the members whose records know of it, and whether one must be asked again soon.

    An entry is written before its record. One whose record never came (its process died, and nothing came again) would
    stand for ever: it is deleted after a minute. Raises StoreUnavailableError.
    """
    key = f"{prefix}.{bond}"
    members = await bound_by(store, prefix, bond)
    things = sorted({member.thing for member in members})
    known = dict(zip(things, await all_of(knows(store, thing, key) for thing in things), strict=True))
    lost = [member for member in members if not known[member.thing]]
    old = {member.thing for member in lost if now - member.at >= _YOUNG}
    await all_of(_remove(store, f"{key}.{thing}") for thing in old)
    return [member for member in members if known[member.thing]], any(one.thing not in old for one in lost)


async def lasts(store: Store, thing: str, key: str, rules: Rules, now: float) -> bool:
    """Return True where a record knows that it was entered under a key, and has reason to at `now`.

    The same tick may be about to end what it was entered for. Raises StoreUnavailableError.
    """

    def stays(record: Record) -> bool:
        if record.due is not None and record.due <= now and key in record.entered:
            return key in bonds.entries(tick(record, now, rules).record, rules)
        return key in record.entered

    return await _says(store, thing, stays)


async def knows(store: Store, thing: str, key: str) -> bool:
    """Return True where a record knows that it was entered under a key. Raises StoreUnavailableError."""
    return await _says(store, thing, lambda record: key in record.entered)


async def _says(store: Store, thing: str, asked: Callable[[Record], bool]) -> bool:
    entry = await store.get(THINGS + thing)
    if entry is None:
        return False
    try:
        record = decode(entry.value)
    except RecordError:
        return True  # a newer version's: it will know
    return asked(record)


async def forget(store: Store, bond: str, over: Iterable[Member]) -> None:
    """Take out what a group was told of problems that ended, where nothing else is said by the same record.

    Raises StoreUnavailableError.
    """

    async def take_out(thing: str) -> None:
        entry = await store.get(f"{bonds.MEMBERS}.{bond}.{thing}")
        if entry is not None and all(one.over for one in decode_members(thing, entry.value)):
            await store.delete(entry.key, expected=entry.revision)

    await all_of(take_out(thing) for thing in {one.thing for one in over})


async def _remove(store: Store, key: str) -> bool:
    entry = await store.get(key)
    if entry is not None:
        await store.delete(key, expected=entry.revision)
    return True


async def wake(store: Store, bond: str, second: int) -> bool:
    """See that all members of a bond look at their causes again; False where that could not be written."""
    last, looked = "", MAX_MEMBERS
    start = f"{bonds.MEMBERS}.{bond}."
    while looked == MAX_MEMBERS:
        found = [entry.key async for entry in store.scan(start, after=last, limit=MAX_MEMBERS)]
        if not all(await all_of(enter(store, second, key.removeprefix(start)) for key in found)):
            return False
        last, looked = found[-1] if found else last, len(found)
    return True


class _Entering(NamedTuple):
    """The entries under which others find a record: those to write, and those to delete."""

    enters: Mapping[str, bytes] = {}
    leaves: tuple[str, ...] = ()


def _bound(held: Held, record: Record, saving: Saving) -> tuple[Record, _Entering, set[tuple[int, str]]]:
    """Return the record as it will be found, what to write and delete for that, and who must look at it and when.

    All of that is done before the record says so. A crash in between leaves an entry that says too much or too little
    until the observation or tick comes again.
    """
    if not bonds.moved(held.record, record) and not saving.tried:
        return record, _Entering(), set()
    tried = frozenset().union(*saving.tried) if saving.tried else None
    bound = bonds.bound(held.record, record, saving.rules, tried)
    saving.tried.append(frozenset(bound.enters))
    return bound.record, _Entering(bound.enters, bound.leaves), bonds.lookers(held.record, record, saving.rules)


def _writes(store: Store, held: Held, entering: _Entering) -> list[Awaitable[bool]]:
    """Return the writes of entries that only the record's own writers write; of two of them the later one is right."""
    known = held.record.entered
    return [
        *(_set(store, f"{key}.{held.thing}", value, there=key in known) for key, value in entering.enters.items()),
        *(_remove(store, f"{key}.{held.thing}") for key in entering.leaves),
    ]


async def _set(store: Store, key: str, value: bytes, *, there: bool = False) -> bool:
    """Write an entry whether there is one or not; False where others were first each time.

    `there` says that there probably is one: to be refused costs as much as a write.
    """
    for attempt in range(TRIES):
        entry = await store.get(key) if there else None
        expected = ABSENT if entry is None else entry.revision
        if await put(store, key, value, expected) is not None:
            return True
        there = True
        await pause(attempt)
    return False


async def mark_sent(store: Store, thing: str, labels: frozenset[tuple[str, int]], recent: Recent | None = None) -> bool:
    """Take the snapshots that the broker accepted out of the outbox; False where others were first each time."""
    for attempt in range(TRIES):
        known = recent.take(thing) if recent is not None else None
        held = known or await load(store, thing)
        record = held.record.sent(labels)
        if len(record.outbox) == len(held.record.outbox):
            if known is None:
                return True
            continue
        if await _write(store, held, record, recent):
            return True
        await pause(attempt)
    return False


async def due_until(store: Store, now: float, limit: int) -> list[Due]:
    """Return the entries of the index that are due at `now` (seconds), oldest first, at most `limit`."""
    found: list[Due] = []
    async for entry in store.scan(DUE, before=f"{DUE}{int(now) + 1:0{_DIGITS}d}", limit=limit):
        _, second, thing = entry.key.split(".", 2)
        if int(second) > now:
            break
        found.append(Due(entry, int(second), thing))
    return found


async def put_off(store: Store, due: Due, second: int) -> None:
    """Move an entry of the index to a later second; it stays where that cannot be written."""
    if await enter(store, second, due.thing):
        await store.delete(due.entry.key, expected=due.entry.revision)


async def _write(store: Store, held: Held, record: Record, recent: Recent | None) -> bool:
    value = encode(record)
    if recent is not None:
        recent.take(held.thing)  # whatever the store answers, it is not the newest any more
    if len(value) > MAX_VALUE:
        raise RecordFullError(f"the record would have {len(value)} bytes, a value has at most {MAX_VALUE}")
    revision = await put(store, THINGS + held.thing, value, held.revision, record.ttl())
    if revision is None:
        return False
    if recent is not None:
        recent.keep(Held(held.thing, record, revision, len(value)))
    return True


async def enter(store: Store, second: int, thing: str) -> bool:
    """Write an index entry. One that is there already is written again, so that nobody deletes it as worked on."""
    return await _set(store, f"{DUE}{max(0, second):0{_DIGITS}d}.{thing}", b"1")


async def put(store: Store, key: str, value: bytes, expected: int, ttl: float | None = None) -> int | None:
    """Write as Store.put. Raises StoreUnavailableError, and RecordFullError for what only this store has no room for.

    The store can be asked: what is said of other objects goes on.
    """
    try:
        return await store.put(key, value, expected=expected, ttl=ttl)
    except ValueTooLargeError as error:
        raise RecordFullError(str(error)) from error

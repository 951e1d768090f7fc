"""The trail of a ticket, an episode or a problem: what caused it, what was made of it, who was told, and the answers.

The audit trail says whose ticket it is, and by which key all that belongs to it is kept; the other topics are then read
by that key, where the bus can and the keys are few, and else whole. What a group's ticket stands for belongs to it,
wherever it is kept: its members name the group's problem as their cause.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.bus.codec import key_of
from shared.bus.protocol import Readable, Record, Start
from shared.bus.topology import CHANGES, KUBERNETES, SECURITY, TRAIL
from shared.bus.trail_entry import Entry, Said, entry_of, read_event
from shared.episodes.relations import OF_GROUP
from shared.events.change import Change
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified, ObjectRef

MOST = 10_000
"""Entries that one trail holds; what comes after them is counted."""

_EVENTS = (KUBERNETES, SECURITY, CHANGES)
_FEW = 8  # keys for which a topic is asked one by one: some buses read all of it for each
_SLACK = timedelta(minutes=5)  # by which the clocks of a cluster may differ


@dataclass(slots=True)
class Trail:
    """What was found, in the order of time; `left_off` counts what was too much."""

    entries: list[Entry] = field(default_factory=list)
    left_off: int = 0


@dataclass(slots=True)
class _Subject:
    """Whose trail it is: ids of episodes and changes, keys of which all of them count, and where they lie.

    `problems` are the keys of all of them: what was observed of another problem is none of theirs.
    """

    ids: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)
    partitions: set[str] = field(default_factory=set)

    def has(self, said: Said) -> bool:
        """Return True for a snapshot or report of it, and for an observation that may have caused one."""
        if isinstance(said, Classified):
            verdict = said.verdict
            if verdict.problem_key:
                return verdict.problem_key in self.problems
            return bool(verdict.ends or verdict.owner_ends) or verdict.phase == "change"
        if isinstance(said, DeliveryReport):
            return said.key in self.ids or said.problem_key in self.keys
        return said.id in self.ids or said.key in self.keys


async def find(bus: Readable, wanted: str, since: datetime | None = None) -> Trail:
    """Return the trail of a ticket's number or record, an episode's or change's id, or a problem's key.

    Empty where nothing is kept of it. Raises BusUnavailableError.
    """
    start = Start(since=since)
    subject = await _subject(bus, (TRAIL,), start, wanted) or await _subject(bus, _EVENTS, start, wanted)
    if subject is None:
        return Trail()
    found = await _read(bus, start, subject)
    known: set[str] = set()
    while groups := [one for one in found.groups if one.id not in known]:  # a summary may stand for groups
        known |= {one.id for one in groups}
        await _add_members(bus, start, subject, groups)
        found = await _read(bus, start, subject)
    return found.trail()


async def _read(bus: Readable, start: Start, subject: _Subject) -> "_Found":
    found = _Found(subject)
    for topic in (*_EVENTS, TRAIL):
        async for record in _records(bus, topic, start, subject.partitions):
            found.take(record)
    return found


async def _records(bus: Readable, topic: str, start: Start, keys: set[str]) -> AsyncIterator[Record]:
    """Iterate a topic's records of these keys: by key where they are few, else by reading the topic once."""
    if len(keys) <= _FEW:
        for key in sorted(keys):
            async for record in bus.read(topic, start, key=key):
                yield record
        return
    async for record in bus.read(topic, start):
        if isinstance(record.event, CloudEvent) and key_of(record.event) in keys:
            yield record


async def _add_members(bus: Readable, start: Start, subject: _Subject, groups: Iterable[Episode]) -> None:
    """Add the problems that name one of these groups as what took them in, while that lasted."""
    by_key: dict[str, list[Episode]] = {}
    for group in groups:
        by_key.setdefault(group.problem_key, []).append(group)
    for topic in _EVENTS:
        async for event in _events(bus, topic, start):
            cause = event.data.get("cause") if isinstance(event.data, Mapping) else None
            mine = by_key.get(str(cause.get("problem_key"))) if isinstance(cause, Mapping) else None
            said = read_event(event) if mine else None
            if isinstance(said, Episode) and any(_together(said, group) for group in mine or ()):
                subject.partitions.add(key_of(event))
                subject.ids.add(said.id)
                subject.problems.add(said.problem_key)


async def _subject(bus: Readable, topics: Iterable[str], start: Start, wanted: str) -> _Subject | None:
    subject = _Subject()
    for topic in topics:
        async for event in _events(bus, topic, start):
            if isinstance(event.data, Mapping) and _named(event.data, wanted):
                said = read_event(event)
                if said is not None:
                    subject.partitions.add(key_of(event))
                    _add(subject, said, wanted)
    return subject if subject.partitions else None


def _named(data: Mapping[str, object], wanted: str) -> bool:
    """Return True where what an event says may be of it: told before anything is checked, for most events are not."""
    verdict = data.get("verdict")
    if isinstance(verdict, Mapping):
        return verdict.get("problem_key") == wanted
    return wanted in (data.get(name) for name in ("number", "record", "key", "problem_key", "id"))


def _add(subject: _Subject, said: Said, wanted: str) -> None:
    if isinstance(said, Classified):
        subject.keys.add(said.verdict.problem_key)
        subject.problems.add(said.verdict.problem_key)
        return
    one, key = (said.key, said.problem_key) if isinstance(said, DeliveryReport) else (said.id, said.key)
    subject.ids.add(one)
    subject.problems.add(key)
    if wanted == key:
        subject.keys.add(key)


async def _events(bus: Readable, topic: str, start: Start) -> AsyncIterator[CloudEvent]:
    async for record in bus.read(topic, start):
        if isinstance(record.event, CloudEvent):
            yield record.event


class _Found:
    """What was read so far. Observations are chosen last: which snapshots there are says which belong to them."""

    def __init__(self, subject: _Subject) -> None:
        self._subject = subject
        self._seen: set[tuple[str, str]] = set()
        self._entries: list[Entry] = []
        self._observed: list[tuple[Classified, Entry]] = []
        self._latest: dict[str, Episode | Change] = {}
        self._left_off = 0

    def take(self, record: Record) -> None:
        """Take what a topic keeps, where it may be of the subject; a copy is taken once."""
        event = record.event
        said = read_event(event) if isinstance(event, CloudEvent) else None
        if said is None or not isinstance(event, CloudEvent) or (event.source, event.id) in self._seen:
            return
        if not self._subject.has(said):
            return
        if len(self._seen) >= MOST:
            self._left_off += 1
            return
        self._seen.add((event.source, event.id))
        entry = entry_of(said, event, record.at)
        if isinstance(said, Classified):
            self._observed.append((said, entry))
            return
        self._entries.append(entry)
        if isinstance(said, Episode | Change):
            before = self._latest.get(said.id)
            if before is None or before.revision < said.revision:
                self._latest[said.id] = said

    @property
    def groups(self) -> list[Episode]:
        """Return the episodes that stand for others."""
        latest = self._latest.values()
        return [one for one in latest if isinstance(one, Episode) and OF_GROUP in one.relations]

    def trail(self) -> Trail:
        """Return it."""
        chosen = [entry for said, entry in self._observed if self._caused(said)]
        whole = sorted([*self._entries, *chosen], key=lambda entry: (entry.time, entry.order))
        return Trail(whole, self._left_off)

    def _caused(self, said: Classified) -> bool:
        if said.verdict.problem_key and said.verdict.problem_key in self._subject.keys:
            return True
        return any(_within(said, one) and _about(said, one) for one in self._latest.values())


def _together(said: Episode, group: Episode) -> bool:
    """Return True where both lasted at the same time: a group's problem may have come before, with others in it."""
    begun = group.resolved is None or said.started <= group.resolved + _SLACK
    return begun and (said.resolved or said.last_seen) >= group.started - _SLACK


def _within(said: Classified, one: Episode | Change) -> bool:
    time = said.observation.time
    return one.started - _SLACK <= time and (one.ended is None or time <= one.ended + _SLACK)


def _about(said: Classified, one: Episode | Change) -> bool:
    """Return True where it is the problem, or ended it; or was a step of the change."""
    seen, verdict = said.observation, said.verdict
    if isinstance(one, Change):
        return verdict.phase == "change" and bool(_names(seen.object, seen.owner) & _names(one.object, one.owner))
    if verdict.problem_key:
        return verdict.problem_key == one.problem_key
    ends = verdict.ends if seen.object.path == one.object.path else ()
    if seen.owner is not None and seen.owner.path in _names(one.object, one.owner):
        ends = (*ends, *verdict.owner_ends)
    return not {"*", one.condition, f"{one.condition}/*"}.isdisjoint(ends)


def _names(*things: ObjectRef | None) -> set[str]:
    return {thing.path for thing in things if thing is not None}

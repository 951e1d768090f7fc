"""What the store keeps of one object: all its problems, the recoveries seen, and snapshots that are still to be sent.

One record per object, so that one compare-and-set takes in one observation. The JSON is compact (positions, not names)
and carries a version; a record of a newer version is never guessed at.
"""

from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import orjson

from shared.episodes.desk import Desk, Under
from shared.episodes.fold import Core, Fact
from shared.episodes.sources import Sources
from shared.events.episode import Affected, Suspect, Transition
from shared.events.vocabulary import Severity

VERSION = 2
_READ = frozenset({1, VERSION})  # what version 1 does not have begins with its default
MAX_TRACKS = 64
MAX_MARKS = 32
MAX_HISTORY = 10
MAX_SEEN = 128
MAX_FACTS = 64
MAX_OUTBOX = 64
MARK_SECONDS = 24 * 3600.0
CLOSED_SECONDS = 7 * 24 * 3600.0
# The store's ttl runs by the wall clock, ageing by policy time; a day more, so that the record never goes first.
_MARGIN = 24 * 3600.0


class RecordError(Exception):
    """The stored bytes are no record that this version can read."""


class RecordFullError(RecordError):
    """The record would be larger than a store's value may be; what is stored is as it was."""


@dataclass(frozen=True, slots=True)
class Occurred:
    """One line of history."""

    shown: float
    mark: str
    time: float
    reason: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What was last told of the current episode, and when. `guard` is the time of its latest problem observation then.

    `digest` is of what must be told at once, `calm` of what may wait.
    """

    id: str
    revision: int
    state: str
    transition: Transition
    guard: float
    severity: Severity
    ticket: bool
    count: int
    digest: str
    calm: str = ""
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Head:
    """What the latest problem observation said: the members of the snapshot that it alone decides."""

    time: float
    mark: str
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Others:
    """The objects in trouble because of a problem: how many, and the first of them."""

    count: int = 0
    first: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """One problem key: the folded base and its place in time, the facts since, the texts, and what was told.

    `relations` are the names of what the object hangs on, `desk` says where its ticket stands, `others` who suffers.
    """

    key: str
    head: Head
    base: Core = field(default_factory=Core)
    place: tuple[float, int] = (0.0, -1)
    facts: tuple[Fact, ...] = ()
    history: tuple[Occurred, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    sent: Sent | None = None
    relations: dict[str, str] = field(default_factory=dict)
    desk: Desk = field(default_factory=Desk)
    others: Others = field(default_factory=Others)

    @property
    def lasts(self) -> bool:
        """Return True where it is not over, or nothing was told of it so far."""
        return self.sent is None or self.sent.state == "open" or self.desk.state == "resolved"

    @property
    def condition(self) -> str:
        """Return the condition that this key is about."""
        return str(self.head.shown["condition"])

    @property
    def part(self) -> str:
        """Return the part of the object, empty for the whole."""
        return str(self.head.shown["part"])


@dataclass(frozen=True, slots=True)
class Mark:
    """A recovery that was seen: which conditions it ended, of which part (empty: all), but not of key `except_key`.

    `ends` may hold `condition/*`: that condition of any part, whatever the recovery's own part is.
    """

    fact: Fact
    ends: tuple[str, ...]
    part: str = ""
    except_key: str = ""

    def ended(self, track: Track) -> bool:
        """Return True where it ends this track's condition."""
        if track.key == self.except_key:
            return False
        if "*" in self.ends or f"{track.condition}/*" in self.ends:
            return True
        return track.condition in self.ends and self.part in {"", track.part}


@dataclass(frozen=True, slots=True)
class Unsent:
    """A snapshot that the broker has not accepted yet, and the policy time before which it shall not go out."""

    not_before: float
    episode: dict[str, Any]

    @property
    def label(self) -> tuple[str, int]:
        """Return which snapshot it is: the episode's id and its revision."""
        return (str(self.episode["id"]), int(self.episode["revision"]))


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of one object.

    `seen` holds short identities of the latest observations: a source that lists again after a restart sends old ones
    with a new time of sending. `due` is the time at which the index of due work names the object, if it does.
    `entered` are the store's keys under which others find it (bonds.py) and a digest of what they say, `wakes` the
    bonds whose members must look at their causes again, `node` where a pod was last seen to run.
    """

    now: float = 0.0
    tracks: dict[str, Track] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    seen: tuple[str, ...] = ()
    outbox: tuple[Unsent, ...] = ()
    due: float | None = None
    entered: dict[str, str] = field(default_factory=dict)
    wakes: tuple[str, ...] = ()
    node: str = ""

    def ttl(self) -> float | None:
        """Return how long the store shall keep it without a further write; None while anything is not finished."""
        if self.outbox or self.wakes or any(track.lasts for track in self.tracks.values()):
            return None
        return _MARGIN + (CLOSED_SECONDS if self.tracks else MARK_SECONDS)

    def sent(self, labels: frozenset[tuple[str, int]]) -> "Record":
        """Return it without the snapshots that the broker accepted."""
        return replace(self, outbox=tuple(unsent for unsent in self.outbox if unsent.label not in labels))


_CORE = attrgetter(*(name for name in Core.__dataclass_fields__ if name != "sources"))
_PLAIN = Fact._fields.index("reason")
_DEFAULTS = tuple(Fact._field_defaults[name] for name in Fact._fields[_PLAIN:])
_OCCURRED = attrgetter(*Occurred.__dataclass_fields__)
_SENT = attrgetter(*Sent.__dataclass_fields__)
_UNDER = attrgetter(*Under.__dataclass_fields__)
_NO_DESK = Desk()


def encode(record: Record) -> bytes:
    """Return the record as compact JSON."""
    return orjson.dumps(
        {
            "v": VERSION,
            "now": record.now,
            "due": record.due,
            "tracks": [_track(track) for track in record.tracks.values()],
            "marks": [[_fact(mark.fact), mark.ends, mark.part, mark.except_key] for mark in record.marks],
            "seen": record.seen,
            "outbox": [[unsent.not_before, unsent.episode] for unsent in record.outbox],
            "entered": record.entered,
            "wakes": record.wakes,
            "node": record.node,
        }
    )


def decode(data: bytes) -> Record:
    """Return the record of stored bytes. Raises RecordError."""
    try:
        value = orjson.loads(data)
        if value["v"] not in _READ:
            raise RecordError(f"the record has version {value['v']}, this program reads {VERSION}")
        tracks = [_read_track(track) for track in value["tracks"]]
        return Record(
            now=value["now"],
            due=value["due"],
            tracks={track.key: track for track in tracks},
            marks=tuple(Mark(Fact(*row), tuple(ends), part, key) for row, ends, part, key in value["marks"]),
            seen=tuple(value["seen"]),
            outbox=tuple(Unsent(time, episode) for time, episode in value["outbox"]),
            entered=value.get("entered", {}),
            wakes=tuple(value.get("wakes", ())),
            node=value.get("node", ""),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RecordError("the record cannot be read") from error


def _fact(fact: Fact) -> tuple[Any, ...]:
    """Return a plain tuple, as orjson wants it, without what most facts leave as it is: there may be hundreds."""
    return fact[:_PLAIN] if fact[_PLAIN:] == _DEFAULTS else tuple(fact)


def _track(track: Track) -> list[Any]:
    sources = track.base.sources
    return [
        track.key,
        [track.head.time, track.head.mark, track.head.shown],
        [
            _CORE(track.base),
            [sources.known, sources.given_up, sources.horizon, *([sources.state] * (sources.state > 0))],
        ],
        track.place,
        [_fact(fact) for fact in track.facts],
        [_OCCURRED(line) for line in track.history],
        track.labels,
        None if track.sent is None else _SENT(track.sent),
        track.relations,
        _desk(track.desk),
        [track.others.count, [one.model_dump(mode="json") for one in track.others.first]],
    ]


def _desk(desk: Desk) -> list[Any]:
    """Return the row of a desk, empty where nothing was decided yet."""
    if desk == _NO_DESK:
        return []
    under = None if desk.under is None else _UNDER(desk.under)
    suspects = [one.model_dump(mode="json") for one in desk.suspects]
    return [desk.deserved, desk.ticket, under, desk.freed, desk.quiet, suspects, desk.looked]


def _read_desk(row: list[Any]) -> Desk:
    if not row:
        return _NO_DESK
    deserved, ticket, under, freed, quiet, suspects, looked = row
    return Desk(
        deserved,
        ticket,
        None if under is None else Under(*under),
        freed,
        quiet,
        tuple(Suspect.model_validate(one) for one in suspects),
        looked,
    )


def _desk_of_old(sent: Sent | None) -> Desk:
    """Return where the ticket of a track stands that was written before there was a desk."""
    return Desk(deserved=sent.guard, ticket=True, looked=True) if sent is not None and sent.ticket else _NO_DESK


def _read_track(row: list[Any]) -> Track:
    key, head, (core, (known, *others)), place, facts, history, labels, sent_row, *new = row
    sent = None if sent_row is None else Sent(*sent_row)
    relations, desk, (hit, first) = new or ({}, None, (0, ()))
    base = Core(*core)
    base.changes, base.burst = tuple(base.changes), tuple(base.burst)
    base.sources = Sources({name: (count, time) for name, (count, time) in known.items()}, *others)
    return Track(
        key=key,
        head=Head(*head),
        base=base,
        place=(place[0], place[1]),
        facts=tuple(Fact(*fact) for fact in facts),
        history=tuple(Occurred(*line) for line in history),
        labels=labels,
        sent=sent,
        relations=relations,
        desk=_desk_of_old(sent) if desk is None else _read_desk(desk),
        others=Others(hit, tuple(Affected.model_validate(one) for one in first)),
    )

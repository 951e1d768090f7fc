"""What the store keeps of one object: all its problems, the recoveries seen, and snapshots that are still to be sent.

One record per object, so that one compare-and-set takes in one observation.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from shared.episodes.desk import Desk, Under
from shared.episodes.fold import Core, Fact
from shared.events.episode import Affected, Transition
from shared.events.vocabulary import Severity

MAX_TRACKS = 64
MAX_MARKS = 32
MAX_HISTORY = 10
MAX_ENDS = 4
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

    `digest` is of what must be told at once, `calm` of what may wait. What begins with `affected`, the most there ever
    were, is what the timeline compares with (timeline.py).
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
    ended_by: str = ""
    affected: int = 0
    first: tuple[str, ...] = ()
    suspects: int = 0
    flapping: bool = False
    under: str = ""
    reopened: int = 0
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turned:
    """One line of the timeline: what changed, when (event time where an observation says it), told by which revision.

    `things` are paths of the objects that it names.
    """

    revision: int
    shown: float
    what: str
    before: str = ""
    after: str = ""
    things: tuple[str, ...] = ()


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
class Had:
    """What a group has had since its episode began: who leaves it is forgotten everywhere else.

    `seen` is when a member was last seen (event time), `said` the summary of the first of them, `first` the first
    objects; `ids` and `paths` are short digests of all members and of the paths of all their objects.
    """

    seen: float = 0.0
    said: str = ""
    first: tuple[Affected, ...] = ()
    ids: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """One problem key: the folded base and its place in time, the facts since, the texts, and what was told.

    `relations` are the names of what the object hangs on, `desk` says where its ticket stands, `others` who suffers.
    Of a group `had` is what it has had, and `cause` what took in the last of its members, where that is its end.
    `ends` are marks and messages of the latest recoveries: one of them may be what ends it.
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
    timeline: tuple[Turned, ...] = ()
    had: Had | None = None
    cause: Under | None = None
    ends: tuple[tuple[str, str], ...] = ()

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
class Whole:
    """What the members of a group are together at one look: members of its track and, as `shown`, of its head."""

    shown: dict[str, Any]
    history: tuple[Occurred, ...]
    labels: dict[str, str]
    relations: dict[str, str]
    others: Others
    had: Had
    cause: Under | None = None

    def on(self, track: Track) -> Track:
        """Return the group's track with it."""
        return replace(
            track,
            head=replace(track.head, shown={**track.head.shown, **self.shown}),
            history=self.history,
            labels=self.labels,
            relations=self.relations,
            others=self.others,
            had=self.had,
            cause=self.cause,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A recovery that was seen: which conditions it ended, of which part (empty: all), but not of key `except_key`.

    `ends` may hold `condition/*`: that condition of any part, whatever the recovery's own part is. `message` is what it
    says for people.
    """

    fact: Fact
    ends: tuple[str, ...]
    part: str = ""
    except_key: str = ""
    message: str = ""

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

"""Episode: one occurrence of a problem, as the snapshot that travels (architecture.md §6)."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.events.model import MAX_SKEW, Frozen, ObjectRef, path_of
from shared.events.vocabulary import Category, Severity, Subcategory

EpisodeState = Literal["open", "resolved"]
Transition = Literal["opened", "updated", "resolved", "reopened"]


class Occurrence(Frozen):
    """One line of an episode's history, for the ticket's text."""

    time: AwareDatetime
    reason: str
    message: str
    count: int = 1


class Affected(Frozen):
    """One object in trouble because of this problem, or together with it."""

    kind: str
    namespace: str = ""
    name: str
    condition: str = ""
    severity: Severity
    since: AwareDatetime

    @property
    def path(self) -> str:
        """Return `kind/namespace/name`, or `kind/name` where there is no namespace."""
        return path_of(self.kind, self.namespace, self.name)


class Cause(Frozen):
    """What took this problem in: its ticket says it all, so this one has none of its own, or not any more."""

    kind: Literal["consequence", "group", "limit"]
    id: str = Field(default="", description="Episode id of the cause; empty where it is not known yet.")
    summary: str = ""
    object: str = Field(default="", description="Path of the object that the cause is about.")
    problem_key: str = Field(
        default="", description="Problem key of a group or summary, which is known before its episode is."
    )


class Suspect(Frozen):
    """A change on the same thing shortly before the problem began."""

    id: str = Field(description="Id of the change episode.")
    time: AwareDatetime
    what: str = Field(description="What changed, in one line.")
    who: str = Field(default="", description="Who did it, where known.")


What = Literal[
    "opened", "severity", "message", "affected", "suspects", "flapping", "calm", "taken", "freed", "back", "over"
]


class Turn(Frozen):
    """One line of an episode's timeline: what changed for people, from what to what."""

    revision: int = Field(ge=1, description="The revision that told it first: what is new since another one.")
    time: AwareDatetime
    what: What = Field(
        description="`opened` and `severity` (after: the severity), `message` (a new kind of it; after: the reason), "
        "`affected` (before and after: how many), `suspects` (after: how many), `flapping` and `calm`, `taken` by a "
        "cause or group (after: its words), `freed` from it (before: its words), `back` (after: the reason), `over` "
        "(after: what ended it)."
    )
    before: str = ""
    after: str = ""
    things: tuple[str, ...] = Field(default=(), description="Paths of the objects that it names.")


class Episode(Frozen):
    """The whole of an episode at one revision; a newer revision replaces an older one entirely."""

    id: str = Field(description="Problem key and start: the correlation id of every foreign record.")
    problem_key: str
    revision: int = Field(ge=1, description="Only grows; of two snapshots the higher one is true.")
    state: EpisodeState
    transition: Transition = Field(description="What the last change of state was.")
    cluster: str
    object: ObjectRef
    owner: ObjectRef | None = None
    scope: str = Field(description="Partition key: the node, or the namespace and owner, hashed.")
    condition: str
    part: str = ""
    category: Category
    subcategory: Subcategory
    severity: Severity = Field(description="The highest reached so far.")
    ticket: bool = Field(description="True from the moment that it deserves a ticket; never false again.")
    baseline: bool = Field(
        default=False,
        description="True where it began before first contact with its cluster: known, and no ticket for it, until it "
        "gets worse or comes back.",
    )
    summary: str
    reason: str = Field(description="Reason of the latest problem observation.")
    message: str = Field(description="Message of the latest problem observation.")
    type: str = Field(default="", description="Type of the latest problem observation, as `Warning`.")
    component: str = ""
    host: str = ""
    rule: str
    why: str = ""
    runbook: str = ""
    started: AwareDatetime = Field(description="Event time of the first observation.")
    last_seen: AwareDatetime = Field(description="Event time of the latest problem observation.")
    resolved: AwareDatetime | None = None
    ended_by: str = Field(default="", description="Reason that ended it, or `expired`.")
    ended_message: str = Field(default="", description="Message of what ended it, where one is known.")
    lasted: float | None = Field(
        default=None,
        ge=0,
        description="Seconds from its beginning to its end by the time that policy goes by, whatever clocks "
        "`started` and `resolved` are from; null while it lasts.",
    )
    count: int = Field(ge=1, description="Occurrences, repetitions of one event counted once.")
    reopened: int = Field(default=0, ge=0, description="How often it came back within the reopen window.")
    history: tuple[Occurrence, ...] = Field(default=(), description="The latest occurrences, oldest first.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the namespace, where known.")
    relations: dict[str, str] = Field(
        default_factory=dict, description="Names of what the object hangs on: `node`, `claim`, `image`, `workload`, …"
    )
    affected: tuple[Affected, ...] = Field(
        default=(), description="Objects in trouble because of this one, or together with it: the first of them."
    )
    affected_count: int = Field(default=0, ge=0, description="How many there are in all.")
    cause: Cause | None = Field(
        default=None,
        description="What took this problem in, while something does; of a group also what took in its last members.",
    )
    suspects: tuple[Suspect, ...] = Field(default=(), description="Changes on the same thing shortly before it began.")
    flapping: bool = Field(default=False, description="It ends and comes back too often to be told each time.")
    quiet: str = Field(default="", description="Name of the maintenance window or silence that holds its ticket.")
    timeline: tuple[Turn, ...] = Field(
        default=(), description="What changed so far, oldest first: the first turn and the latest of the others."
    )

    @property
    def key(self) -> str:
        """Return the key by which foreign records know the problem."""
        return self.problem_key

    @property
    def over(self) -> bool:
        """Return True once the problem has ended."""
        return self.state == "resolved"

    @property
    def ended(self) -> datetime | None:
        """Return when it ended."""
        return self.resolved

    @property
    def lasting(self) -> timedelta:
        """Return how long it lasted; up to its last observation where it lasts."""
        if self.lasted is not None:
            return timedelta(seconds=self.lasted)
        return (self.resolved or self.last_seen) - self.started

    @property
    def askew(self) -> bool:
        """Return True where beginning and end as reported are minutes from how long it lasted.

        Whoever reported it has a wrong clock, or it was told late.
        """
        if self.lasted is None or self.resolved is None:
            return False
        return abs(self.resolved - self.started - timedelta(seconds=self.lasted)) > MAX_SKEW

    @property
    def noteworthy(self) -> tuple[str, ...]:
        """Return what people want a note for whenever it differs: state, severity, and the latest turn of the timeline.

        Not the count, which a field holds, nor the reason: a pod that cannot pull its image says `Failed` and `BackOff`
        in turn for hours.
        """
        turn = self.timeline[-1].revision if self.timeline else 0
        return (self.state, str(self.reopened), self.severity, str(turn))

    @property
    def parent(self) -> str:
        """Return the id of what took it in, whose record is above its own; empty where nothing did."""
        return self.cause.id if self.cause is not None else ""

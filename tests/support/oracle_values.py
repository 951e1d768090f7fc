"""What the oracle is told and tells (oracle.py): rules, facts, tickets; and what it knows of one key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Why = Literal["", "over", "consequence"]
SUMMARY = "summary"
"""The group of the one ticket that stands for all beyond the limit."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy for one history.

    Attributes:
        open_after: A problem deserves a ticket once it happened so often...
        open_within: ...within so many seconds (0: whenever)...
        open_lasting: ...and has lasted so long, since it began or came back.
        group_wait: Seconds for which a group gathers before its ticket opens; what is over by then makes none.
        hold: Seconds of silence after a recovery before a problem is over.
        resolve_after: Seconds of silence after which a problem is over without a recovery (0: never).
        reopen_within: Seconds after its end within which what comes back is the same problem and the same ticket.
        flap_changes: From so many ends and returns on...
        flap_within: ...within so many seconds a problem flaps: its next end must last for as long (0 changes: never).
        limit: So many tickets open...
        limit_within: ...within so many seconds; what comes beyond belongs to one summary (0: no limit).
    """

    open_after: int = 1
    open_within: int = 0
    open_lasting: int = 0
    group_wait: int = 0
    hold: int = 0
    resolve_after: int = 0
    reopen_within: int = 100
    flap_changes: int = 0
    flap_within: int = 0
    limit: int = 0
    limit_within: int = 600


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened: a problem that was seen (by a source that counts), or a recovery."""

    time: int
    key: str
    problem: bool = True
    source: str = "a"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for a whole history: rules by key, which keys make a group, and what may cause what.

    What a cause took in gets a ticket once it has outlived the cause by `outlive` seconds. Whether it has a cause, and
    whether it has waited long enough, is looked at `every` so many seconds. What must last for a time is decided when
    that has been `certain` for so many seconds.
    """

    rules: Rules = field(default_factory=Rules)
    of_key: Mapping[str, Rules] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outlive: int = 0
    every: int = 1
    certain: int = 0

    def rules_of(self, key: str) -> Rules:
        """Return the rules of a key."""
        return self.of_key.get(key, self.rules)

    def group(self, key: str) -> str:
        """Return the group of a key: itself, unless others share it."""
        return self.groups.get(key, key)


@dataclass(slots=True)
class Ticket:
    """One ticket: when it was open (to None: still), which keys it is about, and why it was closed.

    Of a key without others `life` is which of its problems it is about.
    """

    group: str
    spans: list[tuple[int, int | None]]
    keys: set[str] = field(default_factory=set)
    why: Why = ""
    cause: str = ""
    life: int = 0

    @property
    def open(self) -> bool:
        return self.spans[-1][1] is None

    @property
    def reopened(self) -> int:
        return len(self.spans) - 1

    def close(self, at: int, why: Why, cause: str = "") -> None:
        """Close it."""
        self.spans[-1] = (self.spans[-1][0], at)
        self.why, self.cause = why, cause

    def reopen(self, at: int) -> None:
        """Open it again."""
        self.spans.append((at, None))
        self.why, self.cause = "", ""


@dataclass(slots=True)
class Problem:
    """What is known of one key at a second."""

    alive: bool = False
    life: int = 0
    begun: int = 0
    last: int = 0
    ending: int | None = None
    calm: int = 0
    ended: int | None = None
    happened: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)
    deserves: bool = False
    flapping: bool = False

    def flaps(self, at: int, rules: Rules) -> bool:
        recent = [change for change in self.changes if change > at - rules.flap_within]
        return bool(rules.flap_changes) and len(recent) >= rules.flap_changes

    def see(self, fact: Fact, rules: Rules) -> None:
        """Take a problem that was seen: one that is back soon enough is the same, with all its counts."""
        if not self.alive:
            if self.ended is None or fact.time > self.ended + rules.reopen_within:
                self.happened, self.counts, self.deserves, self.changes = [], {}, False, []
                self.life += 1
            else:
                self.changes.append(fact.time)
                self.flapping = self.flaps(fact.time, rules)
            self.alive, self.begun = True, fact.time
        self.last, self.ending = fact.time, None
        more = fact.count - self.counts.get(fact.source, 0)
        if more > 0:
            self.counts[fact.source] = fact.count
            self.happened += [fact.time] * more

    def well(self, fact: Fact, rules: Rules) -> None:
        """Take a recovery: the end once it has been calm for long enough after it."""
        calm = max(rules.hold, rules.flap_within) if self.flapping else rules.hold
        if self.ending is None or fact.time + calm < self.ending + self.calm:
            self.ending, self.calm = fact.time, calm
        if not calm:
            self.over(fact.time)

    def over(self, at: int) -> None:
        """Note that it is over."""
        self.alive, self.ended, self.ending, self.flapping = False, at, None, False
        self.changes.append(at)

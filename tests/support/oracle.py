"""What tickets there are to be: a plain and slow oracle.

Written from the words alone that people are told (docs/episodes.md, and what is wanted of policy), by another hand than
the correlator: it goes through time second by second, with the facts in the order in which they happened, and looks at
everything each time. It knows no stores, ticks, records or keys with hashes. All times are whole seconds.
"""

from collections.abc import Iterable, Mapping
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
        open_lasting: ...or once it has lasted so long (0: never for that).
        group_wait: Seconds for which a group gathers before its ticket opens; what is over by then makes none.
        hold: Seconds of silence after a recovery before a problem is over.
        resolve_after: Seconds of silence after which a problem is over without a recovery (0: never).
        reopen_within: Seconds after its end within which what comes back is the same problem and the same ticket.
        flap_changes: From so many changes on (begun, over)...
        flap_within: ...within so many seconds a problem flaps, and lasts until there are fewer again (0: never).
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
    """What is the same for a whole history: rules by key, which keys make a group, and what may cause what."""

    rules: Rules = field(default_factory=Rules)
    of_key: Mapping[str, Rules] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rules_of(self, key: str) -> Rules:
        """Return the rules of a key."""
        return self.of_key.get(key, self.rules)

    def group(self, key: str) -> str:
        """Return the group of a key: itself, unless others share it."""
        return self.groups.get(key, key)


@dataclass(slots=True)
class Ticket:
    """One ticket: when it was open (to None: still), which keys it is about, and why it was closed."""

    group: str
    spans: list[tuple[int, int | None]]
    keys: set[str] = field(default_factory=set)
    why: Why = ""
    cause: str = ""

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
class _Problem:
    """What is known of one key at a second."""

    alive: bool = False
    begun: int = 0
    last: int = 0
    ending: int | None = None
    ended: int | None = None
    happened: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)
    deserves: bool = False

    def flaps(self, at: int, rules: Rules) -> bool:
        recent = [change for change in self.changes if change > at - rules.flap_within]
        return bool(rules.flap_changes) and len(recent) >= rules.flap_changes

    def see(self, fact: Fact, rules: Rules) -> None:
        """Take a problem that was seen: one that is back soon enough is the same, with all its counts."""
        if not self.alive:
            if self.ended is None or fact.time > self.ended + rules.reopen_within:
                self.happened, self.counts, self.deserves = [], {}, False
                self.changes = [at for at in self.changes if at > fact.time - rules.flap_within]
            self.alive, self.begun = True, fact.time
            self.changes.append(fact.time)
        self.last, self.ending = fact.time, None
        more = fact.count - self.counts.get(fact.source, 0)
        if more > 0:
            self.counts[fact.source] = fact.count
            self.happened += [fact.time] * more

    def over(self, at: int) -> None:
        """Note that it is over."""
        self.alive, self.ended, self.ending = False, at, None
        self.changes.append(at)


class Oracle:
    """Goes through one history."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.tickets: list[Ticket] = []
        self._problems: dict[str, _Problem] = {}
        self._waits: dict[str, int] = {}  # groups that gather, and since when
        self._summed: set[str] = set()  # groups that are in the summary

    def tell(self, facts: Iterable[Fact], end: int) -> list[Ticket]:
        """Return the tickets that there are at `end`, in the order in which they first opened."""
        at: dict[int, list[Fact]] = {}
        for fact in facts:
            at.setdefault(fact.time, []).append(fact)
        for second in range(end + 1):
            self._silences(second)
            for fact in sorted(at.get(second, ()), key=lambda each: (not each.problem, each.key, each.source)):
                self._happens(fact)
            self._deserve(second)
            self._consequences(second)
            self._open(second)
            self._close(second)
        return self.tickets

    def _silences(self, now: int) -> None:
        for key, problem in self._problems.items():
            rules = self.setting.rules_of(key)
            held = problem.ending is not None and now >= problem.ending + rules.hold
            quiet = bool(rules.resolve_after) and now >= problem.last + rules.resolve_after
            if problem.alive and (held or quiet):
                problem.over(now)

    def _happens(self, fact: Fact) -> None:
        problem = self._problems.setdefault(fact.key, _Problem())
        rules = self.setting.rules_of(fact.key)
        if fact.problem:
            problem.see(fact, rules)
        elif problem.alive and problem.ending is None:
            problem.ending = fact.time
            if not rules.hold:
                problem.over(fact.time)

    def _deserve(self, now: int) -> None:
        """Note who deserves a ticket: once is for good, as long as it is the same problem."""
        for key, problem in self._problems.items():
            rules = self.setting.rules_of(key)
            if not problem.alive or problem.deserves:
                continue
            since = now - rules.open_within if rules.open_within else -1
            often = sum(at > since for at in problem.happened) >= rules.open_after
            long = bool(rules.open_lasting) and now >= problem.begun + rules.open_lasting
            problem.deserves = often or long

    def _lasts(self, key: str, now: int) -> bool:
        problem = self._problems.get(key)
        return problem is not None and (problem.alive or problem.flaps(now, self.setting.rules_of(key)))

    def _cause(self, key: str, now: int) -> str:
        """Return the problem at the bottom of a key that lasts and deserves a ticket; empty where there is none."""
        for cause in self.setting.causes.get(key, ()):
            if self._lasts(cause, now) and self._problems[cause].deserves:
                return self._cause(cause, now) or cause
        return ""

    def _newest(self, group: str) -> Ticket | None:
        return next((ticket for ticket in reversed(self.tickets) if ticket.group == group), None)

    def _members(self, group: str) -> list[str]:
        return [key for key in self._problems if self.setting.group(key) == group]

    def _lasting(self, group: str, now: int) -> list[str]:
        """Return the keys of a group that last and are no consequence of anything."""
        return [key for key in self._members(group) if self._lasts(key, now) and not self._cause(key, now)]

    def _consequences(self, now: int) -> None:
        """Close what turns out to be the consequence of something else."""
        for ticket in self.tickets:
            if ticket.open and ticket.group != SUMMARY:
                members = [key for key in self._members(ticket.group) if self._lasts(key, now)]
                causes = {self._cause(key, now) for key in members}
                if members and "" not in causes:
                    ticket.close(now, "consequence", min(causes))

    def _open(self, now: int) -> None:
        for group in dict.fromkeys(self.setting.group(key) for key in self._problems):
            wanting = [key for key in self._lasting(group, now) if self._problems[key].deserves]
            newest = self._newest(group)
            if not wanting:
                self._waits.pop(group, None)
                continue
            if newest is not None and newest.open:
                newest.keys |= set(wanting)
                continue
            rules = self.setting.rules_of(wanting[0])
            if newest is not None and self._same(newest, now, rules):
                newest.reopen(now)
                newest.keys |= set(wanting)
                continue
            if now >= self._waits.setdefault(group, now) + rules.group_wait:
                self._opens(group, set(wanting), now, rules)

    @staticmethod
    def _same(ticket: Ticket, now: int, rules: Rules) -> bool:
        """Return whether what wants a ticket now is what this closed one was about."""
        closed = ticket.spans[-1][1] or 0
        return ticket.why == "consequence" or now <= closed + rules.reopen_within

    def _opens(self, group: str, keys: set[str], now: int, rules: Rules) -> None:
        """Open a ticket, or, beyond the limit, let the summary stand for it."""
        recent = [one for one in self.tickets if one.group != SUMMARY and one.spans[0][0] > now - rules.limit_within]
        if not rules.limit or (len(recent) < rules.limit and group not in self._summed):
            self.tickets.append(Ticket(group, [(now, None)], set(keys)))
            return
        self._summed.add(group)
        summary = self._newest(SUMMARY)
        if summary is None:
            self.tickets.append(Ticket(SUMMARY, [(now, None)], set(keys)))
            return
        if not summary.open:
            summary.reopen(now)
        summary.keys |= keys

    def _close(self, now: int) -> None:
        self._summed = {group for group in self._summed if self._lasting(group, now)}
        for ticket in self.tickets:
            lasting = self._summed if ticket.group == SUMMARY else self._lasting(ticket.group, now)
            if ticket.open and not lasting:
                ticket.close(now, "over")


def oracle(facts: Iterable[Fact], end: int, setting: Setting | None = None) -> list[Ticket]:
    """Return the tickets that there are to be at `end`."""
    return Oracle(setting or Setting()).tell(facts, end)

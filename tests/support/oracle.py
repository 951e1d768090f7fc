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
class _Problem:
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


class Oracle:
    """Goes through one history."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.tickets: list[Ticket] = []
        self._problems: dict[str, _Problem] = {}
        self._waits: dict[str, int] = {}  # groups that gather, and since when
        self._owed: dict[str, int] = {}  # what waited long enough, but was over when it was looked at, and since when
        self._under: dict[str, str] = {}  # what takes a key in
        self._freed: dict[str, int] = {}  # when something last took a key in
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
            self._reopen(second)
            if second % self.setting.every == 0:
                self._look_for_causes(second)
            self._gather(second)
            if second % self.setting.every == 0:
                self._consequences(second)
                self._pay(second)
            self._open(second)
            self._close(second)
        return self.tickets

    def lives(self, key: str) -> int:
        """Return how many problems of a key there were: what came back soon enough is the same."""
        return self._problems[key].life if key in self._problems else 0

    def _silences(self, now: int) -> None:
        for key, problem in self._problems.items():
            rules = self.setting.rules_of(key)
            held = problem.ending is not None and now >= problem.ending + problem.calm
            quiet = bool(rules.resolve_after) and now >= problem.last + rules.resolve_after
            if problem.alive and (held or quiet):
                problem.over(now)

    def _happens(self, fact: Fact) -> None:
        problem = self._problems.setdefault(fact.key, _Problem())
        rules = self.setting.rules_of(fact.key)
        if fact.problem:
            problem.see(fact, rules)
        elif problem.alive:
            problem.well(fact, rules)

    def _deserve(self, now: int) -> None:
        """Note what occurred often enough: once is for good, as long as it is the same problem."""
        for key, problem in self._problems.items():
            rules = self.setting.rules_of(key)
            if not problem.alive:
                self._under.pop(key, None)
                self._freed.pop(key, None)
                continue
            since = now - rules.open_within if rules.open_within else 0
            problem.deserves |= sum(at >= since for at in problem.happened) >= rules.open_after

    def _alive(self, key: str) -> bool:
        return key in self._problems and self._problems[key].alive

    def _wants(self, key: str, now: int) -> bool:
        """Return whether a key is to have a ticket, waits aside: often enough, for long enough, and nobody's fault."""
        if not self._alive(key) or self._is_taken(key, now):
            return False
        problem, rules = self._problems[key], self.setting.rules_of(key)
        return problem.deserves and now >= problem.begun + rules.open_lasting

    def _is_taken(self, key: str, now: int) -> bool:
        return bool(self._under.get(key)) or now < self._freed.get(key, -self.setting.outlive) + self.setting.outlive

    def _look_for_causes(self, now: int) -> None:
        for key, problem in self._problems.items():
            before = self._under.get(key)
            self._under[key] = self._cause(key) if problem.alive and problem.deserves else ""
            if before or self._under[key]:
                self._freed[key] = now

    def _cause(self, key: str) -> str:
        """Return the problem at the bottom of a key that lasts and deserves a ticket; empty where there is none."""
        return next((self._cause(cause) or cause for cause in self._causes(key)), "")

    def _causes(self, key: str) -> list[str]:
        """Return what takes a key in at once; the first is what counts."""
        causes = self.setting.causes.get(key, ())
        return [cause for cause in causes if self._alive(cause) and self._problems[cause].deserves]

    def _newest(self, group: str) -> Ticket | None:
        return next((ticket for ticket in reversed(self.tickets) if ticket.group == group), None)

    def _members(self, group: str) -> list[str]:
        return [key for key in self._problems if self.setting.group(key) == group]

    def _lasting(self, group: str, now: int) -> list[str]:
        """Return the keys of a group that last, happened often enough, and are no consequence of anything."""
        return [key for key in self._deserving(group) if not self._is_taken(key, now)]

    def _deserving(self, group: str) -> list[str]:
        return [key for key in self._members(group) if self._alive(key) and self._problems[key].deserves]

    def _consequences(self, now: int) -> None:
        """Close what turns out to be the consequence of something else."""
        for ticket in self.tickets:
            if ticket.open and ticket.group != SUMMARY:
                members = self._deserving(ticket.group)
                causes = {self._under.get(key, "") for key in members}
                if members and "" not in causes:
                    ticket.close(now, "consequence", min(causes))

    def _gather(self, now: int) -> None:
        """Note since when a group wants a ticket, and what was over before anybody looked."""
        for group in dict.fromkeys(self.setting.group(key) for key in self._problems):
            wanting = [key for key in self._members(group) if self._wants(key, now)]
            if wanting:
                waited = any(key in self._freed for key in wanting) * self.setting.rules_of(wanting[0]).group_wait
                self._waits.setdefault(group, now - waited)
                continue
            since = self._waits.pop(group, None)
            if since is None or group in self._summed or group not in self._problems or self._alive(group):
                continue
            newest = self._newest(group)
            if now > since + self.setting.rules_of(group).group_wait and not (newest and self._same(newest, now)):
                self._owed[group] = now

    def _pay(self, now: int) -> None:
        """Give what was over before anybody looked the ticket that it should have had, unless a cause takes it in."""
        for group, since in list(self._owed.items()):
            rules = self.setting.rules_of(group)
            if now >= since + (self.setting.certain if rules.open_lasting else 0):
                del self._owed[group]
                if not self._cause(group):
                    self._opens(group, {group}, now, rules)

    def _reopen(self, now: int) -> None:
        """Give what came back its ticket again; whether something takes it in is looked at later."""
        for key in self._problems:
            newest = self._newest(key)
            if newest and not newest.open and self._same(newest, now) and self._lasting(key, now):
                newest.reopen(now)

    def _open(self, now: int) -> None:
        for group in dict.fromkeys(self.setting.group(key) for key in self._problems):
            newest = self._newest(group)
            same = newest is not None and self._same(newest, now)
            wanting = [key for key in self._members(group) if self._wants(key, now)]
            if same and group in self._problems and self._lasting(group, now):
                wanting = [group]
            if not wanting:
                continue
            if newest is not None and (newest.open or same):
                newest.keys |= set(wanting)
                if not newest.open:
                    newest.reopen(now)
                continue
            rules = self.setting.rules_of(wanting[0])
            waited = now >= self._waits[group] + rules.group_wait
            certain = not rules.open_lasting or any(
                now >= self._problems[key].begun + rules.open_lasting + self.setting.certain for key in wanting
            )
            if waited and certain and now % self.setting.every == 0:
                self._opens(group, set(wanting), now, rules)

    def _same(self, ticket: Ticket, now: int) -> bool:
        """Return whether what wants a ticket now is what this one is, or was, about."""
        if ticket.group in self._problems:
            return ticket.life == self._problems[ticket.group].life
        closed = ticket.spans[-1][1]
        rules = self.setting.rules_of(min(ticket.keys))
        return closed is None or now <= closed + rules.reopen_within

    def _opens(self, group: str, keys: set[str], now: int, rules: Rules) -> None:
        """Open a ticket, or, beyond the limit, let the summary stand for it."""
        if group in self._summed:
            return
        recent = [one for one in self.tickets if one.group != SUMMARY and one.spans[0][0] > now - rules.limit_within]
        if not rules.limit or len(recent) < rules.limit:
            life = self._problems[group].life if group in self._problems else 0
            self.tickets.append(Ticket(group, [(now, None)], set(keys), life=life))
            return
        if not self._lasting(group, now):
            return  # it is over: the summary is of what lasts
        self._summed.add(group)
        summary = self._newest(SUMMARY)
        if summary is None or not self._same(summary, now):
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

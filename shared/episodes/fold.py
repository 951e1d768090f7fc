"""One problem key's life as a fold over its facts in the order of their time.

A fact is a problem observation or a recovery that concerns the key. Facts of the last minute are kept and folded anew
whenever one arrives, so the order of arrival cannot matter; older ones are folded into a base for good (track.py).
All times here are policy times (shared.events.model.policy_time) in seconds; `shown` is event time, for display only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal, NamedTuple

from shared.episodes.policy import Policy
from shared.episodes.sources import Sources
from shared.events.vocabulary import SEVERITIES, Severity, worse

LATENESS = 60.0
"""Seconds by which facts may overtake each other without any effect (architecture.md: reordering within 60 s)."""

PROBLEM = 0
RECOVERY = 1  # greater: of two facts of the same second the recovery is the later one
EXPIRED = "expired"
MILDEST: Severity = SEVERITIES[-1]
_EVENTS_LIVE = 3600.0
_MAX_CHANGES = 16
_MAX_BURST = 100


class Fact(NamedTuple):
    """What the fold needs to know of one observation. `mark` is a short form of the observation's identity.

    A tuple, because facts are sorted, compared and stored by the hundred. `reported` is the producer's own count.
    """

    time: float
    kind: int
    mark: str
    shown: float
    source: str = ""
    reported: int = 1
    severity: Severity = MILDEST
    ticket_after: int = 0
    hold: float = 0.0
    expires: float = 0.0
    reason: str = ""
    at_once: bool = False  # a recovery that no hold delays: closed by hand
    old: bool = False  # it began before first contact with its cluster

    @property
    def place(self) -> tuple[float, int]:
        """Return where it stands in time."""
        return (self.time, self.kind)


@dataclass(slots=True)
class Core:
    """What became of the facts so far. `ending` is the time of a recovery that the hold has not confirmed yet.

    `known` is the severity that an episode had before first contact, empty where it is news: because it began later,
    got worse, or came back. `past` says that an episode of this problem ended before: this one is news in any case.
    `changes` are the latest ends and returns, `flapping` that they came too fast when it last returned. `burst` are the
    times of the latest occurrences, `dense` that as many as policy asks for fell into its time. `begun` is when it last
    began or came back, `deserved` since when what occurred has deserved a ticket since then, `owed` the end of the
    latest spell that deserved one and was not over before its wait.
    """

    state: Literal["none", "open", "resolved"] = "none"
    started: float = 0.0
    started_shown: float = 0.0
    last: float = 0.0
    last_shown: float = 0.0
    hold: float = 0.0
    expires: float = 0.0
    ending: float | None = None
    ending_hold: float = 0.0
    ending_shown: float = 0.0
    ending_reason: str = ""
    ending_mark: str = ""
    resolved: float = 0.0
    resolved_shown: float = 0.0
    ended_by: str = ""
    ended_mark: str = ""
    severity: Severity = MILDEST
    ticket_after: int = 0
    reopened: int = 0
    known: Severity | Literal[""] = ""
    past: bool = False
    changes: tuple[float, ...] = ()
    flapping: bool = False
    burst: tuple[float, ...] = ()
    dense: bool = False
    begun: float = 0.0
    deserved: float | None = None
    owed: float = 0.0
    sources: Sources = field(default_factory=Sources)

    def copy(self) -> "Core":
        """Return a copy that shares nothing that changes."""
        copied = Core(*_VALUES(self))
        copied.sources = self.sources.copy()
        return copied

    def deserves(self, policy: Policy) -> bool:
        """Return True where the occurrences so far deserve a ticket, however long it lasted."""
        wanted = threshold(policy, self.ticket_after)
        if self.known or not wanted:
            return False
        return self.dense if policy.open_after.within else wanted <= self.sources.total

    def asks(self, policy: Policy) -> float | None:
        """Return since when it asks for a ticket: what occurred deserves one, and it has lasted long enough."""
        return None if self.deserved is None else max(self.deserved, self.begun + policy.open_after.lasting)


_VALUES = attrgetter(*Core.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Folded:
    """The fold's answer: the core; where a new episode begins, if one does; until when that is not certain."""

    core: Core
    split: int | None = None
    waits_until: float | None = None


def fold(base: Core, facts: Sequence[Fact], policy: Policy, now: float, guard: float) -> Folded:
    """Fold facts, sorted, into a copy of the base, and do what is due at `now`.

    Stops before the fact that begins a new episode (`split`). A problem that comes back up to LATENESS after the window
    for reopening is left out until an earlier one cannot come any more (`waits_until`): otherwise the order of arrival
    would decide between one episode and two. Facts up to `guard` were shown as one episode and stay one.
    """
    core = base.copy()
    _deserve(core, policy, core.last)  # by what came too late to be a fact, or since policy asks for less
    for index, fact in enumerate(facts):
        if core.ending is not None or core.expires:
            advance(core, fact.time, policy)
        if fact.kind == RECOVERY:
            _recover(core, fact, policy)
            continue
        if core.state == "resolved" and _is_old_news(core, fact):
            absorb(core, fact, policy)
            continue
        if core.state == "resolved" and fact.time > guard:
            window = core.resolved + max(policy.reopen_within, LATENESS)
            if fact.time > window:
                certain = window + LATENESS
                waits = certain + 1.0 if now <= certain else None
                return Folded(core, index, waits)
        _occur(core, fact, policy)
    advance(core, now, policy)
    return Folded(core)


def _is_old_news(core: Core, fact: Fact) -> bool:
    """Return True for a problem that was sent long after it happened, which was before the end that is known.

    So it is where a source lists again what it lost on the way: its own time says that it is part of what is over.
    Clocks that are further off than the API server keeps Events decide nothing.
    """
    return fact.shown < fact.time <= fact.shown + _EVENTS_LIVE and fact.shown <= core.resolved_shown


def threshold(policy: Policy, ticket_after: int) -> int:
    """Return how many occurrences deserve a ticket; 0 is never, which only a rule can say."""
    count = policy.open_after.count
    return ticket_after if count is None or not ticket_after else count


def over_at(core: Core) -> float | None:
    """Return when an open episode will be over if nothing more is heard of it; None for never."""
    if core.state != "open":
        return None
    expired = core.last + core.expires if core.expires else None
    if core.ending is None:
        return expired
    ended = core.ending + core.ending_hold
    return ended if expired is None else min(ended, expired)


def advance(core: Core, now: float, policy: Policy) -> None:
    """Resolve an open episode whose hold or expiry is over at `now`."""
    over = over_at(core)
    if over is None or over > now:
        return
    asked = core.asks(policy)
    if asked is not None and over > asked + policy.group_wait:
        core.owed = over
    core.state = "resolved"
    core.resolved = over
    core.flapping = False
    core.changes = (*core.changes, over)[-_MAX_CHANGES:]
    if core.ending is not None and core.ending + core.ending_hold <= over:
        core.resolved_shown, core.ended_by, core.ended_mark = core.ending_shown, core.ending_reason, core.ending_mark
    else:
        core.resolved_shown, core.ended_by, core.ended_mark = over, EXPIRED, ""
    core.ending = None


def absorb(core: Core, fact: Fact, policy: Policy) -> None:
    """Count a problem in without moving time: for one that comes too late to change what happened since."""
    before = core.sources.total
    if core.known:
        worst = worse(core.known, fact.severity)
        core.known = worst if fact.old or worst == core.known else ""
    core.sources.add(fact.source, fact.reported, fact.time)
    if core.severity != fact.severity:
        core.severity = worse(core.severity, fact.severity)
    if fact.ticket_after:
        core.ticket_after = min(core.ticket_after or fact.ticket_after, fact.ticket_after)
    if policy.open_after.within and not core.dense:
        _crowd(core, fact.time, core.sources.total - before, policy)
    if core.started - LATENESS <= fact.time < core.started:
        core.started, core.started_shown = fact.time, fact.shown


def recover_late(core: Core, fact: Fact, policy: Policy) -> None:
    """Apply a recovery that is older than the base: it can only bring an end forward that is already waiting."""
    if core.state == "open" and core.ending is not None and core.last <= fact.time < core.ending:
        core.ending = None
        _recover(core, fact, policy)


def _occur(core: Core, fact: Fact, policy: Policy) -> None:
    if core.state == "none":
        core.started, core.started_shown = fact.time, fact.shown
        core.known = fact.severity if fact.old and not core.past else ""
    elif core.state == "resolved":
        core.reopened += 1
        core.known = ""
        core.ended_by = core.ended_mark = ""
        core.changes = (*core.changes, fact.time)[-_MAX_CHANGES:]
        core.flapping = _flaps(core, fact.time, policy)
    if core.state != "open":
        core.begun, core.deserved = fact.time, None
    core.state = "open"
    core.ending = None
    core.last, core.last_shown = fact.time, fact.shown
    core.hold, core.expires = fact.hold, fact.expires
    absorb(core, fact, policy)
    _deserve(core, policy, fact.time)


def _deserve(core: Core, policy: Policy, time: float) -> None:
    if core.deserved is None and core.state == "open" and core.deserves(policy):
        core.deserved = time


def _flaps(core: Core, time: float, policy: Policy) -> bool:
    """Return True where it ended and came back too often up to `time`: its next end must last for a while."""
    flap = policy.flap
    return flap is not None and sum(1 for change in core.changes if change > time - flap.within) >= flap.changes


def _hold(core: Core, fact: Fact, policy: Policy) -> float:
    if fact.at_once:
        return 0.0
    hold = max(core.hold, fact.hold) if policy.resolve_after is None else policy.resolve_after
    return max(hold, policy.flap.within) if policy.flap is not None and core.flapping else hold


def _crowd(core: Core, time: float, grown: int, policy: Policy) -> None:
    """Note when occurrences happened, until as many as policy asks for fall into its time."""
    wanted = min(threshold(policy, core.ticket_after), _MAX_BURST)
    if not wanted or grown <= 0:
        return
    times = sorted((*core.burst, *(time,) * min(grown, wanted)))[-wanted:]
    core.burst = tuple(times)
    core.dense = len(times) == wanted and times[-1] - times[0] <= policy.open_after.within


def _recover(core: Core, fact: Fact, policy: Policy) -> None:
    if core.state != "open":
        return
    hold = _hold(core, fact, policy)
    if core.ending is None or fact.time + hold < core.ending + core.ending_hold:
        core.ending, core.ending_hold = fact.time, hold
        core.ending_shown, core.ending_reason, core.ending_mark = fact.shown, fact.reason, fact.mark
    advance(core, fact.time, policy)

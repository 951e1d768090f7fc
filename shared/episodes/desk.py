"""Where a problem's ticket stands: not deserved, waiting, taken in by something else, open. Pure.

An episode says what is wrong; whether people get a ticket for it is decided here, apart from that. What must be looked
up for it (is there a cause, is there room under the limit) comes with a tick as `Found`; an observation alone decides
only where there is nothing to look up and nothing to wait for.
"""

from dataclasses import dataclass, replace
from typing import Literal

from shared.episodes.fold import LATENESS, Core
from shared.episodes.policy import Policy, Quiet
from shared.events.episode import Suspect
from shared.events.vocabulary import Severity, worse

OUTLIVE = 300.0
"""Seconds for which a consequence must outlive its cause before it gets a ticket of its own."""
RELOOK = 900.0
"""Seconds after which what is held is looked at without a reason: whatever was missed is found then."""

CONSEQUENCE = "consequence of another problem"
"""What is said to have ended a ticket whose problem a cause took in."""

Taken = Literal["consequence", "group", "limit"]


@dataclass(frozen=True, slots=True)
class Under:
    """What took a problem in: the key of its record, its episode, its words, and since when (policy time).

    `by` is the name of the policy that says so: of an inhibition, or of the route that groups or limits.
    """

    kind: Taken
    thing: str
    id: str = ""
    summary: str = ""
    path: str = ""
    since: float = 0.0
    by: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What was decided so far.

    `deserved` is since when it deserves a ticket (policy time), `ticket` that it got one, `under` what took it in,
    `freed` when what had caused it was over, `quiet` the maintenance window or silence that holds it, `looked` that its
    ticket was decided with all that was to be looked up: one that came back has its ticket again before. `denied` is up
    to when (policy time) spells that are over were decided to have none, `left` which group it was in when it ended, or
    when a cause took it in.
    """

    deserved: float | None = None
    ticket: bool = False
    under: Under | None = None
    freed: float | None = None
    quiet: str = ""
    suspects: tuple[Suspect, ...] = ()
    looked: bool = False
    denied: float = 0.0
    left: str = ""

    @property
    def outlived(self) -> float:
        """Return since when it has outlived what had caused it (policy time), 0 where nothing had."""
        return 0.0 if self.freed is None else self.freed + OUTLIVE

    @property
    def inhibited(self) -> bool:
        """Return True where a cause has taken it in."""
        return self.under is not None and self.under.kind == "consequence"

    @property
    def state(self) -> Literal["open", "resolved"]:
        """Return what is told of an episode that lasts: one with a ticket is closed when something takes it in."""
        return "resolved" if self.ticket and self.under is not None else "open"


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked up for one problem: what takes it in now, which changes it may come from.

    `quiet` is what its namespace and node ask for now.
    """

    under: Under | None = None
    quiet: Quiet | None = None
    suspects: tuple[Suspect, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a problem: its policy, what was looked up (None: nobody did), what keeps tickets back.

    `alone` says that there is nothing to look up and nothing to wait for, `bound` that something may take it in.
    """

    policy: Policy
    alone: bool = False
    quiet: Quiet | None = None
    found: Found | None = None
    bound: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    core: Core
    around: Around
    now: float

    @property
    def policy(self) -> Policy:
        return self.around.policy


def weigh(desk: Desk, core: Core, around: Around, now: float) -> tuple[Desk, float | None]:
    """Return what is decided now, and when it must be looked at again."""
    return _weigh(desk, _Case(core, around, now))


def escalated(core: Core, policy: Policy, affected: int, now: float) -> tuple[Severity, float | None]:
    """Return the severity by what has become of it at `now`, and when time alone may raise it further."""
    severity, dues = core.severity, []
    for step in policy.escalate:
        due = core.started + step.after
        reached = (step.after and now >= due) or (step.count and core.sources.total >= step.count)
        if reached or (step.affected and affected >= step.affected):
            severity = worse(severity, step.severity)
        elif step.after and worse(severity, step.severity) != severity:
            dues.append(due)
    return severity, min(dues, default=None)


def _weigh(desk: Desk, case: _Case) -> tuple[Desk, float | None]:
    core, policy, around = case.core, case.policy, case.around
    if core.state != "open":
        over, due = _over(desk, case)
        return replace(over, left=_group_of(desk)), due
    if desk.deserved is not None and desk.deserved < core.begun:
        desk = replace(_over(desk, case)[0], deserved=None)  # it was over in between
    deserved = core.asks(policy)
    if deserved is None:
        if not desk.ticket:
            return desk, None
        deserved = core.begun
    lasting = policy.open_after.lasting
    # An end that is on its way may still come.
    certain = LATENESS + (core.owed if core.owed > desk.denied else core.begun + lasting)
    if lasting and case.now < certain and not desk.ticket:
        return desk, certain
    desk = replace(desk, deserved=deserved, looked=desk.looked and desk.deserved is not None)
    if around.found is not None:
        return _looked(desk, case, around.found)
    if around.alone and desk.under is None:
        return _open(desk, case)
    return desk, _due(desk, case)


def _group_of(desk: Desk) -> str:
    """Return the record of the group that it is in, or was in when it ended or a cause took it in."""
    under = desk.under
    return under.thing if under is not None and under.kind != "consequence" else desk.left


def _over(desk: Desk, case: _Case) -> tuple[Desk, float | None]:
    """Decide about what is over: it has a ticket if it had one, or lasted past its wait and was not decided by then.

    Else the order in which its beginning and its end came would decide. Who ran into a group is not told of alone.
    """
    core, policy, around = case.core, case.policy, case.around
    lasting = policy.open_after.lasting
    if desk.ticket or (around.alone and (core.owed > desk.denied or (not lasting and core.deserves(policy)))):
        return Desk(ticket=True, suspects=desk.suspects), None
    denied = desk.under is not None or desk.quiet or policy.group_by or around.alone
    if denied or core.owed <= desk.denied:
        return Desk(suspects=desk.suspects, denied=core.owed), None
    certain = core.owed + LATENESS if lasting else case.now
    if around.found is None or case.now < certain:
        return Desk(deserved=core.owed, suspects=desk.suspects, denied=desk.denied), certain
    if around.found.under is not None or around.quiet is not None:
        return Desk(suspects=desk.suspects, denied=core.owed), None
    return Desk(ticket=True, suspects=around.found.suspects or desk.suspects), None


def _due(desk: Desk, case: _Case) -> float | None:
    """Return when it is looked at, where nothing else happens; None for never."""
    if desk.looked:
        return None
    if desk.freed is not None and desk.inhibited:
        return desk.freed + OUTLIVE
    if desk.under is not None or desk.quiet:
        return case.now + RELOOK
    assert desk.deserved is not None  # noqa: S101 - `weigh` has set it
    return desk.deserved if case.policy.group_by or case.around.bound else _waited(desk, case)


def _waited(desk: Desk, case: _Case) -> float:
    """Return until when its ticket waits: not at all where a spell before this one should have had it."""
    assert desk.deserved is not None  # noqa: S101 - `weigh` has set it
    return case.now if case.core.owed > desk.denied else desk.deserved + case.policy.group_wait


def _looked(desk: Desk, case: _Case, found: Found) -> tuple[Desk, float | None]:
    if found.under is not None and found.under.kind == "consequence":
        return _held(desk, found.under), case.now + RELOOK
    if desk.under is not None and desk.under.kind == "consequence":
        freed = case.now if desk.freed is None else desk.freed
        if case.now < freed + OUTLIVE:
            return replace(desk, freed=freed), freed + OUTLIVE
        if case.core.ending is not None or _is_silent(case.core, freed):
            return replace(desk, freed=freed), None  # what it is held for is no outliving
    if found.under is not None:
        return _held(desk, found.under), None
    return _open(replace(desk, suspects=found.suspects or desk.suspects), case)


def _is_silent(core: Core, since: float) -> bool:
    """Return True for what is over when it is not said again, and was not said again since a time."""
    return bool(core.expires) and core.last <= since


def _held(desk: Desk, under: Under) -> Desk:
    by_cause = under.kind == "consequence"
    left, freed = (_group_of(desk), None) if by_cause else ("", desk.freed)
    return replace(desk, under=_same(desk.under, under), freed=freed, quiet="", looked=False, left=left)


def _same(known: Under | None, found: Under) -> Under:
    """Return what is known already where it is the same: words that change over there are no news here."""
    same = (
        known is not None and (known.kind, known.thing) == (found.kind, found.thing) and bool(known.id or not found.id)
    )
    return known if known is not None and same else found


def _open(desk: Desk, case: _Case) -> tuple[Desk, float | None]:
    wait = _waited(desk, case)
    if not desk.ticket and case.now < wait:
        return replace(desk, under=None, freed=None), wait
    if not desk.ticket and case.around.quiet is not None:
        held = replace(desk, under=None, freed=None, quiet=case.around.quiet.name)
        return held, min(case.around.quiet.until, case.now + RELOOK)
    return replace(desk, ticket=True, under=None, freed=None, quiet="", looked=True, left=""), None

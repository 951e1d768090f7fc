"""What one step of the machine decided about tickets, and why: read off what it keeps, for whoever asks. Pure.

The machine itself says none of it twice: where a ticket stands is in the desk, what was told in the snapshots.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from shared.episodes.bonds import Rules, policy_of
from shared.episodes.desk import OUTLIVE, Desk, Taken, Under
from shared.episodes.fold import LATENESS, Core, fold, threshold
from shared.episodes.machine import Step, around_of
from shared.episodes.policy import Policy
from shared.episodes.record import Record, Sent, Track
from shared.events.episode import Episode
from shared.events.vocabulary import Severity, severity_rank
from shared.events.words import counted

What = Literal[
    "held",
    "inhibited",
    "grouped",
    "limited",
    "quiet",
    "freed",
    "opened",
    "flapping",
    "escalated",
    "reopened",
    "recovered",
    "closed",
    "over",
]
"""`held`: no ticket yet, or none at all; `freed`: what took it in is over; `recovered`: it ends if it stays quiet.

What ends without a ticket of its own is `over`, not `closed`.
"""
Hold = Literal["too few", "too short", "waits", "rule", "known"]
"""Why one is held: by count, by `lasting`, for its group or a cause, since its rule opens none, by first contact."""

_TAKEN: Final[dict[Taken, What]] = {"consequence": "inhibited", "group": "grouped", "limit": "limited"}


@dataclass(frozen=True, slots=True)
class Note:
    """One decision about one problem.

    `why` is a text for people; `by` the policy that decided: a route, an inhibition, a window or silence. `until` is
    when it is looked at again (policy time), None where nothing but a further observation, or another problem, does it.
    `hold` is given where it is held.
    """

    what: What
    why: str
    track: Track
    by: str
    until: float | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """One problem before (None: it was not there) and after a step."""

    before: Track | None
    track: Track
    core: Core
    policy: Policy
    now: float

    def note(self, what: What, why: str, by: str = "", until: float | None = None) -> Note:
        return Note(what, why, self.track, by or self.policy.name, until)

    def held(self, hold: Hold, why: str, by: str = "", until: float | None = None) -> Note:
        return Note("held", why, self.track, by or self.policy.name, until, hold)


def notes(before: Record, step: Step, rules: Rules) -> list[Note]:
    """Return what a step decided, in the order in which it is told."""
    found: list[Note] = []
    for key, track in step.record.tracks.items():
        old = before.tracks.get(key)
        told = [snapshot.episode for snapshot in step.snapshots if snapshot.episode.problem_key == key]
        if old is track or (not told and old is not None and (old.desk, old.facts) == (track.desk, track.facts)):
            continue
        case = _Case(old, track, _core(track, rules, step.record.now), policy_of(track, rules), step.record.now)
        found += _decided(case, rules, before.now)
        found += _told(case, told, rules, before.now)
    return found


def _core(track: Track, rules: Rules, now: float) -> Core:
    """Return what became of the problem's facts, with the severity that the facts themselves have."""
    policy = policy_of(track, rules)
    guard = track.sent.guard if track.sent else -inf
    return fold(track.base, track.facts, policy, now, guard).core


def _decided(case: _Case, rules: Rules, then: float) -> Iterator[Note]:
    """Yield what the desk says that it did not say before."""
    track, old = case.track, case.before
    desk, was = track.desk, old.desk if old is not None else Desk()
    if desk.under is not None and (was.under is None or was.under.thing != desk.under.thing):
        yield case.note(_TAKEN[desk.under.kind], _taken(desk.under), desk.under.by)
    if desk.freed is not None and was.freed is None and desk.under is not None:
        yield case.note("freed", f"{_over(desk.under)}: a ticket if it lasts", desk.under.by, desk.freed + OUTLIVE)
    if desk.quiet and desk.quiet != was.quiet:
        around = around_of(track, rules, case.now)
        why = around.quiet.why if around.quiet is not None else "its namespace or node asks for it"
        yield case.note("quiet", why, desk.quiet, around.quiet.until if around.quiet is not None else None)
    held = _held(case)
    if held is not None and (old is None or held.why != _why_before(case, old, rules, then)):
        yield held
    if case.core.state == "open" and case.core.ending is not None and track.sent is not None:
        known = None if old is None else _core(old, rules, then).ending
        if known is None:
            hold = f"{case.core.ending_reason}: over if nothing comes for {_span(case.core.ending_hold)}"
            yield case.note("recovered", hold, until=case.core.ending + case.core.ending_hold)


def _why_before(case: _Case, old: Track, rules: Rules, then: float) -> str:
    held = _held(_Case(None, old, _core(old, rules, then), case.policy, then))
    return "" if held is None or (old.sent is not None and old.sent.state == "resolved") else held.why


def _held(case: _Case) -> Note | None:
    """Return why a problem that lasts has no ticket, where nothing else has taken it in."""
    track, core, policy = case.track, case.core, case.policy
    desk = track.desk
    if core.state != "open" or track.sent is None or desk.ticket or desk.under is not None or desk.quiet:
        return None
    if core.known:
        return case.held("known", "it was there before first contact")
    wanted = threshold(policy, core.ticket_after)
    if not wanted:
        return case.held("rule", f"its rule {_rule(track)} opens no ticket", f"rule {_rule(track)}")
    if core.deserved is None:
        within = policy.open_after.within
        span = f" within {_span(within)}" if within else ""
        by = policy.name if policy.open_after.count is not None else f"rule {_rule(track)}"
        return case.held("too few", f"a ticket from {counted(wanted, 'occurrence')}{span} on", by)
    lasting = policy.open_after.lasting
    if lasting and case.now < core.begun + lasting + LATENESS:
        why = f"it must last for {_span(lasting)}, and a minute in which its end may still come"
        return case.held("too short", why, until=core.begun + lasting + LATENESS)
    until = (desk.deserved or case.now) + policy.group_wait
    shared = f" for others of the same {', '.join(policy.group_by)}" if policy.group_by else ""
    return case.held("waits", f"it waits {_span(policy.group_wait)}{shared}, and for a cause", until=until)


def _told(case: _Case, episodes: Sequence[Episode], rules: Rules, then: float) -> Iterator[Note]:
    """Yield what the snapshots tell that was not told before."""
    sent = case.before.sent if case.before is not None else None
    last: Sent | Episode | None = sent
    flapping = case.before is not None and sent is not None and _core(case.before, rules, then).flapping
    for episode in episodes:
        known = last if last is not None and last.id == episode.id else None
        if known is not None and severity_rank(episode.severity) < severity_rank(known.severity):
            yield case.note("escalated", *_risen(case, known.severity, episode))
        if episode.flapping and not (known is not None and flapping):
            yield case.note("flapping", _flaps(case.policy))
            flapping = True
        yield from _ticket(case, episode, known)
        last = episode


def _ticket(case: _Case, episode: Episode, known: Sent | Episode | None) -> Iterator[Note]:
    """Yield what became of the ticket, given what was told before."""
    over = known is not None and known.state == "resolved"
    if episode.state == "resolved":
        if not over:
            yield case.note("closed" if episode.ticket else "over", _ended(case, episode))
    elif episode.ticket and not (known is not None and known.ticket):
        yield case.note("opened", _opened(case, episode))
    elif episode.ticket and over:
        under = case.before is not None and case.before.desk.under is not None
        yield case.note("reopened", "it outlived what took it in" if under else _back(case))


def _opened(case: _Case, episode: Episode) -> str:
    parts = [f"rule {_rule(case.track)}: {episode.severity}, {_times(episode.count)}"]
    if episode.affected_count:
        parts.append(f"of {counted(episode.affected_count, 'object')}")
    parts += [f"suspect: {one.what}" for one in episode.suspects]
    return "; ".join(parts)


def _ended(case: _Case, episode: Episode) -> str:
    if case.core.state != "resolved" and case.track.desk.under is not None:
        return _taken(case.track.desk.under)
    why = episode.ended_by
    if why == "expired":
        return "expired: nothing more was heard of it"
    hold = case.core.resolved - case.core.resolved_shown
    return f"{why}, and quiet for {_span(hold)}" if hold >= 1 else why


def _risen(case: _Case, before: Severity, episode: Episode) -> tuple[str, str]:
    """Return why the severity rose, and who says so: what was observed, or the policy's `escalate`."""
    rise = f"{before} to {episode.severity}"
    if severity_rank(case.core.severity) <= severity_rank(episode.severity):
        return f"{rise}: rule {_rule(case.track)} says so", f"rule {_rule(case.track)}"
    return f"{rise}: {_times(episode.count)}, of {counted(episode.affected_count, 'object')}", case.policy.name


def _back(case: _Case) -> str:
    return f"it came back within {_span(case.policy.reopen_within)} of its end"


def _flaps(policy: Policy) -> str:
    flap = policy.flap
    if flap is None:
        return "its members flap"
    return f"{flap.changes} ends and returns within {_span(flap.within)}: its end must last as long"


def _taken(under: Under) -> str:
    if under.kind == "consequence":
        return f"while {under.path} lasts: {under.summary}"
    return "one ticket for all of its group" if under.kind == "group" else "beyond the limit: one summary for all"


def _over(under: Under) -> str:
    return f"{under.path} is over" if under.path else "what took it in is over"


def _rule(track: Track) -> str:
    return str(track.head.shown["rule"])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _span(seconds: float) -> str:
    """Return a duration as policy files write it."""
    rest, parts = round(seconds), []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"

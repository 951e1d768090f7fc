"""What one step of the machine decided about tickets, and why: read off what it keeps, for whoever asks. Pure.

The machine itself says none of it twice: where a ticket stands is in the desk, what was told in the snapshots.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from shared.episodes.bonds import Rules, policy_of
from shared.episodes.desk import OUTLIVE, Desk, Taken, Under
from shared.episodes.fold import LATENESS, Core, over_at, threshold
from shared.episodes.machine import Step, around_of
from shared.episodes.note_words import back, flaps, left, rule_of, span, taken, times, waits
from shared.episodes.policy import Policy
from shared.episodes.record import Record, Sent, Track
from shared.episodes.relations import OF_GROUP
from shared.episodes.timeline import cause_of_end
from shared.episodes.track import core_of
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
    "back",
    "closed",
    "over",
]
"""`held`: no ticket yet, or none at all; `freed`: what took it in is over; `recovered`: it ends if it stays quiet.

`back` is what came back while it waited for that: it goes on. What ends without a ticket of its own is `over`, not
`closed`.
"""
Hold = Literal["too few", "too short", "waits", "rule", "known", "not outlived"]
"""Why one is held: by count, by `lasting`, for its group or a cause, since its rule opens none, by first contact.

`not outlived` is what was freed and is about to end, or was not said again since.
"""

_TAKEN: Final[dict[Taken, What]] = {"consequence": "inhibited", "group": "grouped", "limit": "limited"}


@dataclass(frozen=True, slots=True)
class Note:
    """One decision about one problem.

    `why` is a text for people; `by` the policy that decided: a route, an inhibition, a window or silence. `until` is
    when it is looked at again (policy time), None where the next tick does it, nothing but a further observation or
    another problem, or whoever asked for quiet until further notice.
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
    """One problem before (None: it was not there) and after a step; `told` is when that is told, later than `now`."""

    before: Track | None
    track: Track
    core: Core
    policy: Policy
    now: float
    told: float

    def note(self, what: What, why: str, by: str = "", until: float | None = None, hold: Hold | None = None) -> Note:
        ahead = until if until is not None and self.told < until < inf else None
        return Note(what, why, self.track, by or self.policy.name, ahead, hold)

    def held(self, hold: Hold, why: str, by: str = "", until: float | None = None) -> Note:
        return self.note("held", why, by, until, hold)


def notes(before: Record, step: Step, rules: Rules, now: float) -> list[Note]:
    """Return what a step decided, in the order in which it is told.

    `now` is when it is told (seconds): a step goes by the time of what was seen, which may have come late.
    """
    found: list[Note] = []
    for key, track in step.record.tracks.items():
        old = before.tracks.get(key)
        told = [snapshot.episode for snapshot in step.snapshots if snapshot.episode.problem_key == key]
        same = old is track or (old is not None and (old.desk, old.facts) == (track.desk, track.facts))
        if same and not told and not _has_outlived(track, before.now, step.record.now):
            continue
        then = step.record.now
        case = _Case(old, track, _core(track, rules, then), policy_of(track, rules), then, max(then, now))
        found += _decided(case, rules, before.now)
        found += _told(case, told, rules, before.now)
    return found


def _has_outlived(track: Track, then: float, now: float) -> bool:
    """Return True for what was freed, in the step in which it had to have outlived what took it in."""
    under, freed = track.desk.under, track.desk.freed
    return under is not None and freed is not None and then < freed + OUTLIVE <= now


def _core(track: Track, rules: Rules, now: float) -> Core:
    return core_of(track, policy_of(track, rules), now)


def _decided(case: _Case, rules: Rules, then: float) -> Iterator[Note]:
    """Yield what the desk says that it did not say before."""
    track, old = case.track, case.before
    desk, was = track.desk, old.desk if old is not None else Desk()
    if desk.under is not None and (was.under is None or was.under.thing != desk.under.thing):
        yield case.note(_TAKEN[desk.under.kind], taken(desk.under), desk.under.by)
    if desk.freed is not None and was.freed is None and desk.under is not None:
        yield case.note("freed", f"{left(desk.under)}: a ticket if it lasts", desk.under.by, desk.freed + OUTLIVE)
    if desk.quiet and desk.quiet != was.quiet:
        around = around_of(track, rules, case.now)
        why = around.quiet.why if around.quiet is not None else "its namespace or node asks for it"
        yield case.note("quiet", why, desk.quiet, around.quiet.until if around.quiet is not None else None)
    if _has_outlived(track, then, case.now) and desk.under is not None:
        yield case.held("not outlived", *_lingers(case.core, desk.under))
    held = _held(case)
    if held is not None and (old is None or _held_for(held) != _held_before(case, old, rules, then)):
        yield held
    if case.core.state == "open" and track.sent is not None:
        yield from _ending(case, None if old is None else _core(old, rules, then))


def _ending(case: _Case, old: Core | None) -> Iterator[Note]:
    """Yield that a problem went well, or that it came back before that was certain."""
    core = case.core
    known = old.ending if old is not None and _is_same_spell(case, old) else None
    if core.ending is not None and known is None:
        hold = f"{core.ending_reason}: over if nothing comes for {span(core.ending_hold)}"
        yield case.note("recovered", hold, until=core.ending + core.ending_hold)
    elif core.ending is None and known is not None:
        yield case.note("back", f"{case.track.head.shown['reason']}: it goes on")


def _is_same_spell(case: _Case, old: Core) -> bool:
    """Return True where the problem did not end in this step, to come back or to begin anew."""
    sent = None if case.before is None else case.before.sent
    same = sent is None or case.track.sent is None or sent.id == case.track.sent.id
    return same and old.reopened == case.core.reopened


def _lingers(core: Core, under: Under) -> tuple[str, str, float | None]:
    """Return why what was freed does not outlive what took it in, by which policy, and when it is over by itself."""
    if core.ending is not None:
        why = f"{core.ending_reason}: it is about to end, which is no outliving"
    else:
        why = "it was not said again since, which is no outliving"
    return why, under.by, over_at(core)


def _held_for(held: Note) -> tuple[Hold | None, str]:
    """Return what one is held for; that a wait is over is no other reason."""
    return held.hold, "" if held.hold == "waits" else held.why


def _held_before(case: _Case, old: Track, rules: Rules, then: float) -> tuple[Hold | None, str]:
    held = _held(_Case(None, old, _core(old, rules, then), case.policy, then, then))
    return (None, "") if held is None or (old.sent is not None and old.sent.state == "resolved") else _held_for(held)


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
        return case.held("rule", f"its rule {rule_of(track)} opens no ticket", f"rule {rule_of(track)}")
    if core.deserved is None:
        within = policy.open_after.within
        so_soon = f" within {span(within)}" if within else ""
        by = policy.name if policy.open_after.count is not None else f"rule {rule_of(track)}"
        return case.held("too few", f"a ticket from {counted(wanted, 'occurrence')}{so_soon} on", by)
    lasting = policy.open_after.lasting
    if lasting and case.now < core.begun + lasting + LATENESS:
        why = f"it must last for {span(lasting)}, and a minute in which its end may still come"
        return case.held("too short", why, until=core.begun + lasting + LATENESS)
    until = (desk.deserved or case.now) + policy.group_wait
    return case.held("waits", waits(policy, over=until <= case.told), until=until)


def _told(case: _Case, episodes: Sequence[Episode], rules: Rules, then: float) -> Iterator[Note]:
    """Yield what the snapshots tell that was not told before."""
    sent = case.before.sent if case.before is not None else None
    last: Sent | Episode | None = sent
    flapping = case.before is not None and sent is not None and _core(case.before, rules, then).flapping
    for episode in episodes:
        known = last if last is not None and last.id == episode.id else None
        if known is not None and severity_rank(episode.severity) < severity_rank(known.severity):
            yield case.note("escalated", *_risen(case, known.severity, episode, rules))
        if episode.flapping and not (known is not None and flapping):
            yield case.note("flapping", flaps(case.policy))
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
        yield case.note("reopened", "it outlived what took it in" if under else back(case.policy))


def _opened(case: _Case, episode: Episode) -> str:
    parts = [f"rule {rule_of(case.track)}: {episode.severity}, {times(episode.count)}"]
    if episode.affected_count:
        parts.append(f"of {counted(episode.affected_count, 'object')}")
    parts += [f"suspect: {one.what}" for one in episode.suspects]
    return "; ".join(parts)


def _ended(case: _Case, episode: Episode) -> str:
    if case.core.state != "resolved" and case.track.desk.under is not None:
        return taken(case.track.desk.under)
    cause = cause_of_end(case.track, case.core)
    if cause is not None:
        return taken(cause)
    why = episode.ended_by
    if why == "expired":
        return "expired: nothing more was heard of it"
    # What was asked of it, not what its clock says: that may be wrong by hours.
    hold = case.core.ending_hold
    return f"{why}, and quiet for {span(hold)}" if hold >= 1 else why


def _risen(case: _Case, before: Severity, episode: Episode, rules: Rules) -> tuple[str, str]:
    """Return why the severity rose, and who says so: what was observed, a member, or the policy's `escalate`."""
    rise = f"{before} to {episode.severity}"
    if severity_rank(case.core.severity) <= severity_rank(episode.severity):
        if OF_GROUP in case.track.relations:
            # The route that it had: a route may ask for the severity that it has no more.
            route = case.policy if case.before is None else policy_of(case.before, rules)
            return f"{rise}: one of its members rose", route.name
        return f"{rise}: rule {rule_of(case.track)} says so", f"rule {rule_of(case.track)}"
    return f"{rise}: {' and '.join(_reached(case, episode)) or 'its policy says so'}", case.policy.name


def _reached(case: _Case, episode: Episode) -> Iterator[str]:
    """Yield what the policy's escalations to the severity ask for and have."""
    for step in case.policy.escalate:
        if step.severity != episode.severity:
            continue
        if step.after and case.now >= case.core.started + step.after:
            yield f"it lasts for {span(step.after)}"
        if step.count and case.core.sources.total >= step.count:
            yield f"seen {times(case.core.sources.total)}"
        if step.affected and case.track.others.count >= step.affected:
            yield f"{counted(case.track.others.count, 'object')} affected"

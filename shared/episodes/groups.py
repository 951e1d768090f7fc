"""Groups: many problems, one ticket. A group is a record like any object's, whose observations are its members. Pure.

Members are found by the group's bond (bonds.py). What they are together (whole.py) is put as an observation with its
verdict, so that a group lives, ends, comes back and is told like any problem.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any, NamedTuple

from shared.episodes.bonds import Rules, policy_of
from shared.episodes.desk import CONSEQUENCE
from shared.episodes.fold import LATENESS
from shared.episodes.machine import Known, observe
from shared.episodes.members import Member
from shared.episodes.record import Record, Track, Whole
from shared.episodes.relations import key_of_group
from shared.episodes.snapshot import mark_of, moment
from shared.episodes.track import Snapshot, core_of
from shared.episodes.whole import Look, whole_of
from shared.events.identity import digest
from shared.events.model import Classified, ObjectRef, Observation, Verdict, believed

_AFTER = 0.001  # of an end and a beginning at the same time the end would be the later one (fold.py)


class Seen(NamedTuple):
    """What is seen of a group: its members as observations, and what they are together."""

    found: list[Classified]
    whole: Whole


def observed(thing: str, members: Sequence[Member], record: Record, now: float, rules: Rules) -> Seen | None:
    """Return what is seen of a group at `now`: each member's problem put as the group's, and the end after the last.

    None where there is no group, and nobody who would be one.
    """
    mine = sorted((one for one in members if one.under == thing), key=lambda one: (one.since, one.id))
    held = [one for one in mine if not one.over]
    track = next(iter(record.tracks.values()), None)
    if not held and (track is None or not (mine or track.lasts)):
        return None
    over = max((mark.fact.time for mark in record.marks), default=-inf)
    goes_on = track is not None and track.lasts
    # Each look is later than the one before, also where a tick comes again, or its clock went back.
    now = max(now, record.now, track.head.time + _AFTER if track is not None and goes_on else now)
    opened = opens(thing, members, rules) if track is None else min(map(_asked, held), default=None)
    when = _When(now, over, now if goes_on or opened is None else min(now, opened), goes_on=goes_on)
    same = track if track is None or _is_same(track, held, when, rules) else None
    seen = whole_of(Look(thing, mine, held, same))
    # What a cause took out of it is none of its members any more.
    about = ObjectRef.model_validate(seen.shown["object"])
    found = [_member(one, seen.shown, when, _Group(thing, about)) for one in mine if not one.cause]
    if not held and track is not None:
        found.append(_over(_Group(thing, about), track.head.shown, now, _ended_by(mine, seen)))
    return Seen(found, seen)


def taken_in(record: Record, seen: Seen | None, rules: Rules) -> tuple[Record, tuple[Snapshot, ...]]:
    """Return the group's record once it has taken in what is seen, and the snapshots on the way.

    That is all there is to be seen each time: so it remembers these, however many, and no others.
    """
    if seen is None:
        return replace(record, seen=()), ()
    told, snapshots = frozenset(record.seen), list[Snapshot]()
    known = Known(whole=seen.whole)
    record = replace(record, tracks={key: seen.whole.on(track) for key, track in record.tracks.items()})
    for one in seen.found:
        if mark_of(one) not in told:
            step = observe(record, one, known, rules)
            record = step.record
            snapshots += step.snapshots
    return replace(record, seen=tuple(map(mark_of, seen.found))), tuple(snapshots)


def opens(thing: str, members: Sequence[Member], rules: Rules) -> float | None:
    """Return when a new group has waited for more: with the first member that lasts; None where none does.

    A member waits since it deserves a ticket: what was over for a while and came back does so anew.
    """
    held = (one for one in members if one.under == thing and not one.over)
    return min((_asked(one, rules.of(one.subject).group_wait) for one in held), default=None)


def _asked(one: Member, wait: float = 0.0) -> float:
    return max(one.since + wait, one.deserved + wait, one.outlived)


class _Group(NamedTuple):
    """The key of a group's record, and the object of its ticket."""

    thing: str
    object: ObjectRef


class _When(NamedTuple):
    """When a group is looked at, when it was over last, since when it is one, and whether it goes on."""

    now: float
    over: float
    opened: float
    goes_on: bool

    def of(self, one: Member) -> tuple[float, bool]:
        """Return since when a member is one, and whether it is anew: it began before the group was over, but lasts."""
        anew = not one.over and one.since <= self.over
        return (max(self.now, self.over + _AFTER) if anew else one.since), anew

    def times(self, since: float) -> tuple[datetime, datetime]:
        """Return when a member was seen, and when that was known: what comes to a group that goes on is news of now."""
        known = max(since, self.opened)
        return moment(known if self.goes_on else since), moment(known)


def _is_same(track: Track, held: Sequence[Member], when: _When, rules: Rules) -> bool:
    """Return True where the group's episode goes on, or comes back soon enough to be the same."""
    policy = policy_of(track, rules)
    core = core_of(track, policy, when.now)
    if when.goes_on or not held or core.state != "resolved":
        return True
    first = min(believed(*when.times(when.of(one)[0])) for one in held).timestamp()
    return first <= core.resolved + max(policy.reopen_within, LATENESS)


def _ended_by(mine: Sequence[Member], seen: Whole) -> str:
    if seen.cause is not None:
        return CONSEQUENCE
    last = max((one for one in mine if not one.cause), key=lambda one: one.over, default=None)
    return "" if last is None else last.ended_by


def _member(one: Member, shown: dict[str, Any], when: _When, group: _Group) -> Classified:
    """Return one member's problem as the group's: its own count, and the words of all.

    A group is known since its first member asked for a ticket, by whenever somebody looks: the same problems make the
    same episode. What began before the group was `over` last, but lasts, is news of now.
    """
    since, anew = when.of(one)
    again = str(when.over) if anew else ""
    time, received = when.times(since)
    seen = Observation(
        identity=digest("group", group.thing, one.id, str(int(one.since)), str(one.count), one.severity, again),
        dialect="tidings-group",
        cluster=shown["cluster"],
        object=group.object,
        reason=one.shown["reason"],
        message=shown["message"],
        type=one.shown["type"],
        component=one.shown["component"],
        host=shown["host"],
        time=time,
        received=received,
        count=one.count,
        fingerprint=shown["fingerprint"],
        source_uid=one.id,
    )
    verdict = Verdict(
        category=shown["category"],
        subcategory=shown["subcategory"],
        severity=one.severity,
        phase="problem",
        condition=shown["condition"],
        part=shown["part"],
        problem_key=key_of_group(group.thing),
        ticket_after=1,
        summary=shown["summary"],
        rule=shown["rule"],
        why=shown["why"],
        runbook=shown["runbook"],
    )
    return Classified(observation=seen, verdict=verdict)


def _over(group: _Group, shown: dict[str, Any], now: float, ended_by: str) -> Classified:
    at = moment(now)
    seen = Observation(
        identity=digest("group", group.thing, "over", str(now)),
        dialect="tidings-group",
        cluster=shown["cluster"],
        object=group.object,
        reason=ended_by or "AllOver",
        component="tidings",
        time=at,
        received=at,
    )
    verdict = Verdict(
        category=shown["category"],
        subcategory=shown["subcategory"],
        severity="info",
        phase="recovery",
        ends=("*",),
        rule=shown["rule"],
    )
    return Classified(observation=seen, verdict=verdict)

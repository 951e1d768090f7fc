"""Groups: many problems, one ticket. A group is a record like any object's, whose observations are its members. Pure.

Members are found by the group's bond (bonds.py). What they are together is put as an observation with its verdict, so
that a group lives, ends, comes back and is told like any problem.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

from shared.episodes.bonds import GROUP, STORM, Rules
from shared.episodes.machine import Known, observe
from shared.episodes.members import MAX_MEMBERS, Member
from shared.episodes.record import Record
from shared.episodes.relations import OF_GROUP, key_of_group
from shared.episodes.snapshot import mark_of, moment
from shared.episodes.track import Snapshot
from shared.events.identity import digest
from shared.events.model import Classified, ObjectRef, Observation, Verdict
from shared.events.vocabulary import severity_rank

_MAX_NAMES = 5
_AFTER = 0.001  # of an end and a beginning at the same time the end would be the later one (fold.py)


def observed(thing: str, members: Sequence[Member], record: Record, now: float) -> list[Classified]:
    """Return what is seen of a group at `now`: each member's problem put as the group's, and the end after the last."""
    mine = sorted((one for one in members if one.under == thing), key=lambda one: (one.since, one.id))
    held = [one for one in mine if not one.over]
    track = next(iter(record.tracks.values()), None)
    if track is None and not held:
        return []
    over = max((mark.fact.time for mark in record.marks), default=-inf)
    goes_on = track is not None and track.lasts
    # Each look is later than the one before, also where a tick comes again, or its clock went back.
    now = max(now, record.now, track.head.time + _AFTER if track is not None and goes_on else now)
    when = _When(now, over, goes_on=goes_on)
    words = _words(thing, held or mine) if mine else None
    found = [] if words is None else [_member(thing, one, words, when) for one in mine]
    if not held and track is not None and (mine or track.lasts):
        last = max(mine, key=lambda one: one.over, default=None)
        found.append(_over(thing, track.head.shown, now, "" if last is None else last.ended_by))
    return found


def together(
    record: Record, found: Sequence[Classified], known: Known, rules: Rules
) -> tuple[Record, tuple[Snapshot, ...]]:
    """Return the group's record once it has seen `found`, and the snapshots on the way.

    That is all there is to be seen each time: so it remembers these, however many, and no others.
    """
    told, snapshots = frozenset(record.seen), list[Snapshot]()
    for one in found:
        if mark_of(one) not in told:
            step = observe(record, one, known, rules)
            record = step.record
            snapshots += step.snapshots
    return replace(record, seen=tuple(map(mark_of, found))), tuple(snapshots)


def opens(thing: str, members: Sequence[Member], rules: Rules) -> float | None:
    """Return when a new group has waited for more: with the first member that lasts; None where none does.

    A member waits since it deserves a ticket: what was over for a while and came back does so anew.
    """
    held = (one for one in members if one.under == thing and not one.over)
    return min((max(one.since, one.deserved) + rules.of(one.subject).group_wait for one in held), default=None)


def labels_of(members: Sequence[Member]) -> dict[str, str]:
    """Return the labels that all members share: those of a team, where the group is of one team."""
    if not members:
        return {}
    first, *rest = (one.labels for one in members)
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in rest)}


def relations_of_group(thing: str, members: Sequence[Member]) -> dict[str, str]:
    """Return the mark of a group, and the relations that all members share."""
    shared: dict[str, str] = {}
    if members:
        first, *rest = (one.relations for one in members)
        shared = {name: value for name, value in first.items() if all(one.get(name) == value for one in rest)}
    return {**shared, OF_GROUP: STORM if thing.startswith(STORM) else GROUP}


class _When(NamedTuple):
    """When a group is looked at, when it was over last, and whether it goes on."""

    now: float
    over: float
    goes_on: bool


class _Words(NamedTuple):
    """What is said of all members together: made once, not for each of them."""

    first: dict[str, Any]
    worst: dict[str, Any]
    object: ObjectRef
    message: str
    fingerprint: str
    condition: str
    part: str
    summary: str


def _words(thing: str, held: Sequence[Member]) -> _Words:
    first = held[0].shown
    return _Words(
        first=first,
        worst=min(held, key=lambda each: severity_rank(each.severity)).shown,
        object=_object(thing, held),
        message=_message(held),
        fingerprint=digest("group", str(len(held))),
        condition=_condition(thing, held),
        part=first["part"] if len(held) == 1 else "",
        summary=_summary(thing, held),
    )


def _member(thing: str, one: Member, words: _Words, when: _When) -> Classified:
    """Return one member's problem as the group's: its own count, and the words of all.

    A group begins when its first member did, by whenever somebody looks: the same problems make the same episode. What
    comes to one that goes on is news of now, and so is what began before the group was `over` last, but lasts.
    """
    back = not one.over and one.since <= when.over
    since, again = (max(when.now, when.over + _AFTER), str(when.over)) if back else (one.since, "")
    at = moment(max(when.now, since) if when.goes_on else since)
    seen = Observation(
        identity=digest("group", thing, one.id, str(int(one.since)), str(one.count), one.severity, again),
        dialect="tidings-group",
        cluster=words.first["cluster"],
        object=words.object,
        reason=one.shown["reason"],
        message=words.message,
        type=one.shown["type"],
        component=one.shown["component"],
        host=words.first["host"],
        time=at,
        received=at,
        count=one.count,
        fingerprint=words.fingerprint,
        source_uid=one.id,
    )
    verdict = Verdict(
        category=words.worst["category"],
        subcategory=words.worst["subcategory"],
        severity=one.severity,
        phase="problem",
        condition=words.condition,
        part=words.part,
        problem_key=key_of_group(thing),
        ticket_after=1,
        summary=words.summary,
        rule=words.first["rule"],
        why=words.first["why"],
        runbook=words.first["runbook"],
    )
    return Classified(observation=seen, verdict=verdict)


def _over(thing: str, shown: dict[str, Any], now: float, ended_by: str) -> Classified:
    at = moment(now)
    seen = Observation(
        identity=digest("group", thing, "over", str(now)),
        dialect="tidings-group",
        cluster=shown["cluster"],
        object=ObjectRef.model_validate(shown["object"]),
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


def _object(thing: str, held: Sequence[Member]) -> ObjectRef:
    """Return the object of the ticket: that of the first member; of a summary, the namespace or cluster it is of."""
    first = held[0].shown
    if not thing.startswith(STORM):
        return ObjectRef.model_validate(first["object"])
    namespaces = {one.shown["object"]["namespace"] for one in held}
    name = namespaces.pop() if len(namespaces) == 1 else ""
    return ObjectRef(kind="Namespace", name=name) if name else ObjectRef(kind="Cluster", name=first["cluster"])


def _condition(thing: str, held: Sequence[Member]) -> str:
    if thing.startswith(STORM):
        return "too-many-problems"
    return _most([one.shown["condition"] for one in held])


def _summary(thing: str, held: Sequence[Member]) -> str:
    first = held[0].shown
    number = _number(len(held))
    if thing.startswith(STORM):
        return f"{number} more problems in cluster {first['cluster']}"
    if len(held) == 1:
        return str(first["summary"])
    namespaces = {one.shown["object"]["namespace"] for one in held}
    where = (
        f"namespace {namespaces.pop()}"
        if len(namespaces) == 1 and "" not in namespaces
        else f"{len(namespaces)} namespaces"
    )
    return f"{number} problems in {where}: {_most([one.shown['reason'] for one in held])}, first {first['summary']}"


def _message(held: Sequence[Member]) -> str:
    lines = [f"{one.path}: {one.shown['summary']}" for one in held[:_MAX_NAMES]]
    more = len(held) - len(lines)
    return "\n".join([*lines, *([f"and {_number(more)} more"] if more > 0 else [])])


def _number(count: int) -> str:
    return f"{count} or more" if count >= MAX_MEMBERS else str(count)


def _most(words: Sequence[str]) -> str:
    """Return the word that most of them say, the first of those where several do."""
    return max(Counter(words).items(), key=lambda item: item[1])[0]

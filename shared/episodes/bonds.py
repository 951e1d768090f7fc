"""Bonds: what problems of different objects have in common, and the store's keys under which they find each other.

A bond is one relation that two problems share, for one inhibition: the same node, claim, image, … (relations.py). A
record says in the store what it is bound by: `cause.<bond>.<thing>` where one of its problems may take others in,
`under.<bond>.<thing>` where others may take its problems in. Whoever decides about a ticket looks there; nobody writes
into another's record. Pure.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import ceil
from typing import NamedTuple, Protocol

from shared.episodes.fold import Core
from shared.episodes.members import digest_of, encode
from shared.episodes.policy import LABEL, OF_OBJECT, OF_PROBLEM, Inhibition, Match, Policy, Quiet, Subject, subject
from shared.episodes.record import Record, Track
from shared.episodes.relations import OF_GROUP
from shared.episodes.track import core_of
from shared.events.identity import digest

CAUSES = "cause"
MEMBERS = "under"
_END = "end "  # begins the digest of an entry that tells of nothing but ends
GROUP = "group-"
STORM = "storm-"
_LOOK = 10
"""Seconds: the times at which records look at others are rounded up to these, so that many share one entry."""


class Rules(Protocol):
    """The policies of an installation (policy.py)."""

    @property
    def inhibitions(self) -> tuple[Inhibition, ...]:
        """Return what takes what in."""

    def of(self, subject: Subject) -> Policy:
        """Return the policy of one problem."""

    def quiet(self, subject: Subject, now: float) -> Quiet | None:
        """Return the maintenance window or silence in force."""


class Bond(NamedTuple):
    """One relation of one problem that an inhibition speaks of."""

    inhibition: Inhibition
    key: str


def subject_of(track: Track) -> Subject:
    """Return what policy is matched by."""
    return subject(track.head.shown, track.labels)


def policy_of(track: Track, rules: Rules) -> Policy:
    """Return the policy of a problem; what stands for a group waits for nothing and is in no further group."""
    policy = rules.of(subject_of(track))
    group = track.relations.get(OF_GROUP)
    if group is None:
        return policy
    return replace(
        policy,
        group_by=(),
        group_wait=0.0,
        resolve_after=0.0,
        flap=None,
        limit=None if group == STORM else policy.limit,
    )


def parents_of(track: Track, rules: Rules) -> tuple[Bond, ...]:
    """Return the bonds by which something else may take this problem in."""
    return tuple(_bonds(track, rules, lambda inhibition: inhibition.affected))


def causes_of(track: Track, rules: Rules) -> tuple[Bond, ...]:
    """Return the bonds by which this problem may take others in."""
    return tuple(_bonds(track, rules, lambda inhibition: inhibition.cause))


def is_bound(track: Track, rules: Rules) -> bool:
    """Return True where something else may take the problem in."""
    return any(True for _ in _bonds(track, rules, lambda inhibition: inhibition.affected))


def group_of(track: Track, policy: Policy) -> str:
    """Return the key of the record of the group that the problem belongs to, empty where policy groups nothing."""
    if not policy.group_by or OF_GROUP in track.relations:
        return ""
    values = [_value(track, name) for name in policy.group_by]
    known = {*OF_PROBLEM, *OF_OBJECT}
    if any(not value and name not in known for name, value in zip(policy.group_by, values, strict=True)):
        return ""  # not all that are of no known image have one problem
    return GROUP + digest("group", policy.name, track.head.shown["cluster"], *values)


def storm_of(track: Track, policy: Policy) -> str:
    """Return the key of the record that takes in what is beyond the limit of tickets."""
    per = policy.limit.per if policy.limit is not None else ()
    return STORM + digest("storm", *(f"{name}={_value(track, name)}" for name in per))


def is_group(thing: str) -> bool:
    """Return True for the key of a group's record."""
    return thing.startswith((GROUP, STORM))


def is_open(track: Track) -> bool:
    """Return True where the problem lasts and was told."""
    return track.sent is not None and track.lasts


def entries(record: Record, rules: Rules) -> dict[str, tuple[Track, ...]]:
    """Return the keys, without the record's own, under which its open problems are to be found."""
    found: dict[str, tuple[Track, ...]] = {}
    for track in record.tracks.values():
        if not is_open(track):
            continue
        keys = {f"{MEMBERS}.{bond.key}" for bond in parents_of(track, rules)}
        # What nobody is told of keeps nothing quiet for good: else nobody would be told of either.
        told = track.desk.ticket or track.desk.deserved is not None
        keys |= {f"{CAUSES}.{bond.key}" for bond in causes_of(track, rules) if told or bond.inhibition.at_most}
        under = track.desk.under
        if under is not None and is_group(under.thing):
            keys.add(f"{MEMBERS}.{under.thing}")
        for key in sorted(keys):
            found[key] = (*found.get(key, ()), track)
    return found


def _leaves(old: Track | None, track: Track) -> bool:
    """Return True where the group is to be told that the problem ended, how often it was, or that a cause took it.

    What a cause had taken out of it before is none of its any more.
    """
    if not track.desk.left or track.sent is None:
        return False
    if track.desk.inhibited:
        return old is not None and old.desk.under is not None and old.desk.under.thing == track.desk.left
    return not track.lasts and (old is None or (old.sent != track.sent and not old.desk.inhibited))


def _ended(before: Record, after: Record) -> dict[str, tuple[Track, ...]]:
    """Return what groups are told of problems that they have no more: how often it was, and what ended or took it."""
    found: dict[str, tuple[Track, ...]] = {}
    for key, track in after.tracks.items():
        if _leaves(before.tracks.get(key), track):
            name = f"{MEMBERS}.{track.desk.left}"
            found[name] = (*found.get(name, ()), track)
    return found


class Bound(NamedTuple):
    """A record that knows under which keys it is found, and what has to be written and deleted for that."""

    record: Record
    enters: dict[str, bytes]
    leaves: tuple[str, ...]


def moved(before: Record, after: Record) -> bool:
    """Return True where anything changed that others go by."""
    if len(before.tracks) != len(after.tracks):
        return True
    return any(
        (known := before.tracks.get(key)) is None or _shown_to_others(known) != _shown_to_others(track)
        for key, track in after.tracks.items()
    )


def _shown_to_others(track: Track) -> tuple[object, ...]:
    return track.sent, track.desk, track.relations, track.labels


def lookers(before: Record, after: Record, rules: Rules) -> set[tuple[int, str]]:
    """Return the records that took problems in, gave them back or have a worse one, and from which second they look.

    Groups wait for their members together; what happens to a cause's members later is looked at every few seconds.
    """
    found: set[tuple[int, str]] = set()
    for key in {*before.tracks, *after.tracks}:
        old, new = before.tracks.get(key), after.tracks.get(key)
        unders = {track.desk.under for track in (old, new) if track is not None and track.desk.under is not None}
        if new is not None and _leaves(old, new):
            found.add((ceil((after.now + 1.0) / _LOOK) * _LOOK, new.desk.left))  # told of an end, or of its count
        if old is not None and new is not None and _stays(old, new):
            continue
        for under in unders:
            time = after.now + _LOOK
            if new is not None and new.desk.under == under and is_group(under.thing):
                time = (new.desk.deserved or after.now) + policy_of(new, rules).group_wait
            found.add((ceil(max(time, after.now) / _LOOK) * _LOOK, under.thing))
    return found


def _stays(old: Track, new: Track) -> bool:
    """Return True where nothing happened to a problem for which its group or cause would look before their time."""
    severities = [track.sent.severity for track in (old, new) if track.sent is not None]
    return old.desk == new.desk and is_open(old) == is_open(new) and len(set(severities)) <= 1


def bound(before: Record, record: Record, rules: Rules, tried: frozenset[str] | None = None) -> Bound:
    """Return the record with its entries; `before` is what the store has of it.

    `tried` are those that were written for a record that could not be kept: then all are written anew.
    """
    stored = before.entered
    open_now = entries(record, rules)
    wanted = dict(open_now)
    for name, tracks in _ended(before, record).items():
        wanted[name] = (*wanted.get(name, ()), *tracks)
    # What a group is told of an end is the group's to delete: it may not have looked yet. The latest group is enough.
    left = {f"{MEMBERS}.{track.desk.left}" for track in record.tracks.values()}
    ends = {key: stored[key] for key in (left & stored.keys()) - wanted.keys() if stored[key].startswith(_END)}
    digests = {
        key: ("" if key in open_now else _END) + digest_of(tracks, counted=is_group(key.split(".", 1)[1]))
        for key, tracks in wanted.items()
    }
    enters = {
        key: encode(_weighed(wanted[key], rules, record.now), record.now, _group_in(key))
        for key, value in digests.items()
        if tried is not None or stored.get(key) != value
    }
    leaves = tuple(key for key in sorted({*stored, *(tried or ())}) if key not in wanted and key not in ends)
    changed = {key.split(".", 1)[1] for key in (*enters, *leaves) if key.startswith(f"{CAUSES}.")}
    wakes = tuple(sorted({*record.wakes, *changed}))
    return Bound(replace(record, entered={**ends, **digests}, wakes=wakes), enters, leaves)


def _weighed(tracks: Iterable[Track], rules: Rules, now: float) -> Iterable[tuple[Track, Core]]:
    return ((track, core_of(track, policy_of(track, rules), now)) for track in tracks)


def _group_in(key: str) -> str:
    """Return the group that an entry is for, empty where it is for a bond."""
    thing = key.split(".", 1)[1]
    return thing if is_group(thing) else ""


def _bonds(track: Track, rules: Rules, side: Callable[[Inhibition], Match]) -> Iterable[Bond]:
    if OF_GROUP in track.relations:
        return
    subject = subject_of(track)
    for inhibition in rules.inhibitions:
        value = _value(track, inhibition.by)
        if value and side(inhibition).takes(subject):
            # With its name: where causes of one met all members of another, each would wake and read all the others.
            yield Bond(inhibition, digest("bond", track.head.shown["cluster"], inhibition.name, inhibition.by, value))


def _value(track: Track, name: str) -> str:
    """Return what a name of `group_by`, `by` or `per` stands for; empty where it is not known."""
    shown = track.head.shown
    if name.startswith(LABEL):
        return track.labels.get(name.removeprefix(LABEL), "")
    if name in OF_OBJECT:
        return str(shown["object"][name])
    if name in OF_PROBLEM:
        return str(shown[name])
    return track.relations.get(name, "")

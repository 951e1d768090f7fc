"""What records say of their problems to those that they are bound to: rows in the store's entries (bonds.py). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import orjson

from shared.episodes.fold import PROBLEM
from shared.episodes.policy import Subject
from shared.episodes.record import Others, Track
from shared.episodes.snapshot import moment
from shared.events.episode import Affected
from shared.events.identity import digest
from shared.events.model import path_of
from shared.events.vocabulary import Severity

MAX_SHOWN = 10
MAX_MEMBERS = 1000
"""Records that are looked at for one bond; where there are more, the count says so many."""


@dataclass(frozen=True, slots=True)
class Member:
    """What a record says of one of its problems to those it is bound to.

    `thing` is the record's key, `at` the policy time at which it said so; `over` when the problem ended, 0 while it
    lasts: a group is told of the end of what it took in. `deserved` is since when it deserves a ticket, 0 where it does
    not.
    """

    thing: str
    at: float
    key: str
    id: str
    since: float
    under: str
    shown: dict[str, Any]
    labels: dict[str, str]
    relations: dict[str, str]
    count: int
    over: float
    ended_by: str
    deserved: float = 0.0

    @property
    def severity(self) -> Severity:
        """Return the severity of its latest observation."""
        found: Severity = self.shown["severity"]
        return found

    @property
    def subject(self) -> Subject:
        """Return what policy is matched by."""
        return subject(self.shown, self.labels)

    @property
    def path(self) -> str:
        """Return the path of its object."""
        found = self.shown["object"]
        return path_of(found["kind"], found["namespace"], found["name"])


_WIDTH = len(fields(Member)) - 1
"""Members of a row: all but `thing`, which is in the key."""


def decode(thing: str, data: bytes) -> tuple[Member, ...]:
    """Return what an entry of a record says; nothing of a damaged one.

    What a newer release may have put behind is left out: a group that did not see its members any more would
    tell that they are over.
    """
    try:
        return tuple(Member(thing, *row[:_WIDTH]) for row in orjson.loads(data))
    except (ValueError, LookupError, TypeError):
        return ()


def others_of(members: Iterable[Member], thing: str) -> Others:
    """Return who is in trouble besides the record's own object: how many, and the first of them."""
    objects: dict[str, Member] = {}
    for one in sorted((one for one in members if one.thing != thing), key=lambda one: (one.since, one.key)):
        objects.setdefault(one.path, one)  # of each object what began first: one pod may have four problems
    found = [*objects.values()]
    first = tuple(
        Affected(
            kind=one.shown["object"]["kind"],
            namespace=one.shown["object"]["namespace"],
            name=one.shown["object"]["name"],
            condition=one.shown["condition"],
            severity=one.severity,
            since=moment(one.since),
        )
        for one in found[:MAX_SHOWN]
    )
    return Others(len(found), first)


def subject(shown: Mapping[str, Any], labels: Mapping[str, str]) -> Subject:
    """Return what policy is matched by."""
    thing = shown["object"]
    return Subject(
        category=shown["category"],
        subcategory=shown["subcategory"],
        severity=shown["severity"],
        kind=thing["kind"],
        namespace=thing["namespace"],
        name=thing["name"],
        cluster=shown["cluster"],
        condition=shown["condition"],
        reason=shown["reason"],
        rule=shown["rule"],
        labels=labels,
    )


def since_of(track: Track) -> float:
    """Return when the problem began, or came back (policy time): what was before its latest end is over."""
    base = track.base
    if base.state == "open":
        return base.begun if base.reopened else base.started
    begun = (fact.time for fact in track.facts if fact.kind == PROBLEM and fact.time > base.resolved)
    return next(begun, base.started or track.head.time)


def digest_of(tracks: Iterable[Track], *, counted: bool) -> str:
    """Return a digest of what others go by: texts that move on make no new entry.

    Only groups want to know how often it was, and since when it deserves a ticket (`counted`).
    """
    parts = [part for track in tracks for part in _essence(track, counted=counted)]
    return digest("entry", *parts)[:12]


def _essence(track: Track, *, counted: bool) -> tuple[str, ...]:
    sent, desk = track.sent, track.desk
    under = "" if desk.under is None else desk.under.thing
    assert sent is not None  # noqa: S101 - what has an entry was told
    count = f"{sent.count} {desk.deserved}" if counted else ""
    return (sent.id, sent.severity, sent.state, count, str(desk.ticket), under, track.head.shown["reason"])


def encode(tracks: Iterable[Track], now: float, over: str = "") -> bytes:
    """Return the entry of a record's problems at `now`; `over` names the group that took in those that are over."""
    return orjson.dumps([[now, *_row(track, now, over)] for track in tracks])


def _row(track: Track, now: float, over: str) -> list[Any]:
    sent, desk = track.sent, track.desk
    assert sent is not None  # noqa: S101 - what has an entry was told
    shown = {**track.head.shown, "message": track.head.shown["message"][:300], "severity": sent.severity}
    under = over if desk.under is None else desk.under.thing
    end = (0.0, "") if track.lasts else (now, sent.ended_by)
    return [
        track.key,
        sent.id,
        since_of(track),
        under,
        shown,
        track.labels,
        track.relations,
        sent.count,
        *end,
        desk.deserved or 0.0,
    ]

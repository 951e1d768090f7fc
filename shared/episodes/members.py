"""What records say of their problems to those that they are bound to: rows in the store's entries (bonds.py). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson

from shared.episodes.desk import CONSEQUENCE
from shared.episodes.fold import Core
from shared.episodes.policy import Subject, subject
from shared.episodes.record import Others, Track
from shared.episodes.snapshot import moment
from shared.episodes.timeline import cause_of_end
from shared.events.episode import Affected
from shared.events.identity import digest
from shared.events.model import path_of
from shared.events.vocabulary import Severity

MAX_SHOWN = 10
_MAX_SAID = 1000  # characters of a message, of which a group's ticket is made
_MAX_SEEN = 300  # and of one that is only looked at
_MAX_LINES = 5
MAX_MEMBERS = 1000
"""Records that are looked at for one bond; where there are more, the count says so many."""


@dataclass(frozen=True, slots=True)
class Member:
    """What a record says of one of its problems to those it is bound to.

    `thing` is the record's key, `at` the policy time at which it said so; `over` when the problem ended, 0 while it
    lasts: a group is told of the end of what it took in. `deserved` is since when it deserves a ticket, 0 where it does
    not. `seen` is when it was last seen (event time), `lines` the latest lines of its history as a group is told them
    (time, mark, reason, message, count), `cause` what took it out of the group: record, episode, words, path, policy.
    `outlived` is since when it has outlived a cause that had taken it in, 0 where none had.
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
    seen: float = 0.0
    lines: Sequence[tuple[float, str, str, str, int]] = ()
    cause: Sequence[str] = ()
    outlived: float = 0.0

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
    return Others(len(found), tuple(map(affected, found[:MAX_SHOWN])))


def affected(one: Member) -> Affected:
    """Return a member as one that is affected."""
    thing = one.shown["object"]
    return Affected(
        kind=thing["kind"],
        namespace=thing["namespace"],
        name=thing["name"],
        condition=one.shown["condition"],
        severity=one.severity,
        since=moment(one.since),
    )


def since_of(core: Core) -> float:
    """Return when the problem began, or came back (policy time): what was before its latest end is over."""
    return core.begun if core.reopened else core.started


def digest_of(tracks: Iterable[Track], *, counted: bool) -> str:
    """Return a digest of what others go by: texts that move on make no new entry.

    Only groups want to know how often it was, since when it deserves a ticket, and what it says (`counted`).
    """
    parts = [part for track in tracks for part in _essence(track, counted=counted)]
    return digest("entry", *parts)[:12]


def _essence(track: Track, *, counted: bool) -> tuple[str, ...]:
    sent, desk = track.sent, track.desk
    under = "" if desk.under is None else desk.under.thing
    assert sent is not None  # noqa: S101 - what has an entry was told
    count = f"{sent.count} {desk.deserved} {desk.outlived} {track.head.shown['fingerprint']}" if counted else ""
    return (sent.id, sent.severity, sent.state, count, str(desk.ticket), under, track.head.shown["reason"])


def encode(tracks: Iterable[tuple[Track, Core]], now: float, group: str = "") -> bytes:
    """Return the entry of a record's problems at `now`, each with what became of it.

    `group` is the group that the entry is for, also of those that are over or that a cause has taken out of it.
    """
    return orjson.dumps([[now, *_row(track, core, now, group)] for track, core in tracks])


def _row(track: Track, core: Core, now: float, group: str) -> list[Any]:
    sent, desk = track.sent, track.desk
    assert sent is not None  # noqa: S101 - what has an entry was told
    shown = {
        **track.head.shown,
        "message": track.head.shown["message"][: _MAX_SAID if group else _MAX_SEEN],
        "severity": sent.severity,
    }
    out = bool(group) and desk.inhibited
    under = group if desk.under is None or out else desk.under.thing
    cause = desk.under if out else cause_of_end(track, core)
    end = (0.0, "") if track.lasts and not out else (now, CONSEQUENCE if out else sent.ended_by)
    return [
        track.key,
        sent.id,
        since_of(core),
        under,
        shown,
        track.labels,
        track.relations,
        sent.count,
        *end,
        desk.deserved or 0.0,
        core.last_shown if track.had is None else track.had.seen,
        _lines(track) if group else [],
        [] if cause is None else [cause.thing, cause.id, cause.summary, cause.path, cause.by],
        desk.outlived,
    ]


def _lines(track: Track) -> list[list[Any]]:
    """Return the latest lines of history for a group, without what they repeat: it looks again after minutes only."""
    lines = {(line.reason, line.message): line for line in track.history}
    ordered = sorted(lines.values(), key=lambda line: (line.shown, line.mark))
    return [[line.shown, line.mark, line.reason, line.message, line.count] for line in ordered[-_MAX_LINES:]]

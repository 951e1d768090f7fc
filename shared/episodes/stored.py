"""A record as the bytes that the store keeps: compact JSON (positions, not names), with a version.

Older versions are read: what they do not have begins with its default. A record of a newer version is never guessed at.
"""

from dataclasses import replace
from operator import attrgetter
from typing import Any

import orjson

from shared.episodes.desk import Desk, Under
from shared.episodes.fold import Core, Fact
from shared.episodes.record import Had, Head, Mark, Occurred, Others, Record, RecordError, Sent, Track, Turned, Unsent
from shared.episodes.sources import Sources
from shared.events.episode import Affected, Suspect

VERSION = 2
_READ = frozenset({1, VERSION})  # what version 1 does not have begins with its default

_CORE = attrgetter(*(name for name in Core.__dataclass_fields__ if name != "sources"))
_PLAIN = Fact._fields.index("reason")
_DEFAULTS = tuple(Fact._field_defaults[name] for name in Fact._fields[_PLAIN:])
_OCCURRED = attrgetter(*Occurred.__dataclass_fields__)
_SENT = attrgetter(*Sent.__dataclass_fields__)
_TURNED = attrgetter(*Turned.__dataclass_fields__)
_UNDER = attrgetter(*Under.__dataclass_fields__)
_NO_DESK = Desk()
_HAD = 6
"""Members of the row that a group has more than others; it stands last, so that an older release passes over it."""


def encode(record: Record) -> bytes:
    """Return the record as compact JSON."""
    return orjson.dumps(
        {
            "v": VERSION,
            "now": record.now,
            "due": record.due,
            "tracks": [_track(track) for track in record.tracks.values()],
            "marks": [[_fact(mark.fact), mark.ends, mark.part, mark.except_key] for mark in record.marks],
            "seen": record.seen,
            "outbox": [[unsent.not_before, unsent.episode] for unsent in record.outbox],
            "entered": record.entered,
            "wakes": record.wakes,
            "node": record.node,
            "said": {mark.fact.mark: mark.message for mark in record.marks if mark.message},
        }
    )


def decode(data: bytes) -> Record:
    """Return the record of stored bytes. Raises RecordError."""
    try:
        value = orjson.loads(data)
        if value["v"] not in _READ:
            raise RecordError(f"the record has version {value['v']}, this program reads {VERSION}")
        tracks = [_read_track(track) for track in value["tracks"]]
        return Record(
            now=value["now"],
            due=value["due"],
            tracks={track.key: track for track in tracks},
            marks=tuple(_read_mark(*row, said=value.get("said", {})) for row in value["marks"]),
            seen=tuple(value["seen"]),
            outbox=tuple(Unsent(time, episode) for time, episode in value["outbox"]),
            entered=value.get("entered", {}),
            wakes=tuple(value.get("wakes", ())),
            node=value.get("node", ""),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RecordError("the record cannot be read") from error


def _fact(fact: Fact) -> tuple[Any, ...]:
    """Return a plain tuple, as orjson wants it, without what most facts leave as it is: there may be hundreds."""
    return fact[:_PLAIN] if fact[_PLAIN:] == _DEFAULTS else tuple(fact)


def _later(track: Track) -> list[Any]:
    """Return what came to a track later, without what it has not; an earlier release passes over it."""
    had = None if track.had is None else _had(track.had, track.cause)
    return [had, track.ends] if track.ends else [had] * (had is not None)


def _read_mark(fact: list[Any], ends: list[str], part: str, key: str, *, said: dict[str, str]) -> Mark:
    known = Fact(*fact)
    return Mark(known, tuple(ends), part, key, said.get(known.mark, ""))


def _track(track: Track) -> list[Any]:
    sources = track.base.sources
    return [
        track.key,
        [track.head.time, track.head.mark, track.head.shown],
        [
            _CORE(track.base),
            [sources.known, sources.given_up, sources.horizon, *([sources.state] * (sources.state > 0))],
        ],
        track.place,
        [_fact(fact) for fact in track.facts],
        [_OCCURRED(line) for line in track.history],
        track.labels,
        None if track.sent is None else _SENT(track.sent),
        track.relations,
        _desk(track.desk),
        [track.others.count, [one.model_dump(mode="json") for one in track.others.first]],
        [_TURNED(line) for line in track.timeline],
        *_later(track),
    ]


def _had(had: Had, cause: Under | None) -> list[Any]:
    first = [one.model_dump(mode="json") for one in had.first]
    return [had.seen, had.said, first, had.ids, had.paths, None if cause is None else _UNDER(cause)]


def _read_had(row: list[Any]) -> tuple[Had, Under | None]:
    seen, said, first, ids, paths, cause = row[:_HAD]
    affected = tuple(Affected.model_validate(one) for one in first)
    return Had(seen, said, affected, tuple(ids), tuple(paths)), None if cause is None else Under(*cause)


def _desk(desk: Desk) -> list[Any]:
    """Return the row of a desk, empty where nothing was decided yet."""
    if desk == _NO_DESK:
        return []
    under = None if desk.under is None else _UNDER(desk.under)
    suspects = [one.model_dump(mode="json") for one in desk.suspects]
    return [desk.deserved, desk.ticket, under, desk.freed, desk.quiet, suspects, desk.looked, desk.denied, desk.left]


def _read_desk(row: list[Any]) -> Desk:
    if not row:
        return _NO_DESK
    deserved, ticket, under, freed, quiet, suspects, *looked = row
    return Desk(
        deserved,
        ticket,
        None if under is None else Under(*under),
        freed,
        quiet,
        tuple(Suspect.model_validate(one) for one in suspects),
        *looked,
    )


def _desk_of_old(sent: Sent | None) -> Desk:
    """Return where the ticket of a track stands that was written before there was a desk."""
    return Desk(deserved=sent.guard, ticket=True, looked=True) if sent is not None and sent.ticket else _NO_DESK


def _read_track(row: list[Any]) -> Track:
    key, head, (core, (known, *others)), place, facts, history, labels, sent_row, *new = row
    sent = None if sent_row is None else _read_sent(sent_row)
    time, mark, shown = head  # the first version showed no severity
    relations, desk, (hit, first), *lines = new or ({}, None, (0, ()))
    base = Core(*core)
    base.begun = base.begun or base.started
    base.changes, base.burst = tuple(base.changes), tuple(base.burst)
    had, cause = _read_had(lines[1]) if len(lines) > 1 and lines[1] else (None, None)
    base.sources = Sources({name: (count, time) for name, (count, time) in known.items()}, *others)
    return Track(
        key=key,
        head=Head(time, mark, {"severity": sent.severity if sent else "medium", **shown}),
        base=base,
        place=(place[0], place[1]),
        facts=tuple(Fact(*fact) for fact in facts),
        history=tuple(Occurred(*line) for line in history),
        labels=labels,
        sent=sent,
        relations=relations,
        desk=_desk_of_old(sent) if desk is None else _read_desk(desk),
        others=Others(hit, tuple(Affected.model_validate(one) for one in first)),
        timeline=tuple(_read_turned(*row) for row in (lines[0] if lines else ())),
        had=had,
        cause=cause,
        ends=tuple((mark, message) for mark, message in (lines[2] if len(lines) > 2 else ())),  # noqa: PLR2004
    )


def _read_turned(*row: Any) -> Turned:
    *told, things = row
    return replace(Turned(*told), things=tuple(things))


def _read_sent(row: list[Any]) -> Sent:
    sent = Sent(*row)
    return replace(sent, first=tuple(sent.first), kinds=tuple(sent.kinds))

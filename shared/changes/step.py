"""One version of an object against what is remembered of it: what is new, and what to remember now. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from shared.changes.difference import Difference, Differences, compare
from shared.changes.findings import Finding, findings, transitions
from shared.changes.kinds import Kind, kind_of
from shared.changes.managers import written
from shared.changes.projection import (
    MAX_BYTES,
    WHOLE,
    Projection,
    pack,
    project,
    relevant,
    shape_of,
    stamp_of,
    unpack,
)
from shared.changes.record import Answer, Record
from shared.events.difference import NOT_SHOWN
from shared.events.model import Observation
from shared.events.redaction import redact
from shared.sources import rollouts

NONE = Differences((), 0)
Verdict = Literal["new", "again", "unchanged", "older"]


class Step(NamedTuple):
    """What came of a version. `record` is what to keep, None where nothing has to be written; `answer` what to tell.

    `again` is a version that was answered before, `older` one that a newer one has overtaken.
    """

    verdict: Verdict
    record: Record | None = None
    answer: Answer | None = None


class Seen(NamedTuple):
    """One version: its observation, the object as it was sent, and the object redacted (whole, however large)."""

    observation: Observation
    payload: Any
    thing: Mapping[str, Any]
    findings: list[Finding]


def seen_of(observation: Observation, payload: Any, certificate_days: int) -> Seen:
    """Return one version with its conditions."""
    thing = observation.original
    if "truncated" in thing:
        thing, _ = redact(payload)
    kind = observation.object.kind
    return Seen(observation, payload, thing, findings(thing, kind, observation.received, certificate_days))


def step(record: Record | None, seen: Seen) -> Step:
    """Compare a version with the record of its object."""
    observation = seen.observation
    if record is not None:
        before = record.answer_to(observation.identity)
        if before is not None:
            return Step("again", _heard(record, observation), before)
        if _is_older(observation, record):
            return Step("older")
        if (
            observation.resource_version
            and observation.resource_version == record.version
            and not _deletes(observation)
        ):
            return Step("unchanged", _heard(record, observation))
    return _gone(record, observation) if _deletes(observation) else _newer(record, seen)


def _day(observation: Observation) -> int:
    return int(observation.received.timestamp() // 86_400)


def _heard(record: Record, observation: Observation) -> Record | None:
    """Return the record of an object that is still there, to be kept on; None where that was written lately."""
    day = _day(observation)
    return replace(record, heard=day) if day > record.heard and not record.deleted else None


def _deletes(observation: Observation) -> bool:
    return observation.operation == "delete"


def _is_older(observation: Observation, record: Record) -> bool:
    """Return True where a newer version was here (F23); of a uid nothing comes after its deletion."""
    if record.deleted and observation.object.uid:
        return True
    if _deletes(observation) and observation.object.uid:
        return False  # the last word on an object, in whatever order it comes
    version = observation.resource_version
    # Revisions of etcd: numbers, though clients are asked to take them for opaque. Others go by their arrival.
    numbers = version.isdecimal() and record.version.isdecimal()
    return numbers and int(version) < int(record.version)


def _gone(record: Record | None, observation: Observation) -> Step:
    answer = Answer(observation.identity, record is not None, NONE, ())
    answers = record.answers if record is not None else ()
    gone = Record(observation.resource_version, answers=answers, deleted=True, heard=_day(observation))
    return Step("new", gone.answered(answer), answer)


def _newer(record: Record | None, seen: Seen) -> Step:
    observation = seen.observation
    kind = kind_of(observation.object.kind)
    parts = relevant(seen.thing, kind)
    if record is not None and record.deleted:
        record = Record("", answers=record.answers)  # another one of the same name, that has no uid
    known = record is not None and bool(record.stamp)
    record = record or Record("")
    stamp, masked = stamp_of(parts), _masked_members(observation, parts)
    differences, projection = NONE, record.projection
    if not known:
        projection = project(parts, kind)
    elif stamp != record.stamp:
        differences, projection = _compared(record.projection, parts, kind)
    wrote = written(seen.payload, masked) if masked else ""
    if known and not differences.number and wrote and record.written and wrote != record.written:
        differences = _unseen(masked)
    before = record.conditions
    if rollouts.begins(observation.object.kind, seen.thing, (one.path for one in differences.told)):
        before = {**before, rollouts.CONDITION: ""}  # the change itself says that it began: only its end is news
    conditions, news = transitions(before, seen.findings)
    kept = Record(
        version=observation.resource_version,
        stamp=stamp,
        projection=projection,
        conditions=conditions,
        written=wrote or record.written,
        answers=record.answers,
        heard=_day(observation),
    )
    if known and not differences.number and not news:
        return Step("unchanged", kept)
    answer = Answer(observation.identity, known, differences, tuple(news))
    return Step("new", kept.answered(answer), answer)


def _compared(known: Projection, parts: Mapping[str, Any], kind: Kind) -> tuple[Differences, Projection]:
    """Return what differs from a projection, and the new one; both are compared as the old one was folded."""
    after = shape_of(parts, kind, known.depth)
    try:
        differences = compare(unpack(known.packed), after)
    except ValueError:
        differences = NONE  # as if nothing had been known; it is written anew
    packed = pack(after) if known.depth == WHOLE else b""
    fits = 0 < len(packed) <= MAX_BYTES
    return differences, Projection(WHOLE, packed) if fits else project(parts, kind)


def _masked_members(observation: Observation, parts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the members of an object that hold masked values: that those changed can only be told by who wrote."""
    if not observation.masked:
        return ()
    members = {path.partition(".")[0] for path in observation.masked}
    return tuple(sorted(members & parts.keys() - {"metadata", "status"}))


def _unseen(members: tuple[str, ...]) -> Differences:
    told = tuple(Difference(member, NOT_SHOWN, NOT_SHOWN) for member in members)
    return Differences(told, len(told))

"""What one kept event says in the trail of a ticket. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.events.change import Change
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.said import said_by
from shared.events.words import counted

Said = Classified | Episode | Change | DeliveryReport
_OBSERVED, _SNAPSHOT, _REPORT = range(3)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: when, what it is, who says it, and what that was; `facts` has more, for programs.

    `order` sorts what has the same time: an observation comes before what was made of it, and that before who was told.
    """

    time: datetime
    order: tuple[int, int]
    what: str
    by: str
    said: str
    facts: Mapping[str, Any]


def read_event(event: CloudEvent) -> Said | None:
    """Return what an event that a topic keeps says; None for other events, and what this version cannot read."""
    try:
        return said_by(event)
    except ValidationError:
        return None


def entry_of(said: Said, event: CloudEvent, kept: datetime) -> Entry:
    """Return the line of it; `kept` is when the bus had it, for events without a time of their own."""
    if isinstance(said, Classified):
        return _observed(said, event)
    if isinstance(said, DeliveryReport):
        return _told(said, event)
    return _made(said, event, kept)


def _observed(said: Classified, event: CloudEvent) -> Entry:
    seen, verdict = said.observation, said.verdict
    where = ", ".join(part for part in (verdict.source, verdict.version and f"version {verdict.version}") if part)
    rule = f"rule {verdict.rule}" + (f" ({where})" if where else "")
    text = f"{verdict.severity} {verdict.phase}: {seen.object.path}: {seen.reason}: {seen.message}"
    facts = {
        "event": event.id,
        "identity": seen.identity,
        "dialect": seen.dialect,
        "cluster": seen.cluster,
        "object": seen.object.path,
        "reason": seen.reason,
        "message": seen.message,
        "count": seen.count,
        "rule": verdict.rule,
        "rule_source": verdict.source,
        "rule_version": verdict.version,
        "why": verdict.why,
        "severity": verdict.severity,
        "phase": verdict.phase,
        "problem_key": verdict.problem_key,
    }
    return Entry(seen.time, (_OBSERVED, seen.count), "observed", rule, text, facts)


def _made(said: Episode | Change, event: CloudEvent, kept: datetime) -> Entry:
    kind = "problem" if isinstance(said, Episode) else "change"
    text = f"{said.summary}: {said.state}, {said.severity}, revision {said.revision}"
    facts: dict[str, Any] = {
        "event": event.id,
        "id": said.id,
        "problem_key": said.key if kind == "problem" else "",
        "revision": said.revision,
        "state": said.state,
        "severity": said.severity,
        "summary": said.summary,
        "ended_by": said.ended_by,
    }
    if isinstance(said, Episode):
        text += f", seen {counted(said.count, 'time')}" + _ticket_of(said)
        facts |= {"count": said.count, "ticket": said.ticket, "rule": said.rule}
        facts["cause"] = said.cause.id if said.cause is not None else ""
    if said.ended_by:
        text += f", ended by {said.ended_by}"
    return Entry(event.time or kept, (_SNAPSHOT, said.revision), f"{kind} {said.transition}", "correlator", text, facts)


def _ticket_of(said: Episode) -> str:
    if said.cause is None:
        return "" if said.ticket else ", no ticket yet"
    if said.cause.kind == "consequence":
        return f", a consequence of: {said.cause.summary}"
    return ", in the ticket of its group" if said.cause.kind == "group" else ", in the summary beyond the limit"


def _told(said: DeliveryReport, event: CloudEvent) -> Entry:
    where = " ".join(part for part in (said.number or said.record, said.link) if part)
    text = f"revision {said.revision}: {said.result}" + (f", {where}" if where else "")
    text += f", {said.reason}" if said.reason else ""
    text += f", wrote {', '.join(said.fields)}" if said.fields else ""
    facts = {"event": event.id, **said.model_dump(mode="json", exclude={"time"})}
    return Entry(said.time, (_REPORT, said.revision), f"told: {said.operation}", said.destination, text, facts)

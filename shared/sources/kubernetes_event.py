"""Dialect `kubernetes-event`: an Event of core/v1 or events.k8s.io/v1 (reference/inputs.md §1.9)."""

from typing import Any

from shared.events.identity import event_identity, fingerprint, payload_identity, sender_identity
from shared.events.model import Observation, Operation
from shared.events.outcome import Rejected
from shared.events.redaction import redact, redact_text
from shared.sources.context import (
    Context,
    bounded,
    controller,
    first_time,
    labels,
    mapping,
    message_text,
    name_text,
    number,
    reference,
    text,
)

NAME = "kubernetes-event"


def recognises(payload: Any) -> bool:
    """Return True for an Event of either API, also without `kind`, as exporters send it."""
    found = mapping(payload)
    if found.get("kind") not in (None, "", "Event"):
        return False
    return "involvedObject" in found or "regarding" in found


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one Event into one observation."""
    event = mapping(payload)
    thing = reference(event.get("involvedObject")) or reference(event.get("regarding"))
    if thing is None:
        return Rejected("decode", "an Event must name the object that it is about")
    metadata, series, source = (mapping(event.get(name)) for name in ("metadata", "series", "source"))
    old_source = mapping(event.get("deprecatedSource"))
    message = message_text(event.get("message") or event.get("note"))
    count = max(1, number(event.get("count")), number(event.get("deprecatedCount")), number(series.get("count")))
    uid = text(metadata.get("uid"))
    original, masked = redact(dict(event))
    first = first_time(event.get("firstTimestamp"), event.get("deprecatedFirstTimestamp"), event.get("eventTime"))
    operation: Operation = "delete" if context.operation == "delete" else "event"
    involved = mapping(event.get("involvedObject") or event.get("regarding"))
    return [
        Observation(
            identity=_identity(context, uid, count, payload),
            dialect=NAME,
            cluster=context.cluster,
            object=thing,
            owner=controller(involved.get("ownerReferences"), thing.namespace),
            related=reference(event.get("related")),
            reason=redact_text(text(event.get("reason"))),
            message=redact_text(message),
            type=redact_text(text(event.get("type"))),
            component=redact_text(_component(event, source, old_source)),
            host=redact_text(name_text(source.get("host") or old_source.get("host"))),
            action=redact_text(text(event.get("action"))),
            operation=operation,
            time=_event_time(event, series, metadata) or context.received,
            received=context.received,
            first_time=first,
            count=count,
            fingerprint=fingerprint(message),
            source_uid=uid,
            resource_version=text(metadata.get("resourceVersion")),
            labels=labels(involved.get("labels")),
            annotations={**labels(involved.get("annotations")), **labels(metadata.get("annotations"))},
            original=bounded(original),
            masked=masked.paths,
        )
    ]


def _identity(context: Context, uid: str, count: int, payload: Any) -> str:
    if uid:
        return event_identity(context.cluster, uid, count)
    if context.event_id:
        return sender_identity(context.cluster, context.sender, context.event_id)
    return payload_identity(context.cluster, payload, context.received)


def _component(event: Any, source: Any, old_source: Any) -> str:
    return text(
        event.get("reportingComponent")
        or event.get("reportingController")
        or source.get("component")
        or old_source.get("component")
    )


def _event_time(event: Any, series: Any, metadata: Any) -> Any:
    return first_time(
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
        metadata.get("creationTimestamp"),
    )

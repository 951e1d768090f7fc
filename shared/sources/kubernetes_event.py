"""Dialect `kubernetes-event`: an Event of core/v1 or events.k8s.io/v1 (reference/inputs.md §1.9)."""

from typing import Any

from shared.events.identity import event_identity, fingerprint, payload_identity, sender_identity
from shared.events.model import Observation, trusted
from shared.events.outcome import Rejected
from shared.events.redaction import redact
from shared.sources.context import (
    MAX_MESSAGE,
    Context,
    bounded,
    controller,
    first_time,
    labels,
    mapping,
    message_text,
    number,
    reference,
    shown_name,
    shown_text,
    text,
)

NAME = "kubernetes-event"

# Whose Events are filed elsewhere than on what they tell of; see shared.sources.policy_events.
_POLICY_ENGINES = frozenset({"gatekeeper-webhook", "gatekeeper-audit", "kyverno-admission", "kyverno-scan"})


def recognises(payload: Any) -> bool:
    """Return True for an Event of either API, also without `kind`, unless whoever passed it on left a mark on it."""
    found = mapping(payload)
    if found.get("kind") not in (None, "", "Event"):
        return False
    if "clusterName" in found or "date" in found:  # of kubernetes-event-exporter, of Fluent Bit
        return False
    return "involvedObject" in found or "regarding" in found


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one Event into one observation."""
    event = mapping(payload)
    get = event.get
    seen, masked = redact(event)
    involved = get("involvedObject")
    thing = reference(involved, masked)
    if thing is None:
        involved = get("regarding")
        thing = reference(involved, masked)
    if thing is None:
        return Rejected("decode", "an Event must name the object that it is about")
    metadata, series, source = mapping(get("metadata")), mapping(get("series")), mapping(get("source"))
    old_source = mapping(get("deprecatedSource"))
    shown = mapping(seen.get("involvedObject") or seen.get("regarding"))
    said = get("message") or get("note")
    message = message_text(said)
    count = max(1, number(get("count")), number(get("deprecatedCount")), number(series.get("count")))
    uid = text(metadata.get("uid"))
    component = shown_text(_component(event, source, old_source), masked)
    values: dict[str, Any] = {
        "identity": _identity(context, uid, count, payload),
        "dialect": NAME,
        "cluster": context.cluster,
        "object": thing,
        "owner": controller(mapping(involved).get("ownerReferences"), thing.namespace, masked),
        "related": reference(get("related"), masked),
        "reason": shown_text(get("reason"), masked),
        "message": shown_text(said, masked, MAX_MESSAGE),
        "type": shown_text(get("type"), masked),
        "component": component,
        "host": shown_name(source.get("host") or old_source.get("host"), masked),
        "action": shown_text(get("action"), masked),
        "operation": "delete" if context.operation == "delete" else "event",
        "time": _event_time(event, series, metadata) or context.received,
        "received": context.received,
        "first_time": first_time(get("firstTimestamp"), get("deprecatedFirstTimestamp"), get("eventTime")),
        "count": count,
        "fingerprint": fingerprint(message),
        "source_uid": uid,
        "resource_version": text(metadata.get("resourceVersion")),
        "labels": labels(shown.get("labels")),
        "annotations": labels(shown.get("annotations")) | labels(mapping(seen.get("metadata")).get("annotations")),
        "original": bounded(seen, masked),
        "masked": masked.paths,
    }
    made = trusted(Observation, values)
    return [_about_resource(made, event) if component in _POLICY_ENGINES else made]


def _about_resource(seen: Observation, event: Any) -> Observation:
    from shared.sources.policy_events import about_resource  # for the few Events that need it

    return about_resource(seen, event)


def _identity(context: Context, uid: str, count: int, payload: Any) -> str:
    if uid:
        return event_identity(context.cluster, uid, count)
    if context.event_id:
        return sender_identity(context.cluster, context.sender, context.event_id)
    return payload_identity(context.cluster, payload, context.received)


def _component(event: Any, source: Any, old_source: Any) -> Any:
    return (
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

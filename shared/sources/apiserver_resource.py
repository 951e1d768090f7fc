"""Dialect `apiserver-resource`: an object as ApiServerSource sends it in mode Resource (reference/knative.md §3)."""

from typing import Any

from shared.events.identity import object_identity, payload_identity, sender_identity
from shared.events.model import ObjectRef, Observation, Operation, trusted
from shared.events.outcome import Rejected
from shared.events.redaction import redact
from shared.sources.context import Context, bounded, controller, first_time, labels, mapping, name_text, text

NAME = "apiserver-resource"

_OPERATIONS: dict[str, Operation] = {"add": "add", "update": "update", "delete": "delete"}
_PAST = {"add": "was added", "update": "was changed", "delete": "was deleted"}


def recognises(payload: Any) -> bool:
    """Return True for any Kubernetes object with a kind and a name, except an Event."""
    found = mapping(payload)
    name = mapping(found.get("metadata")).get("name")
    return isinstance(found.get("kind"), str) and isinstance(name, str) and found.get("kind") != "Event"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one object into one observation of what happened to it."""
    found = mapping(payload)
    metadata = mapping(found.get("metadata"))
    names = {
        "api_version": name_text(found.get("apiVersion")),
        "kind": name_text(found.get("kind")),
        "namespace": name_text(metadata.get("namespace")),
        "name": name_text(metadata.get("name")),
        "uid": text(metadata.get("uid")),
        "field_path": "",
    }
    if not names["kind"] or not names["name"]:
        return Rejected("decode", "an object must have a kind and a name")
    thing = trusted(ObjectRef, names)
    operation = _OPERATIONS.get(context.operation, "update")
    version = text(metadata.get("resourceVersion"))
    created = first_time(metadata.get("creationTimestamp"))
    original, masked = redact(found)
    shown = mapping(original.get("metadata"))
    values: dict[str, Any] = {
        "identity": _identity(context, thing.uid, version, operation, payload),
        "dialect": NAME,
        "cluster": context.cluster,
        "object": thing,
        "owner": controller(metadata.get("ownerReferences"), thing.namespace, masked),
        "related": None,
        "reason": "",
        "message": masked.text(f"{thing.path} {_PAST[operation]}"),
        "type": "",
        "component": "",
        "host": "",
        "action": "",
        "operation": operation,
        # When it was created; for changes the object does not say, so that the time of sending counts.
        "time": (created if operation == "add" else None) or context.received,
        "received": context.received,
        "first_time": created,
        "count": 1,
        "fingerprint": "",
        "source_uid": thing.uid,
        "resource_version": version,
        "labels": labels(shown.get("labels")),
        "annotations": labels(shown.get("annotations")),
        "original": bounded(original, masked),
        "masked": masked.paths,
    }
    return [trusted(Observation, values)]


def _identity(context: Context, uid: str, version: str, operation: str, payload: Any) -> str:
    if uid and version:
        return object_identity(context.cluster, uid, version, deleted=operation == "delete")
    if context.event_id:
        return sender_identity(context.cluster, context.sender, context.event_id)
    return payload_identity(context.cluster, payload, context.received)

"""One maker of observations for the dialects: it masks, cuts and keys what they read, so that none can forget to."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.events.identity import digest, fingerprint, payload_identity, sender_identity
from shared.events.model import ObjectRef, Observation, Operation, trusted
from shared.events.redaction import has_suspects, is_harmless, redact
from shared.events.redaction_texts import Redaction
from shared.sources.context import (
    MAX_MESSAGE,
    Context,
    bounded,
    first_time,
    labels,
    mapping,
    message_text,
    name_text,
    number,
    reference,
    shown_name,
    shown_text,
    text,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Told(NamedTuple):
    """What a dialect reads in a payload, as it stands there: any JSON value may stand in each place.

    `thing`, `owner` and `related` are references as Kubernetes writes them (`kind`, `namespace`, `name`, `apiVersion`,
    `uid`, `fieldPath`); a thing without kind and name is the cluster itself. `identity` are the parts that make two
    payloads the same one, as `(auditID, stage)`: none where the producer has no id. `time` is when it happened by the
    producer's clock (`first_time(...)`), None where it does not say.
    """

    thing: Any
    identity: tuple[Any, ...] = ()
    owner: Any = None
    related: Any = None
    reason: Any = ""
    message: Any = ""
    type: Any = ""
    component: Any = ""
    host: Any = ""
    action: Any = ""
    operation: Operation = "event"
    time: datetime | None = None
    first_time: datetime | None = None
    count: Any = 1
    source_uid: Any = ""
    resource_version: Any = ""
    labels: Any = None
    annotations: Any = None


def go_time(value: Any) -> datetime | None:
    """Return a time that a Go program wrote, or None: the first instant of the year 1, or of 1970, says that too."""
    time = first_time(value)
    return None if time is None or time <= _EPOCH else time


def observed(dialect: str, context: Context, payload: Mapping[str, Any], told: Told) -> Observation:
    """Return the observation of what was told of a payload, redacted; the payload becomes its `original`. Total."""
    original, masked = redact(payload)
    said = [value for value in told if not isinstance(value, datetime)]  # need not stand in the payload itself
    harmless = is_harmless(said)
    shown = masked if harmless or not has_suspects(said) else Redaction()
    message = message_text(told.message)
    values: dict[str, Any] = {
        "identity": _identity(dialect, context, payload, told.identity),
        "dialect": dialect,
        "cluster": context.cluster,
        "object": reference(told.thing, shown) or trusted(ObjectRef, _cluster(context)),
        "owner": reference(told.owner, shown),
        "related": reference(told.related, shown),
        "reason": shown_text(told.reason, shown),
        "message": shown_text(told.message, shown, MAX_MESSAGE),
        "type": shown_text(told.type, shown),
        "component": shown_text(told.component, shown),
        "host": shown_name(told.host, shown),
        "action": shown_text(told.action, shown),
        "operation": told.operation,
        "time": told.time or context.received,
        "received": context.received,
        "first_time": told.first_time,
        "count": max(1, number(told.count)),
        "fingerprint": fingerprint(message) if message else "",
        "source_uid": text(told.source_uid),
        "resource_version": text(told.resource_version),
        "labels": labels(told.labels) if harmless else _shown(told.labels, masked),
        "annotations": labels(told.annotations) if harmless else _shown(told.annotations, masked),
        "original": bounded(original, masked),
        "masked": masked.paths,
    }
    return trusted(Observation, values)


def _identity(dialect: str, context: Context, payload: Any, parts: tuple[Any, ...]) -> str:
    if parts:
        return digest(dialect, context.cluster, *map(str, parts))
    if context.event_id:
        return sender_identity(context.cluster, context.sender, context.event_id)
    return payload_identity(context.cluster, payload, context.received)


def _cluster(context: Context) -> dict[str, Any]:
    name = name_text(context.cluster)
    return {"api_version": "", "kind": "Cluster", "namespace": "", "name": name, "uid": "", "field_path": ""}


def _shown(value: Any, masked: Redaction) -> dict[str, str]:
    """Return labels or annotations without their secrets, whose keys may be what tells them."""
    clean, also = redact(mapping(value))
    for path, kind in also.paths.items():
        masked.note(kind, (path,))
    return labels(clean)

"""The dialects, and how an event finds its decoder. A new dialect is one module and one line here."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.events.cloudevent import APISERVER_PREFIX, OBSERVED, CloudEvent
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.events.redaction import Redaction, redact
from shared.events.redaction_patterns import KINDS
from shared.sources import apiserver_resource, kubernetes_event
from shared.sources.context import Context, plausible

Decoder = Callable[[Any, Context], list[Observation] | Rejected]


class Dialect(NamedTuple):
    """One wire form: `recognises` looks at a parsed payload, `decode` reads it."""

    name: str
    recognises: Callable[[Any], bool]
    decode: Decoder


DIALECTS: tuple[Dialect, ...] = (
    Dialect(kubernetes_event.NAME, kubernetes_event.recognises, kubernetes_event.decode),
    Dialect(apiserver_resource.NAME, apiserver_resource.recognises, apiserver_resource.decode),
)

UNKNOWN_CLUSTER = "unknown"


def decode(event: CloudEvent, *, cluster: str, now: datetime) -> list[Observation] | Rejected | Ignored:
    """Turn a producer's CloudEvent into observations.

    The cluster is the event's own `cluster` attribute (set by `ceOverrides`), else `cluster`. Rejected where the event
    is meant for us and cannot be read; Ignored where its type is none of ours.
    """
    named = event.extensions.get("cluster") or cluster or UNKNOWN_CLUSTER
    if event.type == OBSERVED:
        return _observed(event.data)
    if not event.type.startswith(APISERVER_PREFIX):
        return Ignored("not a type that a decoder is registered for")
    mode, _, operation = event.type.removeprefix(APISERVER_PREFIX).partition(".")
    if mode != "resource":
        return Rejected("decode", "ApiServerSource sends references only: set its mode to Resource")
    context = Context(
        cluster=named[:256],
        received=plausible(event.time, now),
        sender=event.source,
        event_id=event.id,
        operation=operation,
    )
    return decode_payload(event.data, context)


def decode_payload(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode a payload by the first dialect that recognises it."""
    for dialect in DIALECTS:
        if dialect.recognises(payload):
            return dialect.decode(payload, context)
    tried = ", ".join(dialect.name for dialect in DIALECTS)
    return Rejected("decode", f"no dialect recognises the payload (tried {tried})")


def _observed(data: Any) -> list[Observation] | Rejected:
    """Read an observation that `intake` made; redacted again, for the sender may not have been ours."""
    clean, masked = redact(data)
    if isinstance(clean, dict) and isinstance(data, dict):
        clean = {**clean, "masked": _kinds(data.get("masked"), masked)}
    try:
        return [Observation.model_validate(clean)]
    except ValidationError:
        return Rejected("decode", "the data is not an observation (schema: observation.json)")


def _kinds(paths: Any, masked: Redaction) -> dict[str, str]:
    """Return what an observation says of its masked values: the paths end in names of secrets, which hold none here."""
    found = paths.items() if isinstance(paths, dict) else ()
    return {masked.text(path): kind for path, kind in found if isinstance(kind, str) and kind in KINDS}

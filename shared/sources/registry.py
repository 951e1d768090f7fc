"""The dialects, and how an event finds its decoder. A new dialect is one module and one line here.

Its module `shared/sources/<name>.py` has `NAME` and `decode(payload, context)`. It is imported when its first payload
comes: a function's start pays for the two dialects of ApiServerSource alone.
"""

import importlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.events.cloudevent import APISERVER_PREFIX, OBSERVED, CloudEvent
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.events.redaction import redact
from shared.sources import apiserver_resource, kubernetes_event
from shared.sources.context import Context, plausible

Decoder = Callable[[Any, Context], list[Observation] | Rejected]


class Dialect(NamedTuple):
    """One wire form: `recognises` looks at a parsed payload, `decode` reads it. Neither ever raises.

    `forms` tell by which members it is known (shared.sources.forms), one line for each of its forms. `types` are those
    of CloudEvents whose data it is, whatever that looks like. `kinds` are the Kubernetes objects, as
    `wgpolicyk8s.io/PolicyReport`, that it reads instead of `apiserver-resource`.
    """

    name: str
    recognises: Callable[[Any], bool]
    decode: Decoder
    forms: tuple[str, ...]
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


def _later(
    name: str, *forms: str, types: tuple[str, ...] = (), kinds: tuple[str, ...] = (), wrapped: bool = False
) -> Dialect:
    """Return a dialect that is told by its forms (or its kinds), and whose module is loaded with its first payload.

    With `wrapped` the forms are those of what a log collector carries, whatever it has put around that.
    """

    def recognises(payload: Any) -> bool:
        from shared.sources.forms import has_form  # nothing that ApiServerSource sends needs it

        if any(has_form(payload, form) for form in forms) or _kind(payload) in kinds:
            return True
        if not wrapped:
            return False
        from shared.sources.wrapped import unwrapped  # nor this

        inner = unwrapped(payload)[0].record
        return inner is not payload and any(has_form(inner, form) for form in forms)

    def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
        module = importlib.import_module(f"shared.sources.{name.replace('-', '_')}")
        read: Decoder = module.decode
        return read(payload, context)

    return Dialect(name, recognises, decode, forms, types, kinds)


def _is_object(payload: Any) -> bool:
    return apiserver_resource.recognises(payload) and (
        payload["kind"] not in _CLAIMED_KINDS or _kind(payload) not in _CLAIMED
    )


def _kind(payload: Any) -> str:
    """Return group and kind of a Kubernetes object, as `wgpolicyk8s.io/PolicyReport`; empty for anything else."""
    if not isinstance(payload, dict) or not apiserver_resource.recognises(payload):
        return ""
    version = payload.get("apiVersion")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    return f"{group}/{payload['kind']}"


DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        kubernetes_event.NAME,
        kubernetes_event.recognises,
        kubernetes_event.decode,
        ("kind=Event involvedObject|regarding", "involvedObject|regarding"),
    ),
    Dialect(apiserver_resource.NAME, _is_object, apiserver_resource.decode, ("kind metadata.name",)),
    _later("event-exporter", "involvedObject clusterName"),
    _later(
        "audit",
        "auditID stage",
        "apiVersion=audit.k8s.io/v1|audit.k8s.io/v1beta1 kind=EventList items",
        wrapped=True,
    ),
)

_CLAIMED = frozenset(kind for dialect in DIALECTS for kind in dialect.kinds)
_CLAIMED_KINDS = frozenset(kind.rpartition("/")[2] for kind in _CLAIMED)
_BY_TYPE = {kind: dialect for dialect in DIALECTS for kind in dialect.types}

UNKNOWN_CLUSTER = "unknown"


def decode(event: CloudEvent, *, cluster: str, now: datetime) -> list[Observation] | Rejected | Ignored:
    """Turn a producer's CloudEvent into observations.

    The cluster is the event's own `cluster` attribute (set by `ceOverrides`), else what the payload names, else
    `cluster`. Rejected where the event is meant for us and cannot be read; Ignored where its type is none of ours.
    """
    if event.type == OBSERVED:
        return _observed(event.data)
    dialect = _BY_TYPE.get(event.type)
    mode, _, operation = event.type.removeprefix(APISERVER_PREFIX).partition(".")
    if dialect is None:
        if not event.type.startswith(APISERVER_PREFIX):
            return Ignored("not a type that a decoder is registered for")
        if mode != "resource":
            return Rejected("decode", "ApiServerSource sends references only: set its mode to Resource")
    named = event.extensions.get("cluster")
    context = Context(
        cluster=(named or cluster or UNKNOWN_CLUSTER)[:256],
        received=plausible(event.time, now),
        sender=event.source,
        event_id=event.id,
        operation=operation if dialect is None else "update",
        named=bool(named),
    )
    return decode_payload(event.data, context) if dialect is None else dialect.decode(event.data, context)


def recognise(payload: Any) -> Dialect | None:
    """Return the dialect of a payload; None where it has none."""
    for dialect in DIALECTS:
        if dialect.recognises(payload):
            return dialect
    return None


def decode_payload(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode a payload by the dialect that recognises it; where none does, say which comes closest."""
    dialect = recognise(payload)
    return _unknown(payload) if dialect is None else dialect.decode(payload, context)


def _unknown(payload: Any) -> Rejected:
    from shared.sources.forms import told_apart  # for what nobody reads, which is rare

    tried = ", ".join(dialect.name for dialect in DIALECTS)
    closest = told_apart(payload, [(dialect.name, form) for dialect in DIALECTS for form in dialect.forms])
    return Rejected("decode", "; ".join(filter(None, (f"no dialect recognises the payload (tried {tried})", closest))))


def _observed(data: Any) -> list[Observation] | Rejected:
    """Read an observation that `intake` made; redacted again, for the sender may not have been ours."""
    clean, _ = redact(data)
    try:
        return [Observation.model_validate(clean)]
    except ValidationError:
        return Rejected("decode", "the data is not an observation (schema: observation.json)")

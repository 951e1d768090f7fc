"""How an event finds its decoder: by its type, or by what its data looks like (shared.sources.dialects)."""

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.events.cloudevent import APISERVER_PREFIX, OBSERVED, UNREAD, CloudEvent
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.events.redaction import redact
from shared.events.redaction_patterns import KINDS
from shared.events.redaction_texts import Redaction
from shared.sources.context import Context, plausible
from shared.sources.dialects import DIALECTS, recognise

_BY_TYPE = {kind: dialect for dialect in DIALECTS for kind in dialect.types}
PRODUCED = frozenset(kind for kind in _BY_TYPE if not kind.startswith(APISERVER_PREFIX))
"""Types of CloudEvents that producers send as their payload; Knative's own and ours come through a broker alone."""

_NOT_READ = (
    ("a line of a log, which is no observation", "log date|stream|kubernetes|time"),
    ("a container's log, which is no observation", "log_type=application|infrastructure message kubernetes"),
)
"""Forms that are known and refused: `closest is ...` says so."""

UNKNOWN_CLUSTER = "unknown"

# Of an observation: names are not masked, by no dialect.
_KEYS = ("identity", "cluster", "fingerprint", "source_uid", "resource_version")
_THINGS = ("object", "owner", "related")
_NAMES = ("api_version", "kind", "namespace", "name", "uid")


def decode(event: CloudEvent, *, cluster: str, now: datetime) -> list[Observation] | Rejected | Ignored:
    """Turn a producer's CloudEvent into observations.

    The cluster is the event's own `cluster` attribute (set by `ceOverrides`), else what the payload names, else
    `cluster`. Rejected where the event is meant for us and cannot be read; Ignored where its type is none of ours.
    """
    if event.type == OBSERVED:
        return _observed(event.data)
    if event.type == UNREAD:
        return _unread(event, cluster, now)
    of_source = event.type.startswith(APISERVER_PREFIX)
    context = _context(event, cluster, now, event.type.rpartition(".")[2] if of_source else "update")
    dialect = _BY_TYPE.get(event.type)
    if dialect is not None:
        return dialect.decode(event.data, context)
    return decode_payload(event.data, context) if of_source else Ignored("not a type that a decoder is registered for")


def _context(event: CloudEvent, cluster: str, now: datetime, operation: str = "update") -> Context:
    named = event.extensions.get("cluster")
    return Context(
        cluster=(named or cluster or UNKNOWN_CLUSTER)[:256],
        received=plausible(event.time, now),
        sender=event.source,
        event_id=event.id,
        operation=operation,
        named=bool(named),
    )


def decode_payload(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode a payload by the dialect that recognises it; where none does, say which comes closest."""
    dialect = recognise(payload)
    return _unknown(payload) if dialect is None else dialect.decode(payload, context)


def _unknown(payload: Any) -> Rejected:
    from shared.sources.forms import told_apart  # for what nobody reads, which is rare

    tried = ", ".join(dialect.name for dialect in DIALECTS)
    read = ((dialect.name, form) for dialect in DIALECTS for form in dialect.forms)
    closest = told_apart(payload, [*_NOT_READ, *read])
    return Rejected("decode", "; ".join(filter(None, (f"no dialect recognises the payload (tried {tried})", closest))))


def _unread(event: CloudEvent, cluster: str, now: datetime) -> list[Observation] | Rejected:
    """Read what `intake` could not, where somebody has taught it to us since."""
    from shared.sources.unread import refusal_of  # for what nobody reads, which is rare

    payload = event.data.get("payload") if isinstance(event.data, dict) else None
    found = decode_payload(payload, _context(event, cluster, now))
    return refusal_of(event.data, found) if isinstance(found, Rejected) else found


def _observed(data: Any) -> list[Observation] | Rejected:
    """Read an observation that `intake` made; redacted again, for the sender may not have been ours."""
    clean, masked = redact(data)
    if isinstance(clean, dict) and isinstance(data, dict):
        named = _naming(data, clean) if masked.kinds else {}
        clean = {**clean, **named, "masked": _kinds(data.get("masked"), masked)}
    try:
        return [Observation.model_validate(clean)]
    except ValidationError:
        return Rejected("decode", "the data is not an observation (schema: observation.json)")


def _naming(data: dict[str, Any], clean: dict[str, Any]) -> dict[str, Any]:
    """Return what says which thing it is, as it came: the same thing has the same keys by whatever way it comes."""
    found = {key: data[key] for key in _KEYS if key in data}
    for key in _THINGS:
        thing, shown = data.get(key), clean.get(key)
        if isinstance(thing, dict) and isinstance(shown, dict):
            found[key] = {**shown, **{name: thing[name] for name in _NAMES if name in thing}}
    return found


def _kinds(paths: Any, masked: Redaction) -> dict[str, str]:
    """Return what an observation says of its masked values: the paths end in names of secrets, which hold none here."""
    found = paths.items() if isinstance(paths, dict) else ()
    return {masked.text(path): kind for path, kind in found if isinstance(kind, str) and kind in KINDS}

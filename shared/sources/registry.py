"""The dialects, and how an event finds its decoder. A new dialect is one module and one line here.

Its module `shared/sources/<name>.py` has `NAME` and `decode(payload, context)`. It is imported when its first payload
comes: a function's start pays for the two dialects of ApiServerSource alone.
"""

import importlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.events.cloudevent import APISERVER_PREFIX, OBSERVED, UNREAD, CloudEvent
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.events.redaction import redact
from shared.events.redaction_patterns import KINDS
from shared.events.redaction_texts import Redaction
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


_AROUND = frozenset({"body", "log", "message", "resourceLogs"})
"""Members in which collectors carry what others wrote (shared.sources.wrapped); most payloads have none of them."""


def _later(
    name: str, *forms: str, types: tuple[str, ...] = (), kinds: tuple[str, ...] = (), wrapped: bool = False
) -> Dialect:
    """Return a dialect that is told by its forms (or its kinds), and whose module is loaded with its first payload.

    With `wrapped` the forms are those of what a log collector carries, whatever it has put around that.
    """
    bare_kinds = tuple({kind.rpartition("/")[2] for kind in kinds})  # no set: a payload's `kind` may be anything

    def recognises(payload: Any) -> bool:
        from shared.sources.forms import has_form, members_of  # nothing that ApiServerSource sends needs them

        if not isinstance(payload, dict):
            return False
        if not payload.keys().isdisjoint(members_of(forms)) and any(has_form(payload, form) for form in forms):
            return True
        if bare_kinds and payload.get("kind") in bare_kinds and _kind(payload) in kinds:
            return True
        if not wrapped or payload.keys().isdisjoint(_AROUND):
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
    _later(
        "apiserver-reference",
        "kind name apiVersion !metadata",
        types=tuple(f"{APISERVER_PREFIX}ref.{verb}" for verb in ("add", "update", "delete")),
    ),
    _later("event-exporter", "involvedObject clusterName"),
    _later("falco", "rule priority output_fields", "rule priority time", types=("falco.rule.output.v1",), wrapped=True),
    _later(
        "gatekeeper",
        "eventType resourceKind name",
        "id message=audit+is+started|audit+is+completed",
        types=("com.dapr.event.sent",),
    ),
    _later(
        "kyverno",
        "policy resource status",
        "event=heartbeat time",
        kinds=(
            "wgpolicyk8s.io/PolicyReport",
            "wgpolicyk8s.io/ClusterPolicyReport",
            "openreports.io/Report",
            "openreports.io/ClusterReport",
        ),
    ),
    _later(
        "hubble",
        "flow node_name|time",
        "verdict IP",
        "lost_events|agent_event|debug_event|node_status node_name",
        wrapped=True,
    ),
    _later("acs", "alert.policy", "audit.request audit.interaction|audit.status", "networkpolicy.yaml"),
    _later(
        "trivy",
        kinds=(
            "aquasecurity.github.io/VulnerabilityReport",
            "aquasecurity.github.io/ClusterVulnerabilityReport",
            "aquasecurity.github.io/ExposedSecretReport",
            "aquasecurity.github.io/ConfigAuditReport",
            "aquasecurity.github.io/ClusterConfigAuditReport",
            "aquasecurity.github.io/InfraAssessmentReport",
            "aquasecurity.github.io/ClusterInfraAssessmentReport",
            "aquasecurity.github.io/RbacAssessmentReport",
            "aquasecurity.github.io/ClusterRbacAssessmentReport",
        ),
    ),
    _later("quay", kinds=("secscan.quay.redhat.com/ImageManifestVuln",)),
    _later("kubewatch", "eventmeta.kind eventmeta.name", types=("KUBERNETES_TOPOLOGY_CHANGE",)),
    _later("botkube", "meta.kind meta.name status.type", "source data timeStamp"),
    _later("fluent-bit", "date involvedObject|regarding"),
    _later(
        "eventrouter",
        "verb event.involvedObject|event.regarding",
        "kubernetes.event.involvedObject|kubernetes.event.regarding",
        wrapped=True,
    ),
    _later("k8sobjects", "type=ADDED|MODIFIED|DELETED object.metadata", "body.kvlistValue", wrapped=True),
    _later(
        "cluster-logging",
        "log_type=audit log_source=ovn|auditd",
        "log_type=audit audit.linux",
        "log_type=infrastructure log_source=node",
        "log_type=infrastructure systemd",
    ),
    _later("alertmanager", "alerts groupKey"),
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

"""The dialects: by which form each is told, and its decoder. A new dialect is one module and one line here.

Its module `shared/sources/<name>.py` has `NAME` and `decode(payload, context)`. It is imported when its first payload
comes: a function's start pays for the two dialects of ApiServerSource alone.
"""

import importlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from shared.events.cloudevent import APISERVER_PREFIX
from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources import apiserver_resource, kubernetes_event
from shared.sources.context import Context

_COMBINATIONS = 512  # of members: there are a few of each dialect, and whoever makes up others takes no memory

Decoder = Callable[[Any, Context], list[Observation] | Rejected]


class Dialect(NamedTuple):
    """One wire form: `recognises` looks at a parsed payload, `decode` reads it. Neither ever raises.

    `forms` tell by which members it is known (shared.sources.forms), one line for each of its forms. `types` are those
    of CloudEvents whose data it is, whatever that looks like. `kinds` are the Kubernetes objects, as
    `wgpolicyk8s.io/PolicyReport`, that it reads instead of `apiserver-resource`. With `wrapped` the forms are those of
    what a log collector carries, whatever it has put around that.
    """

    name: str
    recognises: Callable[[Any], bool]
    decode: Decoder
    forms: tuple[str, ...]
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    wrapped: bool = False


_AROUND = frozenset({"body", "log", "message", "resourceLogs"})
"""Members in which collectors carry what others wrote (shared.sources.wrapped); most payloads have none of them."""


def _later(
    name: str, *forms: str, types: tuple[str, ...] = (), kinds: tuple[str, ...] = (), wrapped: bool = False
) -> Dialect:
    """Return a dialect that is told by its forms (or its kinds), and whose module is loaded with its first payload."""
    bare_kinds = tuple({kind.rpartition("/")[2] for kind in kinds})  # no set: a payload's `kind` may be anything

    def recognises(payload: Any) -> bool:
        if not isinstance(payload, dict):
            return False
        if bare_kinds and payload.get("kind") in bare_kinds and _kind(payload) in kinds:
            return True
        if not forms:
            return False
        from shared.sources.forms import has_form  # nothing that ApiServerSource sends needs it

        for form in forms:
            if has_form(payload, form):
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

    return Dialect(name, recognises, decode, forms, types, kinds, wrapped)


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

_OF_SOURCES, _OF_OTHERS = DIALECTS[:2], DIALECTS[2:]  # what ApiServerSource sends is known without the forms

_CLAIMED = frozenset(kind for dialect in DIALECTS for kind in dialect.kinds)
_CLAIMED_KINDS = frozenset(kind.rpartition("/")[2] for kind in _CLAIMED)


def recognise(payload: Any) -> Dialect | None:
    """Return the dialect of a payload; None where it has none."""
    for dialect in _OF_SOURCES:
        if dialect.recognises(payload):
            return dialect
    if isinstance(payload, dict):
        for dialect in _told_by(frozenset(payload.keys() & _telling())):
            if dialect.recognises(payload):
                return dialect
    return None


@lru_cache(_COMBINATIONS)
def _told_by(members: frozenset[str]) -> tuple[Dialect, ...]:
    """Return the dialects that may recognise a payload of which these members tell something: a few of many."""
    return tuple(dialect for dialect in _OF_OTHERS if not members.isdisjoint(_members(dialect)))


@cache
def _telling() -> frozenset[str]:
    return frozenset().union(*map(_members, _OF_OTHERS))


def _members(dialect: Dialect) -> frozenset[str]:
    """Return top-level members of which a payload has one if the dialect recognises it."""
    from shared.sources.forms import members_of  # nothing that ApiServerSource sends needs it

    around, kind = _AROUND if dialect.wrapped else (), ("kind",) if dialect.kinds else ()
    return frozenset().union(around, kind, *map(members_of, dialect.forms))

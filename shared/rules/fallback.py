"""What becomes of an observation that no rule names: type, kind and words decide, and the verdict says so.

The tables below are meant to be read: the first row whose words are found wins.
"""

from functools import lru_cache
from typing import NamedTuple

from shared.events.model import Observation
from shared.events.vocabulary import Category, Phase, Severity, Subcategory
from shared.rules.regex import PatternSet
from shared.rules.ruleset import Rule

Place = tuple[Category, Subcategory]


class Words(NamedTuple):
    """A row: what it is called, the words as an RE2 pattern, how grave, and where it belongs (None: as the kind)."""

    name: str
    pattern: str
    severity: Severity
    place: Place | None
    why: str


_ROWS: tuple[Words, ...] = (
    Words("no-space", r"no space left|disk (?:is )?full|out of disk|diskpressure", "high",
          ("infrastructure", "storage"), "its words say that a disk is full"),
    Words("out-of-memory", r"\boom|out of memory|memory pressure", "high", None, "its words say that memory ran out"),
    Words("cannot-pull", r"errimage|imagepull|(?:pull|fetch)(?:ing)? image|manifest unknown", "medium",
          ("infrastructure", "pod"), "its words say that an image cannot be pulled"),
    Words("quota-exceeded", r"exceeded quota|quota exceeded|limitrange|exceeds? (?:the )?(?:quota|limit)", "medium",
          ("admission", "quota"), "its words say that a quota or limit is reached"),
    Words("denied-by-webhook", r"admission webhook|denied the request|policy ?violation|violates", "medium",
          ("admission", "policy"), "its words say that a policy refused it"),
    Words("certificate-expired", r"certificate (?:has )?expired|x509|certificate .*(?:invalid|unknown)|tls handshake",
          "high", ("security", "certificate"), "its words say that a certificate is not valid"),
    Words("forbidden", r"\bforbidden\b|not (?:allowed|permitted)|permission denied|access denied", "medium",
          ("security", "rbac"), "its words say that a right is missing"),
    Words("unauthorized", r"unauthori[sz]ed|authentication|invalid (?:token|credential|password)|login failed",
          "medium", ("security", "authentication"), "its words say that someone could not prove who they are"),
    Words("evicted", r"evict|preempt", "medium", None, "its words say that something was evicted"),
    Words("unreachable", r"refused|unreachable|no route|timed? ?-?out|deadline exceeded|no such host|reset by peer",
          "medium", None, "its words say that something did not answer"),
    Words("unhealthy", r"unhealthy|degraded|unavailable|not ?ready|crash|panic|fatal", "medium", None,
          "its words say that something is not healthy"),
    Words("failed", r"fail|error|cannot|could not|unable|invalid|conflict|denied|rejected|lost|missing|not ?found"
          r"|exceeded|expired|corrupt|stuck|stalled|killed|abort", "low", None, "its words say that something failed"),
)  # fmt: skip

_KINDS: dict[str, Place] = {
    "Node": ("infrastructure", "node"),
    "Machine": ("infrastructure", "node"),
    "MachineSet": ("infrastructure", "node"),
    "MachineConfigPool": ("infrastructure", "node"),
    "BareMetalHost": ("infrastructure", "node"),
    "Pod": ("infrastructure", "pod"),
    "PersistentVolume": ("infrastructure", "storage"),
    "PersistentVolumeClaim": ("infrastructure", "storage"),
    "StorageClass": ("infrastructure", "storage"),
    "VolumeAttachment": ("infrastructure", "storage"),
    "VolumeSnapshot": ("infrastructure", "storage"),
    "Service": ("infrastructure", "network"),
    "Endpoints": ("infrastructure", "network"),
    "EndpointSlice": ("infrastructure", "network"),
    "Ingress": ("infrastructure", "network"),
    "IngressController": ("infrastructure", "network"),
    "Route": ("infrastructure", "network"),
    "Gateway": ("infrastructure", "network"),
    "VirtualMachine": ("infrastructure", "virtualization"),
    "VirtualMachineInstance": ("infrastructure", "virtualization"),
    "VirtualMachineInstanceMigration": ("infrastructure", "virtualization"),
    "DataVolume": ("infrastructure", "virtualization"),
    "ClusterOperator": ("infrastructure", "control-plane"),
    "ClusterVersion": ("infrastructure", "control-plane"),
    "Lease": ("infrastructure", "control-plane"),
    "Role": ("security", "rbac"),
    "RoleBinding": ("security", "rbac"),
    "ClusterRole": ("security", "rbac"),
    "ClusterRoleBinding": ("security", "rbac"),
    "ServiceAccount": ("security", "authentication"),
    "OAuth": ("security", "authentication"),
    "User": ("security", "authentication"),
    "SecurityContextConstraints": ("security", "pod-security"),
    "ImageStream": ("security", "image"),
    "NetworkPolicy": ("security", "network-policy"),
    "AdminNetworkPolicy": ("security", "network-policy"),
    "EgressFirewall": ("security", "network-policy"),
    "Certificate": ("security", "certificate"),
    "CertificateRequest": ("security", "certificate"),
    "CertificateSigningRequest": ("security", "certificate"),
    "Issuer": ("security", "certificate"),
    "ClusterIssuer": ("security", "certificate"),
    "ValidatingWebhookConfiguration": ("admission", "validating-webhook"),
    "MutatingWebhookConfiguration": ("admission", "mutating-webhook"),
    "ResourceQuota": ("admission", "quota"),
    "LimitRange": ("admission", "limitrange"),
    "ValidatingAdmissionPolicy": ("admission", "policy"),
    "ClusterPolicy": ("admission", "policy"),
    "Policy": ("admission", "policy"),
}
_ELSEWHERE: Place = ("infrastructure", "workload")  # Deployments, Jobs, custom resources of all sorts
_EXPIRES = 3600
# Normal events speak of failures that are over or expected: such words alone are no problem.
_HARMLESS_WHEN_NORMAL = frozenset({"failed", "unhealthy", "evicted"})
IMPLICIT = frozenset({"object-added", "object-updated", "object-deleted"})
_OBJECT_WHY = {
    "add": "An object appeared; no rule says that this matters.",
    "update": "An object changed; no rule says that this matters.",
    "delete": "The object is gone, and every problem of it with it.",
}


NAMES = IMPLICIT | {"unknown-warning", "unknown-information"} | {f"unknown-{row.name}" for row in _ROWS}
"""Every rule name that a verdict can have without any rule file."""


_SET = PatternSet(f"(?i){row.pattern}" for row in _ROWS)


def rule_for(observation: Observation) -> Rule:
    """Return the rule that the observation's type, kind and words stand for."""
    kind = observation.object.kind
    place = _KINDS.get(kind, _ELSEWHERE)
    if not observation.reason and observation.operation != "event":
        return _object_rule(observation, place)
    return _unknown(observation, place)


def why(rule: Rule, observation: Observation) -> str:
    """Return the reason of a verdict that no rule of a pack gave."""
    if rule.name in IMPLICIT:
        return rule.why
    reason = observation.reason
    return f'No rule names the reason "{reason[:80]}"; {rule.why}.' if reason else f"No rule names it; {rule.why}."


def _object_rule(observation: Observation, place: Place) -> Rule:
    operation = observation.operation
    name = {"add": "object-added", "update": "object-updated", "delete": "object-deleted"}[operation]
    return _rule(name, place, "info", "recovery" if operation == "delete" else "change", _OBJECT_WHY[operation])


def _unknown(observation: Observation, place: Place) -> Rule:
    found = _SET.search(f"{observation.reason} {observation.message}")
    warning = observation.type == "Warning"
    if not found:
        if warning:
            return _rule("unknown-warning", place, "low", "problem", "it is a Warning without telling words")
        return _rule("unknown-information", place, "info", "info", "it is no Warning and has no words of trouble")
    row = _ROWS[min(found)]
    if not warning and row.name in _HARMLESS_WHEN_NORMAL:
        return _rule(f"unknown-{row.name}", row.place or place, "low", "info", f"{row.why}, yet it is no Warning")
    return _rule(f"unknown-{row.name}", row.place or place, row.severity, "problem", row.why)


@lru_cache(maxsize=1024)
def _rule(name: str, place: Place, severity: Severity, phase: Phase, why: str) -> Rule:
    problem = phase == "problem"
    verb = name.removeprefix("object-") if name in IMPLICIT else ""
    return Rule(
        name=name,
        pack="unknown",
        source="fallback",
        own=False,
        priority=0,
        score=0,
        length=0,
        match=(),
        category=place[0],
        subcategory=place[1],
        severity=severity,
        phase=phase,
        condition=name if problem else "",
        part=("field", "reason") if problem else (),
        ended_by=(),
        ticket_after={"high": 1, "medium": 3}.get(severity, 0) if problem else 0,
        hold=0,
        expires=_EXPIRES if problem else 0,
        summary=("", "kind", " ", "name", f" {verb}") if verb else ("", "kind", " ", "name", ": ", "reason", ""),
        why=why,
        runbook="",
    )

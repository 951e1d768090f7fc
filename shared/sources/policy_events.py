"""Events of policy engines are about the resource that breaks a policy, wherever the engine files them.

Gatekeeper files its Events in its own namespace (reference/inputs.md §1.6), Kyverno one of two on the policy (§1.7).
Here they get the thing that they tell of; the policy becomes what is related to it.
"""

import re
from collections.abc import Mapping
from typing import Any

from shared.events.model import ObjectRef, Observation
from shared.events.redaction_texts import redact_text
from shared.sources.context import mapping, name_text

GATEKEEPER = frozenset({"gatekeeper-webhook", "gatekeeper-audit"})
_UID_PARTS = 6  # Kind/namespace/name/ConstraintKind/constraint namespace/constraint name
_NAMESPACE = re.compile(r"Resource Namespace: ([^,]*), Constraint: ")
_CONSTRAINT = re.compile(r"Constraint: ([^,]+), Message: ")
# `Pod shop/web: [check-image] fail (blocked); validation error: …`
_ON_POLICY = re.compile(
    r"^(?:\(combined from similar events\): )?\S+ \S+: \[(?P<rule>[^\]]+)\] (?P<result>fail(?: \(blocked\))?)(?:; ?|$)"
)


def about_resource(seen: Observation, event: Mapping[str, Any]) -> Observation:
    """Return what a policy engine's Event says with the resource as its thing; unchanged where none is told."""
    found = _gatekeeper(seen, event) if seen.component in GATEKEEPER else _kyverno(seen)
    return seen.model_copy(update=found) if found else seen


def _gatekeeper(seen: Observation, event: Mapping[str, Any]) -> dict[str, Any]:
    """Read the annotations; of aggregated Events, which have lost them, the uid; else the message."""
    noted = mapping(mapping(event.get("metadata")).get("annotations"))
    if name_text(noted.get("resource_name")):
        return {"object": _noted(noted, "resource"), "related": _noted(noted, "constraint")}
    parts = seen.object.uid.split("/")
    if len(parts) == _UID_PARTS and all(map(str.isprintable, parts)) and parts[2]:
        thing, constraint = parts[:3], parts[3:]
        return {"object": _named(thing), "related": _named(constraint)}
    told: dict[str, Any] = {}
    namespace, policy = _NAMESPACE.search(seen.message), _CONSTRAINT.search(seen.message)
    if namespace:
        told["object"] = seen.object.model_copy(update={"namespace": name_text(namespace[1])})
    if policy and seen.related is None:
        told["related"] = ObjectRef(name=name_text(policy[1]))
    return told


def _named(parts: list[str]) -> ObjectRef:
    return ObjectRef(kind=parts[0], namespace=parts[1], name=parts[2])


def _noted(noted: Mapping[str, Any], what: str) -> ObjectRef:
    group, version = name_text(noted.get(f"{what}_group")), name_text(noted.get(f"{what}_api_version"))
    return ObjectRef(
        api_version=f"{group}/{version}" if group and version else version,
        kind=name_text(noted.get(f"{what}_kind")),
        namespace=name_text(noted.get(f"{what}_namespace")),
        name=name_text(noted.get(f"{what}_name")),
    )


def _kyverno(seen: Observation) -> dict[str, Any]:
    """Turn the violation that is told on the policy, and say it as the one on the resource does: they are one."""
    found = _ON_POLICY.match(seen.message) if seen.reason == "PolicyViolation" else None
    if found is None or seen.related is None or not seen.related.name:
        return {}
    said = seen.message[found.end() :]
    policy = redact_text(seen.object.name)  # names are kept as they are, messages are not
    message = f"policy {policy}/{found['rule']} {found['result']}: {said}"
    return {"object": seen.related, "related": seen.object, "message": message}

"""Dialect `acs`: the generic webhook of Red Hat Advanced Cluster Security / StackRox (reference/inputs.md §1.11).

It posts `{"alert": {…}}`, `{"audit": {…}}` or `{"networkpolicy": {…}}`, beside fields that were configured. Members
that hold their type's zero value are left out, as protocol buffers' JSON does: an alert without `state` is ACTIVE.
"""

from collections.abc import Mapping
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, name_text
from shared.sources.observed import Told, observed

NAME = "acs"

_STATES = frozenset({"ACTIVE", "SNOOZED", "RESOLVED", "ATTEMPTED"})
_RESOURCES = {
    "SECRETS": "Secret",
    "CONFIGMAPS": "ConfigMap",
    "CLUSTER_ROLES": "ClusterRole",
    "CLUSTER_ROLE_BINDINGS": "ClusterRoleBinding",
    "NETWORK_POLICIES": "NetworkPolicy",
    "SECURITY_CONTEXT_CONSTRAINTS": "SecurityContextConstraints",
    "EGRESS_FIREWALLS": "EgressFirewall",
}
_MAX_VIOLATIONS = 5


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one notification into one observation."""
    sent = mapping(payload)
    for member, read in _READERS.items():
        found = mapping(sent.get(member))
        if found:
            return read(sent, found, context)
    return Rejected("decode", "a notification of ACS must hold an alert, an audit message or a network policy")


def _alert(payload: Mapping[str, Any], alert: Mapping[str, Any], context: Context) -> list[Observation] | Rejected:
    policy = mapping(alert.get("policy"))
    name = name_text(policy.get("name"))
    if not name:
        return Rejected("decode", "an alert of ACS must name its policy")
    deployment, resource = mapping(alert.get("deployment")), mapping(alert.get("resource"))
    state = name_text(alert.get("state"))
    state = state if state in _STATES else "ACTIVE"
    cluster = alert.get("clusterName") or deployment.get("clusterName") or resource.get("clusterName")
    alert_id = name_text(alert.get("id"))
    told = Told(
        thing=_entity(alert, deployment, resource),
        # A runtime alert is sent again with a later time when it goes on; what is tried again has the same.
        identity=(alert_id, state, name_text(alert.get("time"))) if alert_id else (),
        reason=name,
        message=_violations(alert) or policy.get("description") or name,
        type=policy.get("severity"),
        component=NAME,
        action=state,
        time=first_time(alert.get("resolvedAt") if state == "RESOLVED" else None, alert.get("time")),
        first_time=first_time(alert.get("firstOccurred")),
        source_uid=alert_id,
        labels=deployment.get("labels"),
        annotations=deployment.get("annotations"),
    )
    return [observed(NAME, context.of_cluster(cluster), payload, told)]


def _entity(alert: Mapping[str, Any], deployment: Mapping[str, Any], resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an alert is on: a workload, an object, an image or a node; nothing, which is the cluster."""
    namespace = alert.get("namespace")
    if deployment:
        kind = name_text(deployment.get("type")) or "Deployment"
        where = deployment.get("namespace") or namespace
        return {"kind": kind, "namespace": where, "name": deployment.get("name"), "uid": deployment.get("id")}
    if resource:
        told = name_text(resource.get("resourceType"))
        where = resource.get("namespace") or namespace
        return {"kind": _RESOURCES.get(told, told), "namespace": where, "name": resource.get("name")}
    image, node = mapping(alert.get("image")), mapping(alert.get("node"))
    if image:
        return {"kind": "Image", "name": mapping(image.get("name")).get("fullName") or image.get("id")}
    return {"apiVersion": "v1", "kind": "Node", "name": node.get("name")} if node else {}


def _violations(alert: Mapping[str, Any]) -> str:
    """Return what was found, the first few of it."""
    found = alert.get("violations")
    process = mapping(alert.get("processViolation")).get("message")
    said = [mapping(item).get("message") for item in found] if isinstance(found, list) else []
    texts = [item for item in [process, *said] if isinstance(item, str) and item]
    more = f"; and {len(texts) - _MAX_VIOLATIONS} more" if len(texts) > _MAX_VIOLATIONS else ""
    return "; ".join(texts[:_MAX_VIOLATIONS]) + more


def _audit(payload: Mapping[str, Any], audit: Mapping[str, Any], context: Context) -> list[Observation] | Rejected:
    """Read who did what in ACS itself. It is about ACS, whose clusters are many: so about the receiver's own."""
    user, request = mapping(audit.get("user")), mapping(audit.get("request"))
    who = name_text(user.get("username")) or name_text(user.get("friendlyName")) or "somebody"
    did, where = name_text(audit.get("interaction")) or "UNKNOWN_INTERACTION", name_text(request.get("endpoint"))
    status, time = name_text(audit.get("status")), name_text(audit.get("time"))
    told = Told(
        thing={},
        identity=(time, who, did, where, name_text(request.get("method")), status) if time else (),
        reason=f"ACS {did}",
        message=f"{who}: {did} {where}: {status}",
        type=status,
        component=NAME,
        action="AUDIT",
        time=first_time(audit.get("time")),
    )
    return [observed(NAME, context, payload, told)]


def _network_policy(payload: Mapping[str, Any], told: Mapping[str, Any], context: Context) -> list[Observation]:
    """Read that ACS proposes a network policy; its text stays in the original."""
    message = "ACS generated a network policy to be looked at and applied"
    found = Told(thing={}, reason="NetworkPolicyGenerated", message=message, component=NAME, action="NETWORK_POLICY")
    return [observed(NAME, context.of_cluster(told.get("cluster")), payload, found)]


_READERS = {"alert": _alert, "audit": _audit, "networkpolicy": _network_policy}

"""Dialect `cluster-logging`: what OpenShift's ClusterLogForwarder sends besides audit records of the API servers.

Packets that a network policy dropped (OVN's log of its access lists), the audit log of the nodes (auditd), and their
journal, each as ViaQ's collector writes it (reference/inputs.md §1.8).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, message_text, text
from shared.sources.observed import Told, observed
from shared.sources.wrapped import unwrapped

NAME = "cluster-logging"
# `name="NP:shop:deny-all:Ingress", verdict=drop`, before OpenShift 4.14 `name="shop_deny-all", verdict=drop`.
_ACL = re.compile(r'name="?(?P<name>[^",]*)"?, verdict=(?P<verdict>[a-z-]{1,20})')
_CLUSTER_WIDE = frozenset({"ANP", "BANP"})  # policies of administrators, which have no namespace
_AUDITD = re.compile(r"\bmsg=audit\((?P<seconds>\d{1,10})\.(?P<milliseconds>\d{3}):")
_RESULT = re.compile(r"\bres=(?P<result>failed|success|0|1)\b")
_RESULTS = {"0": "failed", "1": "success"}


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one record of a log."""
    record = mapping(payload)
    context = context.of_cluster(unwrapped(payload)[0].cluster)
    source = text(record.get("log_source"))
    if source == "ovn":
        return [_packet(record, context)]
    if source == "auditd" or "audit.linux" in record:
        return [_host_audit(record, context)]
    if source == "node" or "systemd" in record:
        return [_journal(record, context)]
    return Rejected("decode", "it must be of OVN, of auditd, or of a node's journal")


def _packet(record: Mapping[str, Any], context: Context) -> Observation:
    """Decode what became of a packet, about the namespace of the policy that decided."""
    found = _ACL.search(message_text(record.get("message")))
    namespace, policy = _policy(found["name"]) if found else ("", "")
    thing = {"kind": "Namespace", "name": namespace} if namespace else None
    kind = "NetworkPolicy" if namespace else "AdminNetworkPolicy"
    told = _told(record, thing, f"Acl{found['verdict'].title()}" if found else "Acl", "ovn")
    related = {"kind": kind, "namespace": namespace, "name": policy} if policy else None
    return observed(NAME, context, record, told._replace(related=related))


def _policy(name: str) -> tuple[str, str]:
    """Return namespace and name of the policy that an access list is of; empty where it has none."""
    kind, colon, rest = name.partition(":")
    if not colon:
        namespace, _, policy = name.partition("_")
        return namespace, policy
    first, _, rest = rest.partition(":")
    return ("", first) if kind in _CLUSTER_WIDE else (first, rest.partition(":")[0])


def _host_audit(record: Mapping[str, Any], context: Context) -> Observation:
    """Decode a record of a node's auditd; its type is the reason, its result the action."""
    message = message_text(record.get("message"))
    found, result = _AUDITD.search(message), _RESULT.search(message)
    told = _told(record, _node(record), mapping(record.get("audit.linux")).get("type"), "auditd")
    if found:
        time = datetime.fromtimestamp(int(found["seconds"]), UTC)
        told = told._replace(time=time.replace(microsecond=1000 * int(found["milliseconds"])))
    action = _RESULTS.get(result["result"], result["result"]) if result else ""
    return observed(NAME, context, record, told._replace(action=action))


def _journal(record: Mapping[str, Any], context: Context) -> Observation:
    systemd = mapping(record.get("systemd"))
    unit = text(mapping(systemd.get("t")).get("SYSTEMD_UNIT")).removesuffix(".service")
    unit = unit or text(mapping(systemd.get("u")).get("SYSLOG_IDENTIFIER"))
    return observed(NAME, context, record, _told(record, _node(record), "", unit))


def _node(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "Node", "name": record.get("hostname")}


def _told(record: Mapping[str, Any], thing: dict[str, Any] | None, reason: Any, component: str) -> Told:
    """Return what all of them tell; the collector sends a line again that was not taken, with the same time."""
    at, message = record.get("@timestamp") or record.get("timestamp"), record.get("message")
    return Told(
        thing=thing,
        identity=(record.get("hostname"), at, message) if at and message else (),
        reason=reason,
        message=message,
        component=component,
        host=record.get("hostname"),
        time=first_time(at),
    )

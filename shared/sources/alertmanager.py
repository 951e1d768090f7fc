"""Dialect `alertmanager`: a notification of Prometheus' Alertmanager, webhook version 4 (its docs, `webhook_config`).

Each alert is an observation. `type` says whether it is `firing` or `resolved`, `reason` which alert it is, and
`original.fingerprint` which set of labels: what fires and what is resolved are the same problem by it.
"""

from collections.abc import Mapping
from typing import Any

from shared.events.identity import digest
from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, at_most, mapping, text
from shared.sources.observed import Told, go_time, observed

NAME = "alertmanager"

# Which label names the thing, the most telling first: what exports metrics of an object adds its own pod and service.
_SUBJECTS = (
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("persistentvolume", "PersistentVolume"),
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("replicaset", "ReplicaSet"),
    ("job_name", "Job"),
    ("cronjob", "CronJob"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("poddisruptionbudget", "PodDisruptionBudget"),
    ("resourcequota", "ResourceQuota"),
    ("vmi", "VirtualMachineInstance"),
    ("pod", "Pod"),
    ("node", "Node"),
    ("ingress", "Ingress"),
    ("service", "Service"),
    ("namespace", "Namespace"),
)
_OF_NODES = ("KubeNode", "Kubelet", "Node", "MCD")  # alerts whose pod is that of an exporter
_OF_NO_NAMESPACE = frozenset({"PersistentVolume", "Node", "Namespace"})
_OF_OPERATORS = {"ClusterOperator": "ClusterOperator", "ClusterVersion": "ClusterVersion"}


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode the alerts of one notification."""
    found = mapping(payload)
    listed = found.get("alerts")
    alerts = at_most(listed) if isinstance(listed, list) else []
    if isinstance(alerts, Rejected):
        return alerts
    if not alerts or not all(isinstance(alert, dict) for alert in alerts):
        return Rejected("decode", "a notification must hold a list of alerts")
    return [_alert(alert, text(found.get("status")), context) for alert in alerts]


def _alert(alert: Mapping[str, Any], status: str, context: Context) -> Observation:
    labels, annotations = mapping(alert.get("labels")), mapping(alert.get("annotations"))
    context = context.of_cluster(labels.get("cluster") or labels.get("managed_cluster"))
    status = text(alert.get("status")) or status
    fingerprint = text(alert.get("fingerprint")) or digest(*map(str, sorted(labels.items(), key=str)))
    began, ended = go_time(alert.get("startsAt")), go_time(alert.get("endsAt"))
    told = Told(
        thing=_subject(labels),
        # The same alert is sent again and again while it lasts; it is a new one when it begins anew.
        identity=(fingerprint, began, status) if began else (),
        reason=labels.get("alertname"),
        message=annotations.get("description") or annotations.get("message") or annotations.get("summary"),
        type=status,
        component=NAME,
        host=labels.get("node"),
        time=(ended if status == "resolved" else None) or began,
        first_time=began,
        labels=labels,
        annotations=annotations,
    )
    return observed(NAME, context, {**alert, "fingerprint": fingerprint}, told)


def _subject(labels: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what an alert is about, as a reference; None for the cluster as a whole."""
    alert = text(labels.get("alertname"))
    for prefix, kind in _OF_OPERATORS.items():
        if alert.startswith(prefix) and text(labels.get("name")):
            return {"kind": kind, "name": labels["name"]}
    if alert.startswith(_OF_NODES):
        node = _named(labels, "node") or _host(labels)
        if node:
            return {"kind": "Node", "name": node}
    for label, kind in _SUBJECTS:
        name = _named(labels, label)
        if name:
            namespace = "" if kind in _OF_NO_NAMESPACE else _named(labels, "namespace")
            container = _named(labels, "container") if kind == "Pod" else ""
            path = f"spec.containers{{{container}}}" if container else ""
            return {"kind": kind, "namespace": namespace, "name": name, "fieldPath": path}
    return None


def _named(labels: Mapping[str, Any], label: str) -> str:
    """Return the value of a label; where the exporter's own one took its place, of the one that it was renamed to."""
    return text(labels.get(f"exported_{label}")) or text(labels.get(label))


def _host(labels: Mapping[str, Any]) -> str:
    """Return the instance that was asked, without its port: node exporters run on the node that they tell of."""
    return text(labels.get("instance")).rpartition(":")[0] or text(labels.get("instance"))

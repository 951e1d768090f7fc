"""The wire form of ApiServerSource in Resource mode: whole objects in CloudEvents (shared/local/recorded/wire.py).

Made for speed: bodies are plain dicts that share what does not change, and time is written once a second.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shared.events.cloudevent import APISERVER_PREFIX, CloudEvent

Body = dict[str, Any]
CLUSTER = "prod-eu1"
SOURCE = "https://10.40.0.1:6443"
SENT = frozenset(
    {
        *("Event", "Pod", "PersistentVolumeClaim", "ResourceQuota", "Deployment", "StatefulSet", "DaemonSet", "Job"),
        *("NetworkPolicy", "Node", "Namespace", "PersistentVolume", "ClusterRoleBinding"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    }
)
"""The kinds that knative/base watches: of all others only Events are sent."""
API_VERSIONS = {
    "CronJob": "batch/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Job": "batch/v1",
    "Lease": "coordination.k8s.io/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "VirtualMachineInstance": "kubevirt.io/v1",
    "VirtualMachineInstanceMigration": "kubevirt.io/v1",
    "Certificate": "cert-manager.io/v1",
    "Application": "argoproj.io/v1alpha1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
_TYPES = {name: f"{APISERVER_PREFIX}resource.{name}" for name in ("add", "update", "delete")}


@lru_cache(maxsize=256)
def _second(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def seconds(at: float) -> str:
    """Return a time as metav1.Time writes it."""
    return f"{_second(int(at))}Z"


def micros(at: float) -> str:
    """Return a time as metav1.MicroTime writes it."""
    return f"{_second(int(at))}.{int(at % 1 * 1e6):06d}Z"


def api_version(kind: str) -> str:
    """Return the apiVersion of a kind; core kinds are `v1`."""
    return API_VERSIONS.get(kind, "v1")


def sent(number: int, body: Mapping[str, Any], operation: str, at: float) -> CloudEvent:
    """Return what the source sends of an object; `number` makes the id, which is new with each send."""
    meta, kind = body["metadata"], body["kind"]
    namespace, name = meta.get("namespace", ""), meta["name"]
    return CloudEvent(
        id=f"{number:08x}-5e4d-4000-8000-000000000000",
        source=SOURCE,
        type=_TYPES[operation],
        subject=f"/apis/v1/namespaces/{namespace}/{kind.lower()}s/{name}",
        time=datetime.fromtimestamp(at, UTC),
        extensions={
            "apiversion": body["apiVersion"],
            "cluster": CLUSTER,
            "kind": kind,
            "name": name,
            "namespace": namespace,
        },
        data=body,
    )

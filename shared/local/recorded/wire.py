"""Builds what ApiServerSource sends in Resource mode: whole objects, in binary-mode CloudEvents.

Recorded from the real adapter (reference/knative.md, "ApiServerSource, observed"): the subject says `/apis/v1` also for
core objects, `ce-namespace` is there and empty for cluster-scoped ones, an events.k8s.io Event comes through the core
watch with neither count nor first and last time, and a deletion carries the last state.
"""

import copy
import uuid
from datetime import datetime
from typing import Any

from shared.cluster.kinds import DEFAULT_KINDS, parse_kind
from shared.local.recorded.day import Day, EventLine, ObjectLine, Ref
from shared.local.recorded.unfold import workload_of
from shared.sources.resources import plural

Body = dict[str, Any]

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://tidings.dev/recorded")
_API_VERSIONS = {kind.name: kind.api_version for kind in map(parse_kind, DEFAULT_KINDS)} | {
    "Application": "argoproj.io/v1alpha1",
    "Certificate": "cert-manager.io/v1",
    "CertificateRequest": "cert-manager.io/v1",
    "ClusterIssuer": "cert-manager.io/v1",
    "K8sRequiredLabels": "constraints.gatekeeper.sh/v1beta1",
    "Lease": "coordination.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "ReplicaSet": "apps/v1",
    "TapeLibrary": "storage.acme.example/v1",
    "VirtualMachineInstanceMigration": "kubevirt.io/v1",
}

_MANAGERS = {"Node": "kubelet", "Pod": "kube-controller-manager"}


def stable_uid(*parts: str) -> str:
    """Return the same UUID for the same parts, on every machine."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))


def api_version(kind: str) -> str:
    """Return the apiVersion of a kind; core kinds and unknown ones are `v1`."""
    return _API_VERSIONS.get(kind, "v1")


def headers(day: Day, body: Body, operation: str, moment: datetime, number: int) -> dict[str, str]:
    """Return the headers of the request, names in lower case; `number` counts the sends and makes the id new."""
    meta = body["metadata"]
    namespace = meta.get("namespace", "")
    return {
        "user-agent": "Go-http-client/1.1",
        "content-type": "application/json",
        "kn-namespace": "tidings",
        "ce-specversion": "1.0",
        "ce-id": stable_uid("send", day.cluster, str(number)),
        "ce-source": day.source,
        "ce-type": f"dev.knative.apiserver.resource.{operation}",
        "ce-subject": f"/apis/{body['apiVersion']}/namespaces/{namespace}/{plural(body['kind'])}/{meta['name']}",
        "ce-time": f"{moment:%Y-%m-%dT%H:%M:%S.%f}{number * 389 % 1000:03d}Z",
        "ce-kind": body["kind"],
        "ce-name": meta["name"],
        "ce-namespace": namespace,
        "ce-apiversion": body["apiVersion"],
        "ce-cluster": day.cluster,
    }


def event_body(day: Day, line: EventLine, version: int) -> Body:
    """Return the Event at one count and resourceVersion."""
    uid = stable_uid("event", day.cluster, line.key)
    manager = line.component or "kube-controller-manager"
    body: Body = {
        "apiVersion": "v1",
        "eventTime": None,
        "firstTimestamp": None,
        "involvedObject": _involved(day, line),
        "kind": "Event",
        "lastTimestamp": None,
        "message": line.message,
        "metadata": {
            "creationTimestamp": _seconds(line.stored),
            "managedFields": [_managed("v1", manager, ("f:involvedObject", "f:message", "f:reason"), line.stored)],
            "name": f"{line.on.name}.{uid.replace('-', '')[:16]}",
            "namespace": line.on.namespace or "default",
            "resourceVersion": str(version),
            "uid": uid,
        },
        "reason": line.reason,
        "reportingComponent": line.component,
        "reportingInstance": line.host,
        "source": {"component": line.component} | ({"host": line.host} if line.host else {}),
        "type": line.type,
    }
    if not line.series:
        return body | {
            "count": line.count,
            "firstTimestamp": _seconds(line.first),
            "lastTimestamp": _seconds(line.last),
        }
    body |= {"action": "Scheduling", "eventTime": _micros(line.first), "source": {}}
    body["reportingInstance"] = f"{line.component}-cp-1"
    if line.count > 1:
        body["series"] = {"count": line.count, "lastObservedTime": _micros(line.last)}
    return body


def object_body(day: Day, line: ObjectLine, version: int, before: Body | None) -> Body:
    """Return the object after the change, as the API server stored it."""
    body = copy.deepcopy(before) if before else _new(day, line.on, line)
    meta = body["metadata"]
    meta["resourceVersion"] = str(version)
    if line.operation == "delete":
        meta |= {"deletionTimestamp": _seconds(line.at), "deletionGracePeriodSeconds": 0}
    meta["labels"] = meta.get("labels", {}) | line.changes.get("labels", {})
    body["spec"] |= line.changes.get("spec", {})
    body["status"] |= line.changes.get("status", {})
    return body


def _new(day: Day, on: Ref, line: ObjectLine) -> Body:
    """Return an object as it first comes into sight: created now when it is added, else some weeks ago."""
    born = line.at if line.operation == "add" else line.at.replace(day=2, hour=8, minute=0, second=0, microsecond=0)
    meta: Body = {
        "creationTimestamp": _seconds(born),
        "labels": {"kubernetes.io/metadata.name": on.name} if on.kind == "Namespace" else {},
        "managedFields": [
            _managed(api_version(on.kind), _MANAGERS.get(on.kind, "gitops"), ("f:metadata", "f:spec"), born)
        ],
        "name": on.name,
        "uid": _uid(day, on),
    }
    if on.namespace:
        meta["namespace"] = on.namespace
    workload = workload_of(on.namespace, on.name, day.workloads) if on.kind == "Pod" else ""
    if workload:
        owner = _owner(day, on, day.workloads[workload].get("kind", "Deployment"), workload)
        meta["ownerReferences"] = [owner]
        meta["labels"] = {"app": workload.partition("/")[2]}
    node = day.pods.get(f"{on.namespace}/{on.name}", "") if line.operation != "add" else ""
    spec: Body = {"nodeName": node} if node else {}
    return {"apiVersion": api_version(on.kind), "kind": on.kind, "metadata": meta, "spec": spec, "status": {}}


def _owner(day: Day, on: Ref, kind: str, workload: str) -> Body:
    """Return the owner reference of a pod: a Deployment owns through its ReplicaSet, a CronJob through its Job."""
    between = {"Deployment": "ReplicaSet", "CronJob": "Job"}.get(kind)
    name = on.name.rpartition("-")[0] if between else workload.partition("/")[2]
    owner = Ref(between or kind, on.namespace, name)
    return {
        "apiVersion": api_version(owner.kind),
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": owner.kind,
        "name": name,
        "uid": _uid(day, owner),
    }


def _involved(day: Day, line: EventLine) -> Body:
    on = line.on
    if on.kind == "Node" and line.component == "kubelet":
        return {"kind": "Node", "name": on.name, "uid": on.name}  # kubelets write the name as uid
    body: Body = {"apiVersion": api_version(on.kind), "kind": on.kind, "name": on.name, "uid": _uid(day, on)}
    if on.namespace:
        body["namespace"] = on.namespace
    if line.field_path:
        body["fieldPath"] = line.field_path
    return body


def _uid(day: Day, on: Ref) -> str:
    return stable_uid("object", day.cluster, on.kind, on.namespace, on.name)


def _managed(version: str, manager: str, fields: tuple[str, ...], moment: datetime) -> Body:
    return {
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": {name: {} for name in fields},
        "manager": manager,
        "operation": "Update",
        "time": _seconds(moment),
    }


def _seconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _micros(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"

"""Objects of the simulated cluster as the API server stores them: what differs between two writes, and no more."""

from typing import Any

from tests.support.week.recorder import On
from tests.support.week.things import Node, Pod, Workload
from tests.support.week.wire import Body, api_version, seconds
from tests.support.week.world import World

PLANNED = "tidings.dev/planned-change"
"""The annotation by which people say that work on an object is planned (docs/changes.md)."""
_BORN = "2026-01-05T08:00:00Z"
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")


def meta(world: World, uid: str, name: str, namespace: str = "", **more: Any) -> Body:
    """Return the metadata of an object at the version of this write."""
    found: Body = {"name": name, "uid": uid, "resourceVersion": world.version(), "creationTimestamp": _BORN, **more}
    if namespace:
        found["namespace"] = namespace
    return found


def condition(world: World, kind: str, status: str, reason: str, message: str = "") -> Body:
    """Return one condition, which changed now."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": seconds(world.now),
    }


def namespace(world: World, name: str) -> Body:
    """Return a namespace."""
    labels = {"kubernetes.io/metadata.name": name, "tidings.dev/assignment-group": f"{name} team"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": meta(world, world.uid(), name, labels=labels),
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def node(world: World, one: Node) -> Body:
    """Return a node with its conditions and taints."""
    if one.ready:
        ready = condition(world, "Ready", "True", "KubeletReady", "kubelet is posting ready status")
    else:
        ready = condition(world, "Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    taints = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}] if one.cordoned else []
    if not one.ready:
        taints.append({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"})
    spec: Body = {"taints": taints} | ({"unschedulable": True} if one.cordoned else {})
    conditions = [condition(world, kind, "True" if one.pressure == kind else "False", "Kubelet") for kind in _PRESSURES]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": meta(world, one.uid, one.name, annotations={PLANNED: one.planned} if one.planned else {}),
        "spec": spec,
        "status": {"conditions": [*conditions, ready], "nodeInfo": {"kubeletVersion": "v1.37.0"}},
    }


def pod(world: World, one: Pod) -> Body:
    """Return a pod with the state of its container."""
    kind, owner, uid = one.owner
    reference = {"apiVersion": api_version(kind), "kind": kind, "name": owner, "uid": uid, "controller": True}
    name = one.workload.container
    status: Body = {"phase": one.phase, "conditions": [{"type": "Ready", "status": "True" if one.ready else "False"}]}
    if one.node is not None:
        state: Body = {"running": {"startedAt": seconds(world.now)}} if one.phase == "Running" else {}
        if one.waiting:
            state = {"waiting": {"reason": one.waiting, "message": one.waiting_says}}
        elif one.phase in {"Succeeded", "Failed"}:
            code = 0 if one.phase == "Succeeded" else 1
            state = {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}
        elif one.phase == "Pending":
            state = {"waiting": {"reason": "ContainerCreating"}}
        container: Body = {"name": name, "ready": one.ready, "restartCount": one.restarts, "state": state}
        if one.ended:
            terminated = {"exitCode": 137 if one.ended == "OOMKilled" else 1, "reason": one.ended}
            container["lastState"] = {"terminated": terminated}
        status["containerStatuses"] = [container]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(
            world, one.uid, one.name, one.namespace, labels={"app": one.workload.name}, ownerReferences=[reference]
        ),
        "spec": {"nodeName": one.host, "containers": [{"name": name, "image": one.workload.image}]},
        "status": status,
    }


def workload(world: World, one: Workload) -> Body:
    """Return a Deployment or StatefulSet with how its roll-out goes."""
    stuck = one.progress == "ProgressDeadlineExceeded"
    says = f'ReplicaSet "{one.controller.name}" ' + ("has timed out progressing." if stuck else "is progressing.")
    progressing = condition(world, "Progressing", "False" if stuck else "True", one.progress, says)
    ready = sum(each.ready for each in one.pods)
    return {
        "apiVersion": api_version(one.kind),
        "kind": one.kind,
        "metadata": meta(world, one.uid, one.name, one.namespace, generation=one.generation),
        "spec": {
            "replicas": one.replicas,
            "template": {"spec": {"containers": [{"name": one.container, "image": one.image}]}},
        },
        "status": {"conditions": [progressing], "readyReplicas": ready, "observedGeneration": one.generation},
    }


def job(world: World, on: On, cron: Workload, verdict: str) -> Body:
    """Return a Job of a CronJob; `verdict` is empty, `Complete` or the reason why it failed."""
    reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron.name, "uid": cron.uid, "controller": True}
    conditions = []
    if verdict:
        failed = verdict != "Complete"
        says = "Job has reached the specified backoff limit" if failed else ""
        conditions = [condition(world, "Failed" if failed else "Complete", "True", verdict, says)]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta(world, on.uid, on.name, on.namespace, ownerReferences=[reference]),
        "spec": {"backoffLimit": 3},
        "status": {"conditions": conditions, "active": 0 if verdict else 1},
    }


def claim(world: World, on: On, phase: str) -> Body:
    """Return a PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta(world, on.uid, on.name, on.namespace),
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "20Gi"}}},
        "status": {"phase": phase},
    }

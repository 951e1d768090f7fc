"""Storms: ten thousand Events within a minute, of one lost node, of one workload, of five hundred failures.

Each has three acts: what stands before, the minute, and how it ends. The clock of a storm may be set to real time, for
the ends of a storm come when they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.week import bodies
from tests.support.week.cluster import Cluster
from tests.support.week.recorder import On
from tests.support.week.things import Node, Pod, Workload
from tests.support.week.world import Process, Sent, World

EVENTS = 10_000
SECONDS = 60.0
PODS = 110
NAMESPACES = 500
_PODS_OF_THE_LOOP = 20


@dataclass(slots=True)
class Storm:
    """A storm that is told act by act; each act is what arrives during it."""

    world: World
    cluster: Cluster
    things: list[str] = field(default_factory=list)

    def act(self, process: Process, at: float | None = None) -> Iterator[Sent]:
        """Play a process from `at` on (seconds since 1970; None: at once), and yield all that arrives of it.

        The process begins when the first event is asked for: acts may be lined up.
        """
        if at is not None:
            self.world.now = max(self.world.now, at)
        self.world.spawn(process)
        yield from self.world.run(self.world.now + 2 * SECONDS)

    def stands(self) -> Iterator[Sent]:
        """Yield what is there before."""
        return self.act(iter(()))


def new_storm(seed: int, start: float, namespaces: int = 10) -> Storm:
    """Return a cluster of six nodes in which all is well."""
    world = World(seed, start)
    names = [f"team-{number:03d}" for number in range(namespaces)]
    return Storm(world, Cluster(world, 6, names, 0))


def _paced(number: int) -> float:
    return SECONDS * 0.98 / number


# --- one node and its pods ---


def crowded(storm: Storm) -> tuple[Node, list[Pod]]:
    """Put 110 running pods of 55 workloads on one node; return both."""
    cluster, node, pods = storm.cluster, storm.cluster.nodes[0], []
    for number in range(PODS // 2):
        namespace = cluster.namespaces[number % len(cluster.namespaces)]
        workload = Workload("Deployment", namespace, f"app-{number}", storm.world.uid(), 2)
        workload.revision, workload.revision_uid = cluster.template_hash(), storm.world.uid()
        cluster.workloads.append(workload)
        cluster.write_workload(workload)
        for _ in range(2):
            pod = cluster.new_pod(workload)
            cluster.put(pod, node)
            pod.phase, pod.ready = "Running", True
            cluster.write(pod)
            pods.append(pod)
    storm.things = [pod.on.path for pod in pods]
    return node, pods


def node_lost(storm: Storm, node: Node, pods: list[Pod]) -> Process:
    """Lose the node: its controller says so of it and of each pod, and its kubelet, while it can, of all that fails."""
    cluster = storm.cluster
    _write(storm, node, ready=False)
    says = cluster.by("node-controller").event
    says(node.on, "NodeNotReady", f"Node {node.name} status is now: NodeNotReady")
    pause = _paced(EVENTS)
    for pod in pods:
        says(pod.on, "NodeNotReady", "Node is not ready", warning=True, spared=True)
        pod.ready = False
        cluster.write(pod)
        yield pause
    left = EVENTS - 1 - len(pods)
    fails = (
        ("Unhealthy", "Readiness probe failed: dial tcp: connect: no route to host"),
        ("Unhealthy", "Liveness probe failed: dial tcp: connect: no route to host"),
        ("NetworkNotReady", "network is not ready: container runtime network not ready"),
        ("FailedSync", "error determining status: rpc error: code = Unavailable"),
    )
    for number in range(left):
        pod = pods[number % len(pods)]
        reason, text = fails[number // len(pods) % len(fails)]
        cluster.kubelet.event(pod.container, reason, text, warning=True, host=node.name, spared=True)
        yield pause


def node_back(storm: Storm, node: Node, pods: list[Pod], still_down: int = 2) -> Process:
    """Have the node back and its pods running, but for those of some workloads, which crash ever since."""
    cluster = storm.cluster
    _write(storm, node, ready=True)
    cluster.kubelet.event(node.kubelet, "NodeReady", f"Node {node.name} status is now: NodeReady", host=node.name)
    down = {pod.workload.on.path for pod in pods[: 2 * still_down]}
    for pod in pods:
        yield 0.02
        if pod.workload.on.path in down:
            pod.waiting, pod.restarts = "CrashLoopBackOff", 5
            text = f"Back-off restarting failed container {pod.workload.container} in pod {pod.name}_{pod.namespace}"
            for _ in range(6):
                cluster.kubelet.event(pod.container, "BackOff", text, warning=True, host=node.name, spared=True)
            cluster.write(pod)
            continue
        yield from cluster.pulled(pod, there=True)
        cluster.kubelet.event(
            pod.container, "Started", f"Started container {pod.workload.container}", host=node.name, spared=True
        )
        pod.ready = True
        cluster.write(pod)


def _write(storm: Storm, node: Node, *, ready: bool) -> None:
    node.ready = ready
    storm.world.write(bodies.node(storm.world, node))


# --- one workload ---


def looping(storm: Storm) -> Workload:
    """Return a workload with twenty pods on all nodes."""
    cluster = storm.cluster
    workload = Workload("Deployment", cluster.namespaces[0], "ledger", storm.world.uid(), _PODS_OF_THE_LOOP)
    workload.revision, workload.revision_uid = cluster.template_hash(), storm.world.uid()
    cluster.workloads.append(workload)
    cluster.write_workload(workload)
    for _ in range(workload.replicas):
        pod = cluster.new_pod(workload)
        cluster.put(pod, cluster.place())
        pod.phase = "Running"
        cluster.write(pod)
    storm.things = workload.paths
    return workload


def crash_loop(storm: Storm, workload: Workload) -> Process:
    """Have all its pods crash, five hundred times each."""
    cluster = storm.cluster
    for number in range(EVENTS):
        pod = workload.pods[number % len(workload.pods)]
        text = f"Back-off restarting failed container {workload.container} in pod {pod.name}_{pod.namespace}({pod.uid})"
        cluster.kubelet.event(pod.container, "BackOff", text, warning=True, host=pod.host, spared=True)
        yield _paced(EVENTS)


def mended(storm: Storm, workload: Workload) -> Process:
    """Roll out another version, whose pods stay up; the old ones are deleted."""
    cluster = storm.cluster
    old = list(workload.pods)
    cluster.revised(workload)
    for _ in old:
        pod = cluster.created(workload)
        yield from cluster.run(pod, there=True)
    for pod in old:
        cluster.drop(pod)


# --- five hundred failures ---


def failures(storm: Storm) -> Process:
    """Have something else fail in each namespace, each twenty times."""
    cluster = storm.cluster
    each = [_failure(cluster, number, name) for number, name in enumerate(cluster.namespaces)]
    storm.things = [on.path for on, _, _, _ in each]
    for number in range(EVENTS):
        on, component, reason, text = each[number % len(each)]
        cluster.by(component).event(on, reason, text, warning=True, spared=True)
        yield _paced(EVENTS)


def _failure(cluster: Cluster, number: int, namespace: str) -> tuple[On, str, str, str]:
    """Return what fails in a namespace: on what, who says so, the reason and the text."""
    uid = cluster.world.uid()
    pod = On("Pod", namespace, f"web-{cluster.template_hash()}-{cluster.word(5)}", uid, "spec.containers{web}")
    made = On("ReplicaSet", namespace, f"api-{cluster.template_hash()}", uid)
    claim = On("PersistentVolumeClaim", namespace, "data", uid)
    kinds = (
        (pod, "kubelet", "BackOff", f"Back-off restarting failed container web in pod {pod.name}_{namespace}({uid})"),
        (made, "replicaset-controller", "FailedCreate", 'Error creating: pods "api-x" is forbidden: exceeded quota: q'),
        (
            claim,
            "csi-provisioner",
            "ProvisioningFailed",
            'failed to provision volume with StorageClass "fast": timeout',
        ),
        (pod, "kubelet", "Failed", 'Failed to pull image "registry.example/web:1": not found'),
    )
    return kinds[number % len(kinds)]

"""Stories of nodes: lost and found again, out of memory or disk, flapping, and rebooted on purpose."""

from tests.support.week import bodies
from tests.support.week.cluster import Cluster
from tests.support.week.things import Node, Pod
from tests.support.week.truth import HOUR, MINUTE, Problem
from tests.support.week.world import Process

_LOST = ("not ready", "node-ready", "notready", "lost", "unreachable")
_EVICTED_AFTER = 300.0  # tolerationSeconds of node.kubernetes.io/unreachable
_TRY_AGAIN = 5 * MINUTE


def quiet_node(cluster: Cluster) -> Node | None:
    """Return a healthy node on which no workload has a story of its own."""
    free = [
        node
        for node in cluster.nodes
        if node.ready and not node.busy and not node.cordoned and not any(pod.workload.busy for pod in node.pods)
    ]
    return cluster.chance.choice(free) if free else None


def taken(node: Node) -> set[Pod]:
    """Keep a node, and all workloads that have a pod there, for one story; return those pods."""
    node.busy = True
    pods = {pod for pod in node.pods if pod.workload.kind != "Job"}
    for pod in pods:
        pod.workload.busy = pod.workload.kind != "DaemonSet"
    return pods


def given_back(node: Node, pods: set[Pod]) -> Process:
    """Leave them alone for an hour, so that the next problem is another one."""
    yield HOUR
    node.busy = False
    for pod in pods:
        pod.workload.busy = False


def _turn(cluster: Cluster, node: Node, *, ready: bool) -> None:
    """Have the node controller note that a node is ready or is not."""
    node.ready = ready
    word = "NodeReady" if ready else "NodeNotReady"
    cluster.world.write(bodies.node(cluster.world, node))
    if ready:  # its kubelet is back and says so itself
        cluster.kubelet.event(node.kubelet, word, f"Node {node.name} status is now: {word}", host=node.name)
    else:
        cluster.by("node-controller").event(node.on, word, f"Node {node.name} status is now: {word}")


def lost(cluster: Cluster) -> Process:
    """A node is lost for a while, and flaps in some cases; after five minutes its pods are moved."""
    while (node := quiet_node(cluster)) is None:
        yield _TRY_AGAIN
    pods = taken(node)
    chance = cluster.chance
    problem = cluster.truth.begin(
        cluster.world.now, f"{node.on.path}: lost", [node.on.path], _LOST,
        severity="critical", tell_within=3 * MINUTE, grace=20 * MINUTE,
    )  # fmt: skip
    flaps = 2 if chance.random() < 0.25 else 0
    for _ in range(flaps):
        _turn(cluster, node, ready=False)
        yield 50 + chance.random() * 40
        _turn(cluster, node, ready=True)
        yield 60 + chance.random() * 60
    _turn(cluster, node, ready=False)
    hit = _consequences(cluster, node, pods, problem)
    lasts = 2 * MINUTE + chance.random() * 38 * MINUTE
    yield min(lasts, _EVICTED_AFTER)
    moved = _moved(cluster, pods) if lasts > _EVICTED_AFTER else []
    yield max(0.0, lasts - _EVICTED_AFTER)
    _turn(cluster, node, ready=True)
    cluster.end(problem)
    yield 5
    yield from _back(cluster, pods, moved)
    cluster.end(*hit)
    cluster.world.spawn(given_back(node, pods))


def _consequences(cluster: Cluster, node: Node, pods: set[Pod], problem: Problem) -> list[Problem]:
    """Have the node controller say of each pod that its node is gone."""
    found = []
    for pod in sorted(pods, key=lambda each: each.name):
        things = [pod.on.path, pod.workload.on.path, pod.workload.controller.path]
        story = f"{pod.on.path}: stood on the lost {node.on.path}"
        found.append(cluster.truth.begin(cluster.world.now, story, things, (), cause=problem))
        cluster.by("node-controller").event(pod.on, "NodeNotReady", "Node is not ready", warning=True)
        pod.ready = False
        cluster.write(pod)
    return found


def _moved(cluster: Cluster, pods: set[Pod]) -> list[Pod]:
    """Evict the pods of a lost node and begin their replacements; agents stay, and sets wait for the old pod."""
    moved = []
    for pod in sorted(pods, key=lambda each: each.name):
        if pod.workload.kind == "DaemonSet":
            continue
        text = f"Marking for deletion Pod {pod.namespace}/{pod.name}"
        cluster.by("taint-eviction-controller").event(pod.on, "TaintManagerEviction", text)
        cluster.write(pod)
        moved.append(pod)
        if pod.workload.kind == "Deployment":
            cluster.world.spawn(cluster.run(cluster.created(pod.workload)), 1 + cluster.chance.random() * 3)
    return moved


def _back(cluster: Cluster, pods: set[Pod], moved: list[Pod]) -> Process:
    """Delete what was moved away, start what a set waited for, and find the rest well."""
    for pod in sorted(pods, key=lambda each: each.name):
        if pod in moved:
            yield from cluster.stopped(pod)
            if pod.workload.kind == "StatefulSet":
                yield from cluster.run(cluster.created(pod.workload))
        else:
            pod.ready = True
            cluster.write(pod)


def pressure(cluster: Cluster) -> Process:
    """A node runs out of memory or disk and evicts pods until it has enough again."""
    while (node := quiet_node(cluster)) is None:
        yield _TRY_AGAIN
    pods = taken(node)
    disk = cluster.chance.random() < 0.5
    what = "disk" if disk else "memory"
    node.pressure = "DiskPressure" if disk else "MemoryPressure"
    problem = cluster.truth.begin(
        cluster.world.now, f"{node.on.path}: runs out of {what}", [node.on.path], (what, "pressure"),
        severity="high", tell_within=10 * MINUTE,
    )  # fmt: skip
    reason = "NodeHasDiskPressure" if disk else "NodeHasInsufficientMemory"
    say = cluster.kubelet.event
    say(node.kubelet, reason, f"Node {node.name} status is now: {reason}", host=node.name)
    cluster.world.write(bodies.node(cluster.world, node))
    resource = "ephemeral-storage" if disk else "memory"
    hit: list[Problem] = []
    victims = [pod for pod in sorted(pods, key=lambda each: each.name) if pod.workload.kind == "Deployment"][:3]
    for pod in victims:
        say(node.kubelet, "EvictionThresholdMet", f"Attempting to reclaim {resource}", warning=True, host=node.name)
        yield 10
        things = [pod.on.path, pod.workload.on.path, pod.workload.controller.path]
        hit.append(cluster.truth.begin(cluster.world.now, f"{pod.on.path}: evicted", things, (), cause=problem))
        text = f"The node was low on resource: {resource}. Threshold quantity: 100Mi, available: 60Mi."
        cluster.say(pod, "Evicted", text, warning=True)
        pod.phase, pod.ready = "Failed", False
        cluster.write(pod)
        cluster.world.spawn(cluster.run(cluster.created(pod.workload)), 2)
    yield 5 * MINUTE + cluster.chance.random() * 25 * MINUTE
    reason = "NodeHasNoDiskPressure" if disk else "NodeHasSufficientMemory"
    node.pressure = ""
    say(node.kubelet, reason, f"Node {node.name} status is now: {reason}", host=node.name)
    cluster.world.write(bodies.node(cluster.world, node))
    cluster.end(problem)
    for pod in victims:
        cluster.drop(pod)
    cluster.end(*hit)
    cluster.world.spawn(given_back(node, pods))


def update(cluster: Cluster) -> Process:
    """The platform team updates some nodes one by one, announced and cordoned: no ticket for any of it."""
    for number in range(4):
        while (node := quiet_node(cluster)) is None:
            yield _TRY_AGAIN
        yield from _rebooted(cluster, node, f"CHG{40000 + number:07d}")
        yield 3 * MINUTE


def _rebooted(cluster: Cluster, node: Node, change: str) -> Process:
    pods = taken(node)
    things = [node.on.path, *(path for pod in pods for path in (pod.on.path, pod.workload.on.path))]
    story = f"{node.on.path}: updated and rebooted"
    problem = cluster.truth.begin(cluster.world.now, story, things, (), wanted="planned", change=change, grace=HOUR)
    operator = cluster.by("machineconfigdaemon").event
    node.cordoned, node.planned = True, change
    cluster.world.write(bodies.node(cluster.world, node))
    operator(node.on, "Cordon", "Cordoned node to apply update")
    word = "NodeNotSchedulable"
    cluster.kubelet.event(node.kubelet, word, f"Node {node.name} status is now: {word}", host=node.name)
    operator(node.on, "Drain", "Draining node to update config.")
    for pod in sorted(pods, key=lambda each: each.name):
        if pod.workload.kind != "DaemonSet":
            yield from cluster.stopped(pod)
            cluster.world.spawn(cluster.run(cluster.created(pod.workload)), 0.5)
    operator(node.on, "Reboot", "Node will reboot into config rendered-worker-7")
    yield 40
    _turn(cluster, node, ready=False)
    yield 2 * MINUTE
    text = f"Node {node.name} has been rebooted, boot id: {cluster.world.uid()}"
    cluster.kubelet.event(node.kubelet, "Rebooted", text, warning=True, host=node.name)
    _turn(cluster, node, ready=True)
    node.cordoned = False
    cluster.world.write(bodies.node(cluster.world, node))
    word = "NodeSchedulable"
    cluster.kubelet.event(node.kubelet, word, f"Node {node.name} status is now: {word}", host=node.name)
    operator(node.on, "Uncordon", "Update completed for config rendered-worker-7 and node has been uncordoned")
    node.planned = ""
    cluster.world.write(bodies.node(cluster.world, node))
    cluster.end(problem)
    cluster.world.spawn(given_back(node, pods))

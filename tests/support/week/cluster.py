"""The simulated cluster: nodes, workloads and their pods, and what everybody says while pods come and go.

Methods that take time are processes (world.py): `yield from` them. A workload that is `busy` belongs to one story.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.week import bodies
from tests.support.week.recorder import On, Recorder, Series
from tests.support.week.things import Node, Pod, Workload
from tests.support.week.truth import HOUR, Problem
from tests.support.week.world import Process, World

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # what Kubernetes makes names of
_DIGITS = "456789bcdf"  # what the digits of a hash become there: the name of a ReplicaSet has no others
_READY = 2.0
_AFTER = HOUR
"""Seconds for which a workload is left alone after a story, so that the next problem of it is another one."""


class Cluster:
    """The cluster and its reporters."""

    def __init__(self, world: World, nodes: int, namespaces: Iterable[str], workloads: int) -> None:
        self.world = world
        self.chance = world.chance
        self.truth = world.truth
        self.kubelet = Recorder(world, "kubelet")
        self.scheduler = Series(world, "default-scheduler")
        self._recorders: dict[str, Recorder] = {}
        self.namespaces = list(namespaces)
        self.nodes = [Node(f"worker-{number}", world.uid()) for number in range(1, nodes + 1)]
        self.workloads = [self._workload(number) for number in range(workloads)]
        self.agents = [
            Workload("DaemonSet", "kube-system", name, world.uid(), nodes) for name in ("node-agent", "csi-node")
        ]
        self.stand()

    def by(self, component: str) -> Recorder:
        """Return the recorder of a program."""
        if component not in self._recorders:
            self._recorders[component] = Recorder(self.world, component)
        return self._recorders[component]

    def _workload(self, number: int) -> Workload:
        namespace = self.namespaces[number % len(self.namespaces)]
        kind = "StatefulSet" if number % 7 == 6 else "Deployment"
        name = f"{_WORDS[number % len(_WORDS)]}-{number // len(_WORDS)}" if number >= len(_WORDS) else _WORDS[number]
        workload = Workload(kind, namespace, name, self.world.uid(), 2 + number % 4)
        self._revise(workload)
        return workload

    def _revise(self, workload: Workload) -> None:
        workload.revision = self.template_hash()
        workload.revision_uid = self.world.uid()

    def template_hash(self) -> str:
        """Return the hash of a pod template as Kubernetes writes it: a number, in which each digit has another sign."""
        return "".join(self.chance.choices(_DIGITS, k=10))

    def word(self, length: int) -> str:
        """Return a random word as Kubernetes makes them."""
        return "".join(self.chance.choices(_LETTERS, k=length))

    def stand(self) -> None:
        """Have everything there as it was before the story begins: the source lists it."""
        for name in self.namespaces:
            self.world.write(bodies.namespace(self.world, name))
        for node in self.nodes:
            self.world.write(bodies.node(self.world, node))
            for agent in self.agents:
                self._at_once(agent, node)
        for workload in self.workloads:
            self.world.write(bodies.workload(self.world, workload))
            for _ in range(workload.replicas):
                self._at_once(workload, self.place())

    def _at_once(self, workload: Workload, node: Node) -> None:
        pod = self.new_pod(workload)
        self.put(pod, node)
        pod.phase, pod.ready = "Running", True
        self.write(pod)

    # --- places and changes ---

    def place(self) -> Node:
        """Return the emptiest node that takes pods."""
        free = [node for node in self.nodes if node.ready and not node.cordoned and not node.pressure]
        return min(free, key=lambda node: (len(node.pods), node.name))

    def idle(self, kind: str = "Deployment") -> Workload | None:
        """Return a workload that no story is about and that stands only on nodes without one."""
        free = [
            each
            for each in self.workloads
            if each.kind == kind and not each.busy and not any(pod.node and pod.node.busy for pod in each.pods)
        ]
        return self.chance.choice(free) if free else None

    def put(self, pod: Pod, node: Node) -> None:
        """Bind a pod to a node."""
        pod.node = node
        node.pods.add(pod)

    def write(self, pod: Pod) -> None:
        """Store a pod as it is now; one that is gone stays so."""
        if not pod.gone:
            self.world.write(bodies.pod(self.world, pod))

    def write_workload(self, workload: Workload, progress: str = "") -> None:
        """Store a workload as it is now."""
        workload.progress = progress or workload.progress
        self.world.write(bodies.workload(self.world, workload))

    def new_pod(self, workload: Workload) -> Pod:
        """Make a pod of a workload, without a place; who has a problem with the workload gets to know its name."""
        if workload.kind == "StatefulSet":
            taken = {pod.name for pod in workload.pods}
            name = next(name for number in range(99) if (name := f"{workload.name}-{number}") not in taken)
        else:
            name = f"{workload.controller.name}-{self.word(5)}"
        by = workload.controller
        pod = Pod(workload.namespace, name, self.world.uid(), workload, (by.kind, by.name, by.uid))
        workload.pods.append(pod)
        for problem in workload.problems:
            problem.things |= {pod.on.path, by.path}
        return pod

    @contextmanager
    def story(self, workload: Workload) -> Iterator[None]:
        """Keep a workload for one story, and for a while after it."""
        workload.busy = True
        yield
        workload.problems.clear()
        self.world.spawn(self._rest(workload))

    def _rest(self, workload: Workload) -> Process:
        yield _AFTER
        workload.busy = False

    def begin(self, workload: Workload, story: str, said: tuple[str, ...], **more: Any) -> Problem:
        """Note that a problem of a workload begins: all its pods, also new ones, are what it is about."""
        problem = self.truth.begin(self.world.now, f"{workload.on.path}: {story}", workload.paths, said, **more)
        workload.problems.append(problem)
        return problem

    def end(self, *problems: Problem) -> None:
        """Note that problems are over."""
        for problem in problems:
            problem.ended = self.world.now

    # --- the life of a pod ---

    def created(self, workload: Workload) -> Pod:
        """Have the controller create a pod."""
        pod = self.new_pod(workload)
        by = {"Deployment": "replicaset-controller", "StatefulSet": "statefulset-controller"}
        component = by.get(workload.kind, "job-controller" if workload.kind == "Job" else "daemonset-controller")
        self.by(component).event(workload.controller, "SuccessfulCreate", f"Created pod: {pod.name}", spared=True)
        self.write(pod)
        return pod

    def scheduled(self, pod: Pod, node: Node | None = None) -> Process:
        """Find a node for a pod."""
        yield 0.1
        self.put(pod, node or self.place())
        self.scheduler.event(pod.on, "Scheduled", f"Successfully assigned {pod.namespace}/{pod.name} to {pod.host}")
        self.write(pod)

    def pulled(self, pod: Pod, *, there: bool) -> Process:
        """Have the image on the node."""
        image = pod.workload.image
        if there:
            yield 0.8
            self.say(pod, "Pulled", f'Container image "{image}" already present on machine')
            return
        yield 0.8
        self.say(pod, "Pulling", f'Pulling image "{image}"')
        took = 1 + self.chance.random() * 6
        yield took
        size = 40_000_000 + self.chance.randrange(90_000_000)
        self.say(pod, "Pulled", f'Successfully pulled image "{image}" in {took:.3f}s. Image size: {size} bytes.')

    def started(self, pod: Pod, *, ready: bool = True) -> Process:
        """Start the container of a pod, which then is ready or is not."""
        yield 0.2
        self.say(pod, "Created", f"Created container: {pod.workload.container}")
        yield 0.3
        self.say(pod, "Started", f"Started container {pod.workload.container}")
        pod.phase, pod.waiting, pod.waiting_says = "Running", "", ""
        yield _READY
        pod.ready = ready
        self.write(pod)

    def run(self, pod: Pod, node: Node | None = None, *, there: bool = False, ready: bool = True) -> Process:
        """Bring a created pod to run."""
        yield from self.scheduled(pod, node)
        yield from self.pulled(pod, there=there)
        yield from self.started(pod, ready=ready)

    def say(self, pod: Pod, reason: str, message: str, *, warning: bool = False) -> None:
        """Have the kubelet say something of a pod's container, unless the pod is gone."""
        if not pod.gone and pod.node is not None and pod.node.ready:
            self.kubelet.event(pod.container, reason, message, warning=warning, host=pod.host)

    def drop(self, pod: Pod) -> None:
        """Forget a pod: it is deleted from the API server."""
        if pod.gone:
            return
        pod.gone = True
        if pod in pod.workload.pods:
            pod.workload.pods.remove(pod)
        if pod.node is not None:
            pod.node.pods.discard(pod)
        self.world.delete(pod.uid)

    def stopped(self, pod: Pod) -> Process:
        """Stop and delete a pod."""
        if pod.phase == "Running":
            self.say(pod, "Killing", f"Stopping container {pod.workload.container}")
        pod.ready = False
        yield 1 + self.chance.random() * 3
        self.drop(pod)

    # --- roll-outs ---

    def scaled(self, workload: Workload, word: str, controller: On, before: int, after: int) -> None:
        """Have the deployment controller say that it scaled a ReplicaSet."""
        text = f"Scaled {word} replica set {controller.name} from {before} to {after}"
        self.by("deployment-controller").event(workload.on, "ScalingReplicaSet", text, spared=True)

    def revised(self, workload: Workload) -> str:
        """Give a workload a new revision, as its team does; return the change in words."""
        workload.minor += 1
        workload.generation += 1
        self._revise(workload)
        self.write_workload(workload, "ReplicaSetUpdated")
        for problem in workload.problems:
            problem.things.add(workload.controller.path)
        return f"{workload.on.path} 1.{workload.minor}"

    def rolled_out(self, workload: Workload) -> Process:
        """Replace all pods by ones of the newest revision, one by one, as a roll-out that succeeds does."""
        old = list(workload.pods)
        for number, pod in enumerate(old):
            self.scaled(workload, "up", workload.controller, number, number + 1)
            new = self.created(workload)
            yield from self.run(new)
            yield from self.stopped(pod)
        while len(workload.pods) < workload.replicas:
            yield from self.run(self.created(workload))
        self.write_workload(workload, "NewReplicaSetAvailable")


_WORDS = (
    *("web", "api", "checkout", "ledger", "search", "mailer", "frontend", "orders", "stock", "billing", "reports"),
    *("gateway", "cache", "catalog", "worker", "importer", "pricing", "shipping", "auth", "chat", "feed", "media"),
)

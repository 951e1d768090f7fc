"""What the simulated cluster is made of: nodes, workloads, pods."""

from dataclasses import dataclass, field

from tests.support.week.recorder import On
from tests.support.week.truth import Problem


@dataclass(slots=True, eq=False)
class Node:
    """A worker; `busy` while a story is about it."""

    name: str
    uid: str
    ready: bool = True
    cordoned: bool = False
    busy: bool = False
    pressure: str = ""
    planned: str = ""
    pods: set["Pod"] = field(default_factory=set)

    @property
    def on(self) -> On:
        return On("Node", "", self.name, self.uid)

    @property
    def kubelet(self) -> On:
        """Return the node as its kubelet names it: with its name as uid (reference/inputs.md §1.9)."""
        return On("Node", "", self.name, self.name)


@dataclass(slots=True, eq=False)
class Pod:
    """A pod and its one container."""

    namespace: str
    name: str
    uid: str
    workload: "Workload"
    owner: tuple[str, str, str]  # kind, name, uid of its controller
    node: Node | None = None
    phase: str = "Pending"
    ready: bool = False
    waiting: str = ""
    waiting_says: str = ""
    ended: str = ""
    restarts: int = 0
    gone: bool = False

    @property
    def on(self) -> On:
        return On("Pod", self.namespace, self.name, self.uid)

    @property
    def container(self) -> On:
        return self.on._replace(field_path=f"spec.containers{{{self.workload.container}}}")

    @property
    def host(self) -> str:
        return self.node.name if self.node else ""


@dataclass(slots=True, eq=False)
class Workload:
    """A Deployment, StatefulSet or DaemonSet; a Job while it runs."""

    kind: str
    namespace: str
    name: str
    uid: str
    replicas: int
    minor: int = 1
    revision: str = ""
    revision_uid: str = ""
    generation: int = 1
    busy: bool = False
    progress: str = "NewReplicaSetAvailable"
    pods: list[Pod] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def container(self) -> str:
        return self.name

    @property
    def image(self) -> str:
        return f"registry.example/{self.namespace}/{self.name}:1.{self.minor}"

    @property
    def on(self) -> On:
        return On(self.kind, self.namespace, self.name, self.uid)

    @property
    def controller(self) -> On:
        """Return what makes its pods: the ReplicaSet of a Deployment, else itself."""
        if self.kind != "Deployment":
            return self.on
        return On("ReplicaSet", self.namespace, f"{self.name}-{self.revision}", self.revision_uid)

    @property
    def paths(self) -> list[str]:
        """Return every path on which something about it may be said now."""
        return [self.on.path, self.controller.path, *(pod.on.path for pod in self.pods)]

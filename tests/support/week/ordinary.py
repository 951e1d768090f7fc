"""Ordinary life, in great number: nothing here is a problem, and no ticket is wanted for any of it."""

from collections import deque

from tests.support.signals import record
from tests.support.week import bodies
from tests.support.week.cluster import Cluster
from tests.support.week.recorder import On
from tests.support.week.things import Pod, Workload
from tests.support.week.truth import HOUR, MINUTE
from tests.support.week.world import Process

_KEPT = 3  # finished jobs of a CronJob (successfulJobsHistoryLimit)


class Cron:
    """A CronJob and the jobs of it that are kept."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, every: float) -> None:
        self.cluster = cluster
        self.every = every
        self.on = On("CronJob", namespace, name, cluster.world.uid())
        self.workload = Workload("Job", namespace, name, self.on.uid, 1)
        self.busy = False
        self.done: deque[tuple[On, list[Pod]]] = deque()

    def new_job(self) -> On:
        """Create the job of this run."""
        world = self.cluster.world
        name = f"{self.on.name}-{int(world.now / 60)}"
        job = On("Job", self.on.namespace, name, world.uid())
        say = self.cluster.by("cronjob-controller").event
        say(self.on, "SuccessfulCreate", f"Created job {name}", spared=True)
        self.write(job, "")
        return job

    def write(self, job: On, verdict: str) -> None:
        """Store a job as it is now."""
        world = self.cluster.world
        world.write(bodies.job(world, job, self.workload, verdict))

    def new_pod(self, job: On) -> Pod:
        """Create a pod of a job."""
        cluster = self.cluster
        name = f"{job.name}-{cluster.word(5)}"
        pod = Pod(job.namespace, name, cluster.world.uid(), self.workload, ("Job", job.name, job.uid))
        cluster.by("job-controller").event(job, "SuccessfulCreate", f"Created pod: {name}", spared=True)
        cluster.write(pod)
        return pod

    def succeeded(self, job: On, pod: Pod) -> Process:
        """Have a pod run to its good end, and the job with it."""
        cluster = self.cluster
        yield from cluster.scheduled(pod)
        yield from cluster.pulled(pod, there=True)
        yield from cluster.started(pod)
        yield 2 + cluster.chance.random() * 15
        pod.phase, pod.ready = "Succeeded", False
        if pod.node is not None:
            pod.node.pods.discard(pod)
        cluster.write(pod)
        cluster.by("job-controller").event(job, "Completed", "Job completed", spared=True)
        self.write(job, "Complete")
        text = f"Saw completed job: {job.name}, condition: Complete"
        cluster.by("cronjob-controller").event(self.on, "SawCompletedJob", text, spared=True)

    def keep(self, job: On, pods: list[Pod]) -> None:
        """Keep a finished job; the oldest goes, with its pods."""
        self.done.append((job, pods))
        while len(self.done) > _KEPT:
            old, its = self.done.popleft()
            say = self.cluster.by("cronjob-controller").event
            say(self.on, "SuccessfulDelete", f"Deleted job {old.name}", spared=True)
            for pod in its:
                self.cluster.drop(pod)
            self.cluster.world.delete(old.uid)

    def runs(self) -> Process:
        """Run at each of its times, but for those that a story has taken over."""
        while True:
            yield self.every - self.cluster.world.now % self.every
            if not self.busy:
                self.cluster.world.spawn(self.run())

    def run(self) -> Process:
        """Run once, and well."""
        yield self.cluster.chance.random()
        job = self.new_job()
        pod = self.new_pod(job)
        yield from self.succeeded(job, pod)
        self.keep(job, [pod])


def leaders(cluster: Cluster) -> Process:
    """Controllers change their leaders, as they do."""
    names = ("kube-scheduler", "kube-controller-manager", "snapshot-controller", "cert-manager", "ingress")
    while True:
        yield 20 * MINUTE * (0.5 + cluster.chance.random())
        name = cluster.chance.choice(names)
        lease = On("Lease", "kube-system", name, f"lease-{name}")
        leader = f"{name}-{cluster.word(4)}"
        cluster.by(name).event(lease, "LeaderElection", f"{leader} became leader", spared=True)


def releases(cluster: Cluster, every: float) -> Process:
    """Teams roll out new versions, and it goes well."""
    while True:
        yield every * (0.5 + cluster.chance.random())
        workload = cluster.idle()
        if workload is not None:
            cluster.world.spawn(release(cluster, workload))


def release(cluster: Cluster, workload: Workload) -> Process:
    """Roll one workload out, with the probe that fails while a new pod warms up."""
    workload.busy = True
    cluster.revised(workload)
    yield from cluster.rolled_out(workload)
    if cluster.chance.random() < 0.3 and workload.pods:
        pod = workload.pods[-1]
        text = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        cluster.say(pod, "Unhealthy", text, warning=True)
    workload.busy = False


def scaling(cluster: Cluster, every: float) -> Process:
    """Autoscalers follow the load, up and down again."""
    while True:
        yield every * (0.5 + cluster.chance.random())
        workload = cluster.idle()
        if workload is not None:
            cluster.world.spawn(_scaled(cluster, workload))


def _scaled(cluster: Cluster, workload: Workload) -> Process:
    workload.busy = True
    scaler = On("HorizontalPodAutoscaler", workload.namespace, workload.name, f"hpa-{workload.uid}")
    before = workload.replicas
    says = cluster.by("horizontal-pod-autoscaler").event
    says(scaler, "SuccessfulRescale", f"New size: {before + 2}; reason: cpu resource utilization above target")
    cluster.scaled(workload, "up", workload.controller, before, before + 2)
    workload.replicas += 2
    cluster.write_workload(workload)
    new = [cluster.created(workload) for _ in range(2)]
    for pod in new:
        yield from cluster.run(pod, there=True)
    yield 20 * MINUTE
    says(scaler, "SuccessfulRescale", f"New size: {before}; reason: All metrics below target")
    cluster.scaled(workload, "down", workload.controller, before + 2, before)
    workload.replicas = before
    cluster.write_workload(workload)
    for pod in new:
        yield from cluster.stopped(pod)
    workload.busy = False


def syncs(cluster: Cluster) -> Process:
    """Argo CD finds that something is being rolled out, and that it is well again."""
    while True:
        yield 15 * MINUTE * (0.5 + cluster.chance.random())
        name = cluster.chance.choice(cluster.workloads).name
        on = On("Application", "argocd", name, f"app-{name}")
        argo = cluster.by("argocd-application-controller").event
        argo(on, "OperationStarted", f"initiated automated sync to {cluster.word(7)}")
        argo(on, "ResourceUpdated", "Updated health status: Healthy -> Progressing")
        yield 60
        argo(on, "OperationCompleted", "Sync operation succeeded")
        argo(on, "ResourceUpdated", "Updated health status: Progressing -> Healthy")


def migrations(cluster: Cluster) -> Process:
    """Virtual machines move to other nodes, and it goes well."""
    while True:
        yield 2 * HOUR * (0.5 + cluster.chance.random())
        name = f"vm-{cluster.chance.randrange(12)}"
        on = On("VirtualMachineInstance", "vms", name, f"vmi-{name}")
        node = cluster.chance.choice(cluster.nodes).name
        migration = On("VirtualMachineInstanceMigration", "vms", f"{name}-{cluster.word(5)}", cluster.world.uid())
        cluster.by("virt-controller").event(migration, "SuccessfulCreate", f"Created migration target pod for {name}")
        cluster.by("virt-handler").event(on, "PreparingTarget", "Migration Target is listening")
        yield 25
        cluster.by("virt-handler").event(on, "Migrated", f"The VirtualMachineInstance migrated to node {node}.")
        says = "Source node reported migration succeeded"
        cluster.by("virt-controller").event(migration, "SuccessfulMigration", says)


def requests(cluster: Cluster) -> Process:
    """What the audit log tells of a quiet cluster: people and programs that may do what they do."""
    while True:
        yield 4 * MINUTE * (0.5 + cluster.chance.random())
        workload = cluster.chance.choice(cluster.workloads)
        cluster.world.observe(audited(cluster, workload.namespace, "deployments", "alice", name=workload.name))


def audited(  # noqa: PLR0913 -- who asked for what
    cluster: Cluster, namespace: str, resource: str, user: str, *, name: str = "", verb: str = "get", refused: str = ""
) -> bodies.Body:
    """Return an audit record of one request, `refused` with that message or not."""
    at = bodies.seconds(cluster.world.now)
    target = {"resource": resource, "namespace": namespace, "apiVersion": "v1"} | ({"name": name} if name else {})
    change: bodies.Body = {
        "auditID": cluster.world.uid(), "verb": verb, "user": {"username": user, "groups": ["system:authenticated"]},
        "objectRef": target, "requestReceivedTimestamp": at, "stageTimestamp": at,
        "requestURI": f"/api/v1/namespaces/{namespace}/{resource}/{name}".rstrip("/"),
    }  # fmt: skip
    if refused:
        answer = {"metadata": {}, "status": "Failure", "reason": "Forbidden", "message": refused, "code": 403}
        change |= {"responseStatus": answer, r"annotations.authorization\.k8s\.io/decision": "forbid"}
    return record(change)


def restarts(cluster: Cluster, every: float) -> Process:
    """The source is restarted, by an update or for want of memory, and sends all again."""
    while True:
        yield every * (0.5 + cluster.chance.random())
        cluster.world.restart_source()

"""Stories of workloads: no room, quotas and policies, roll-outs that never get ready, autoscalers without metrics."""

from tests.support.week.cluster import Cluster
from tests.support.week.pods import DEADLINE, ROLLOUT, stuck
from tests.support.week.recorder import On
from tests.support.week.things import Workload
from tests.support.week.truth import MINUTE
from tests.support.week.world import Process


def no_place(cluster: Cluster, workload: Workload) -> Process:
    """A pod asks for more than any node has left, until the team asks for less or others leave."""
    with cluster.story(workload):
        problem = cluster.begin(
            workload, "finds no node with enough room", ("node", "schedul", "capacity", "room"), tell_within=35 * MINUTE
        )
        workload.replicas += 1
        pod = cluster.created(workload)
        until = cluster.world.now + 15 * MINUTE + cluster.chance.random() * 90 * MINUTE
        count = len(cluster.nodes)
        text = f"0/{count} nodes are available: {count} Insufficient memory. preemption: no victims found."
        while cluster.world.now < until:
            cluster.scheduler.event(pod.on, "FailedScheduling", text, warning=True)
            says = "pod didn't trigger scale-up: 2 max node group size reached"
            cluster.by("cluster-autoscaler").event(pod.on, "NotTriggerScaleUp", says)
            yield 300
        yield from cluster.run(pod)
        workload.replicas -= 1
        cluster.end(problem)
        yield 30 * MINUTE
        yield from cluster.stopped(pod)


def refused(cluster: Cluster, workload: Workload) -> Process:
    """A ReplicaSet may not create pods: a quota is used up, or an admission policy says no."""
    with cluster.story(workload):
        chance = cluster.chance
        quota = chance.random() < 0.6
        change = cluster.revised(workload)
        said = ("quota",) if quota else ("webhook", "refuse", "denied", "policy", "admission", "kyverno")
        story = "the quota of its namespace is used up" if quota else "an admission policy refuses its pods"
        problem = cluster.begin(workload, story, said, change=change, tell_within=20 * MINUTE)
        lasts = 10 * MINUTE + chance.random() * 60 * MINUTE
        name = workload.controller.name
        why = (
            f'pods "{name}-x" is forbidden: exceeded quota: compute, requested: cpu=2, used: cpu=19, limited: cpu=20'
            if quota
            else 'admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod was blocked'
        )
        cluster.world.spawn(_fails_to_create(cluster, workload, why, cluster.world.now + lasts))
        late_for = yield from stuck(cluster, workload, problem, lasts)
        yield from cluster.rolled_out(workload)
        cluster.end(problem, *late_for)


def _fails_to_create(cluster: Cluster, workload: Workload, why: str, until: float) -> Process:
    """Let the ReplicaSet try to create pods, more and more rarely."""
    wait = 0.02
    while cluster.world.now < until:
        text = f"Error creating: {why}".replace("-x", f"-{cluster.word(5)}")
        cluster.by("replicaset-controller").event(workload.controller, "FailedCreate", text, warning=True)
        wait = min(wait * 2, 1000.0)
        yield min(wait, max(0.1, until - cluster.world.now))


def never_ready(cluster: Cluster, workload: Workload) -> Process:
    """A new version starts but never gets ready; the roll-out misses its deadline and is taken back."""
    with cluster.story(workload):
        change = cluster.revised(workload)
        problem = cluster.begin(
            workload, "its roll-out does not get on: the new pods never get ready", ROLLOUT,
            severity="high", change=change, tell_within=20 * MINUTE,
        )  # fmt: skip
        pod = cluster.created(workload)
        unready = cluster.truth.begin(
            cluster.world.now, f"{pod.on.path}: never gets ready", [pod.on.path], ("probe", "ready"), cause=problem
        )
        yield from cluster.run(pod, ready=False)
        until = cluster.world.now + DEADLINE + 5 * MINUTE + cluster.chance.random() * 40 * MINUTE
        late = cluster.world.now + DEADLINE
        while cluster.world.now < until:
            cluster.say(
                pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", warning=True
            )
            yield 10
            if late and cluster.world.now >= late:
                late = 0.0
                cluster.write_workload(workload, "ProgressDeadlineExceeded")
        cluster.revised(workload)
        yield from cluster.stopped(pod)
        cluster.write_workload(workload, "NewReplicaSetAvailable")
        cluster.end(problem, unready)


def autoscaler_blind(cluster: Cluster, workload: Workload) -> Process:
    """An autoscaler gets no metrics for a while."""
    with cluster.story(workload):
        scaler = On("HorizontalPodAutoscaler", workload.namespace, workload.name, f"hpa-{workload.uid}")
        problem = cluster.truth.begin(
            cluster.world.now, f"{scaler.path}: it gets no metrics", [scaler.path, workload.on.path],
            ("metric", "autoscal", "scal"), tell_within=40 * MINUTE, grace=75 * MINUTE,
        )  # fmt: skip
        until = cluster.world.now + 20 * MINUTE + cluster.chance.random() * 60 * MINUTE
        says = cluster.by("horizontal-pod-autoscaler").event
        text = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned"
        while cluster.world.now < until:
            says(scaler, "FailedGetResourceMetric", text, warning=True)
            yield 15
        cluster.end(problem)
        says(
            scaler, "SuccessfulRescale", f"New size: {workload.replicas}; reason: cpu resource utilization", spared=True
        )
        yield 1

"""Stories beside the workloads: storage, jobs, webhooks, operators, virtual machines, load balancers."""

from tests.support.week import bodies
from tests.support.week.cluster import Cluster
from tests.support.week.ordinary import Cron
from tests.support.week.recorder import On
from tests.support.week.things import Workload
from tests.support.week.truth import HOUR, MINUTE
from tests.support.week.world import Process

_OPERATORS = ("authentication", "ingress", "image-registry", "monitoring", "etcd", "dns", "network", "storage")


def claim(cluster: Cluster) -> Process:
    """A new stateful workload waits for a volume that cannot be made, until storage is back."""
    world, chance = cluster.world, cluster.chance
    workload = cluster.idle("StatefulSet")
    if workload is None:
        return
    with cluster.story(workload):
        workload.replicas += 1
        pod = cluster.created(workload)
        uid, name = world.uid(), f"data-{pod.name}"
        on = On("PersistentVolumeClaim", pod.namespace, name, uid)
        problem = cluster.truth.begin(
            world.now, f"{on.path}: no volume can be made", [on.path],
            ("volume", "provision", "claim", "storage"), severity="high", tell_within=15 * MINUTE,
        )  # fmt: skip
        world.write(bodies.claim(world, on, "Pending"))
        waits = cluster.begin(workload, f"{pod.name} waits for its volume", (), cause=problem)
        until, wait = world.now + 10 * MINUTE + chance.random() * 50 * MINUTE, 1.0
        by = cluster.by("csi-provisioner").event
        asked = 0.0
        while world.now < until:
            by(on, "Provisioning", f'External provisioner is provisioning volume for claim "{pod.namespace}/{name}"')
            text = 'failed to provision volume with StorageClass "fast": rpc error: code = ResourceExhausted'
            by(on, "ProvisioningFailed", text, warning=True)
            if world.now >= asked:
                asked = world.now + 300
                text = f"0/{len(cluster.nodes)} nodes are available: pod has unbound immediate PersistentVolumeClaims."
                cluster.scheduler.event(pod.on, "FailedScheduling", text, warning=True)
            wait = min(wait * 2, 300.0)
            yield wait
        by(on, "ProvisioningSucceeded", f"Successfully provisioned volume pvc-{uid}", spared=True)
        world.write(bodies.claim(world, on, "Bound"))
        cluster.end(problem)
        yield from cluster.run(pod)
        cluster.end(waits)
        yield HOUR
        workload.replicas -= 1
        yield from cluster.stopped(pod)
        world.delete(uid)


def job(cluster: Cluster, cron: Cron) -> Process:
    """A job fails for good, after its tries; the trouble is over when the next one succeeds."""
    if cron.busy:
        return
    cron.busy = True
    run = cron.new_job()
    problem = cluster.truth.begin(
        cluster.world.now, f"{run.path}: failed for good", [run.path, cron.on.path], ("job", "fail"),
        tell_within=20 * MINUTE, grace=40 * MINUTE,
    )  # fmt: skip
    pods = []
    for number in range(4):
        pod = cron.new_pod(run)
        problem.things.add(pod.on.path)
        pods.append(pod)
        yield from cluster.run(pod, there=True)
        yield 3
        pod.phase, pod.ready = "Failed", False
        cluster.write(pod)
        yield 10.0 * 2**number
    cluster.by("job-controller").event(
        run, "BackoffLimitExceeded", "Job has reached the specified backoff limit", warning=True
    )
    cron.write(run, "BackoffLimitExceeded")
    text = f"Saw completed job: {run.name}, condition: Failed"
    cluster.by("cronjob-controller").event(cron.on, "SawCompletedJob", text, spared=True)
    yield max(cron.every, 5 * MINUTE)
    good = cron.new_job()
    yield from cron.succeeded(good, cron.new_pod(good))
    cron.keep(good, [])
    cluster.end(problem)
    yield 10 * MINUTE  # the one that failed is kept for a while (failedJobsHistoryLimit)
    for pod in pods:
        cluster.drop(pod)
    cluster.world.delete(run.uid)
    yield HOUR
    cron.busy = False


def webhook(cluster: Cluster) -> Process:
    """An admission webhook is down: nothing that it guards can be created, wherever."""
    name = "validate.policies.example"
    problem = cluster.truth.begin(
        cluster.world.now, f"the admission webhook {name} does not answer",
        [f"ValidatingWebhookConfiguration/{name}"], ("webhook",), severity="high", tell_within=10 * MINUTE,
    )  # fmt: skip
    until = cluster.world.now + 10 * MINUTE + cluster.chance.random() * 30 * MINUTE
    hit = [found for found in (cluster.idle() for _ in range(6)) if found is not None]
    hit = list(dict.fromkeys(hit))
    for workload in hit:
        workload.busy = True
        problem.things |= {workload.on.path, workload.controller.path}
        workload.problems.append(problem)
    while cluster.world.now < until:
        for workload in hit:
            text = (
                f'Error creating: Internal error occurred: failed calling webhook "{name}": failed to call webhook: '
                'Post "https://policies.policies.svc:443/validate": connect: connection refused'
            )
            cluster.by("replicaset-controller").event(workload.controller, "FailedCreate", text, warning=True)
            yield 1 + cluster.chance.random() * 4
        yield 40
    for workload in hit:
        pod = cluster.created(workload)
        yield from cluster.run(pod)
        yield from cluster.stopped(workload.pods[0])
    cluster.end(problem)
    for workload in hit:
        workload.problems.clear()
        cluster.world.spawn(_free_later(workload))


def _free_later(workload: Workload) -> Process:
    yield HOUR
    workload.busy = False


def operator(cluster: Cluster, name: str) -> Process:
    """A cluster operator degrades, says so in other words meanwhile, and is well again."""
    on = On("Deployment", f"openshift-{name}-operator", f"{name}-operator", f"operator-{name}")
    problem = cluster.truth.begin(
        cluster.world.now, f"the cluster operator {name} is degraded", [on.path, f"ClusterOperator/{name}"],
        ("degraded", "operator"), severity="high", tell_within=10 * MINUTE,
    )  # fmt: skip
    by = cluster.by(f"{name}-operator").event
    head = f"Status for clusteroperator/{name} changed: Degraded"
    by(
        on,
        "OperatorStatusChanged",
        f'{head} changed from False to True ("WellKnownDegraded: not yet served")',
        spared=True,
    )
    for _ in range(cluster.chance.randrange(4)):
        yield 2 * MINUTE
        by(on, "OperatorStatusChanged", f'{head} message changed from "a" to "{cluster.word(6)}"', spared=True)
    yield 5 * MINUTE + cluster.chance.random() * 40 * MINUTE
    by(on, "OperatorStatusChanged", f"{head} changed from True to False", spared=True)
    cluster.end(problem)


def machine(cluster: Cluster, name: str) -> Process:
    """A virtual machine crashes and is started again, or its migration fails and then goes well."""
    on = On("VirtualMachineInstance", "vms", name, f"vmi-{name}")
    handler = cluster.by("virt-handler").event
    crash = cluster.chance.random() < 0.5
    problem = cluster.truth.begin(
        cluster.world.now, f"{on.path}: {'crashed' if crash else 'cannot be migrated'}",
        [on.path, f"VirtualMachine/vms/{name}"], ("crash", "stopped", "vm") if crash else ("migrat",),
        severity="high", tell_within=15 * MINUTE,
    )  # fmt: skip
    if crash:
        handler(on, "Stopped", "The VirtualMachineInstance crashed.", warning=True, spared=True)
        yield 3 * MINUTE + cluster.chance.random() * 20 * MINUTE
        handler(on, "Started", "VirtualMachineInstance started.", spared=True)
    else:
        for _ in range(2):
            migration = On("VirtualMachineInstanceMigration", "vms", f"{name}-{cluster.word(5)}", cluster.world.uid())
            problem.things.add(migration.path)
            says = "VirtualMachineInstance migration uid 7f3c failed. reason: internal error: unable to connect"
            handler(on, "Migrated", says, warning=True, spared=True)
            says = "source node reported migration failed"
            cluster.by("virt-controller").event(migration, "FailedMigration", says, warning=True, spared=True)
            yield 6 * MINUTE
        handler(on, "Migrated", "The VirtualMachineInstance migrated to node worker-3.", spared=True)
    cluster.end(problem)


def balancer(cluster: Cluster) -> Process:
    """The cloud does not give a Service its load balancer for a while."""
    workload = cluster.chance.choice(cluster.workloads)
    on = On("Service", workload.namespace, f"{workload.name}-{cluster.word(3)}", cluster.world.uid())
    problem = cluster.truth.begin(
        cluster.world.now, f"{on.path}: it gets no load balancer", [on.path], ("load balancer", "balancer"),
        severity="high", tell_within=15 * MINUTE,
    )  # fmt: skip
    by = cluster.by("service-controller").event
    wait, until = 5.0, cluster.world.now + 10 * MINUTE + cluster.chance.random() * 30 * MINUTE
    while cluster.world.now < until:
        by(on, "EnsuringLoadBalancer", "Ensuring load balancer")
        by(on, "SyncLoadBalancerFailed", "Error syncing load balancer: failed to ensure: quota exceeded", warning=True)
        wait = min(wait * 2, 300.0)
        yield wait
    by(on, "EnsuredLoadBalancer", "Ensured load balancer", spared=True)
    cluster.end(problem)


def operators(cluster: Cluster) -> list[str]:
    """Return the operators in an order of their own for each seed."""
    return cluster.chance.sample(_OPERATORS, len(_OPERATORS))

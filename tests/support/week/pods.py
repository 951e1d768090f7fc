"""Stories of pods: crash loops, images, probes, mounts, Secrets, and what passes by itself.

Each is a process that begins and ends its problems in the truth, and says what a cluster says meanwhile.
"""

from collections.abc import Generator

from tests.support.week.cluster import Cluster
from tests.support.week.things import Pod, Workload
from tests.support.week.truth import HOUR, MINUTE, Problem
from tests.support.week.world import Process

_CRASHES = ("crash", "restart", "back-off", "backoff")
_IMAGE = ("image", "pull", "registry")
ROLLOUT = ("roll-out", "rollout", "progress", "stuck", "deadline")
_LONGEST_BACK_OFF = 300.0
_SYNC = 13.0  # seconds between two looks of a kubelet at a pod
DEADLINE = 600.0  # progressDeadlineSeconds


def crash_loop(cluster: Cluster, workload: Workload) -> Process:
    """A program dies soon after each start: a new version, or what ran well until a service went away."""
    with cluster.story(workload):
        chance = cluster.chance
        change = cluster.revised(workload) if chance.random() < 0.5 else ""
        if change:
            yield from cluster.rolled_out(workload)
            yield 30
        lasts = cluster.world.now + 12 * MINUTE + chance.random() * 70 * MINUTE
        problem = cluster.begin(
            workload, "crashes again and again", _CRASHES, severity="high", change=change, tell_within=15 * MINUTE
        )
        hit = workload.pods[: 1 + chance.randrange(len(workload.pods))]
        for number, pod in enumerate(hit):
            cluster.world.spawn(_crashes(cluster, pod, lasts, ends=not change), number * 3.0)
        yield max(0.0, lasts + 5 - cluster.world.now)
        if change:  # only another version helps
            cluster.revised(workload)
            yield from cluster.rolled_out(workload)
        else:
            while any(not pod.ready for pod in hit):
                yield 5
        cluster.end(problem)


def _crashes(cluster: Cluster, pod: Pod, until: float, *, ends: bool) -> Process:
    """Let a container die and be started again with a growing back-off, until a time or until the pod is gone."""
    wait = 10.0
    oom = cluster.chance.random() < 0.2
    while not pod.gone:
        pod.ready, pod.restarts = False, pod.restarts + 1
        pod.ended = "OOMKilled" if oom else "Error"
        pod.waiting = "CrashLoopBackOff"
        container = pod.workload.container
        pod.waiting_says = f"back-off {int(wait)}s restarting failed container={container} pod={pod.name}"
        cluster.write(pod)
        waited = 0.0
        while waited < wait and not pod.gone:
            text = f"Back-off restarting failed container {container} in pod {pod.name}_{pod.namespace}({pod.uid})"
            cluster.say(pod, "BackOff", text, warning=True)
            waited += _SYNC
            yield _SYNC
        wait = min(wait * 2, _LONGEST_BACK_OFF)
        if pod.gone:
            return
        yield from cluster.pulled(pod, there=True)
        stays = ends and cluster.world.now >= until
        yield from cluster.started(pod, ready=stays)
        if stays:
            return
        yield 1 + cluster.chance.random() * 4


def image_pull(cluster: Cluster, workload: Workload) -> Process:
    """A roll-out names an image that cannot be had; it is pushed late, or the roll-out is taken back."""
    with cluster.story(workload):
        chance = cluster.chance
        old = list(workload.pods)
        change = cluster.revised(workload)
        problem = cluster.begin(workload, "its image cannot be pulled", _IMAGE, change=change, tell_within=20 * MINUTE)
        new = [cluster.created(workload) for _ in range(1 + chance.randrange(2))]
        pushed = chance.random() < 0.5
        lasts = 8 * MINUTE + chance.random() * 60 * MINUTE
        denied = chance.random() < 0.4
        until = cluster.world.now + lasts
        for pod in new:
            cluster.world.spawn(_pulls(cluster, pod, until if pushed else None, denied=denied))
        late_for = yield from stuck(cluster, workload, problem, lasts)
        if pushed:
            while any(not pod.ready for pod in new):
                yield 5
            for pod in old[: len(new)]:
                yield from cluster.stopped(pod)
        else:
            cluster.revised(workload)
            for pod in new:
                yield from cluster.stopped(pod)
        cluster.write_workload(workload, "NewReplicaSetAvailable")
        cluster.end(problem, *late_for)


def missed(cluster: Cluster, workload: Workload, cause: Problem) -> Problem:
    """Have a roll-out miss its deadline, which is a consequence of what keeps it from getting on."""
    story = f"{workload.on.path}: its roll-out does not get on"
    cluster.write_workload(workload, "ProgressDeadlineExceeded")
    return cluster.truth.begin(cluster.world.now, story, [workload.on.path], ROLLOUT, cause=cause)


def stuck(cluster: Cluster, workload: Workload, cause: Problem, lasts: float) -> Generator[float, None, list[Problem]]:
    """Wait so long; return the missed deadline where it is reached meanwhile."""
    if lasts <= DEADLINE:
        yield lasts
        return []
    yield DEADLINE
    found = missed(cluster, workload, cause)
    yield lasts - DEADLINE
    return [found]


def _pulls(cluster: Cluster, pod: Pod, until: float | None, *, denied: bool) -> Process:
    """Try to pull with a growing back-off, until a time or until the pod is gone."""
    yield from cluster.scheduled(pod)
    image, wait = pod.workload.image, 10.0
    why = "pull access denied, repository does not exist" if denied else f"{image}: not found"
    while not pod.gone:
        if until is not None and cluster.world.now >= until:
            yield from cluster.pulled(pod, there=False)
            yield from cluster.started(pod)
            return
        cluster.say(pod, "Pulling", f'Pulling image "{image}"')
        yield 1.5
        cluster.say(
            pod, "Failed", f'Failed to pull image "{image}": rpc error: code = NotFound desc = {why}', warning=True
        )
        cluster.say(pod, "Failed", "Error: ErrImagePull", warning=True)
        pod.waiting, pod.waiting_says = "ErrImagePull", why
        cluster.write(pod)
        waited = 0.0
        while waited < wait and not pod.gone:
            yield _SYNC
            waited += _SYNC
            cluster.say(pod, "BackOff", f'Back-off pulling image "{image}"')
            cluster.say(pod, "Failed", "Error: ImagePullBackOff", warning=True)
        pod.waiting, pod.waiting_says = "ImagePullBackOff", f'Back-off pulling image "{image}"'
        cluster.write(pod)
        wait = min(wait * 2, _LONGEST_BACK_OFF)


def probe(cluster: Cluster, workload: Workload) -> Process:
    """A pod answers its readiness probe badly for a while; nothing but its status says when that is over."""
    with cluster.story(workload):
        pod = cluster.chance.choice(workload.pods)
        problem = cluster.begin(
            workload, f"{pod.name} does not get ready", ("probe", "ready", "unhealthy"), severity="low",
            tell_within=30 * MINUTE, grace=40 * MINUTE,
        )  # fmt: skip
        until = cluster.world.now + 15 * MINUTE + cluster.chance.random() * 30 * MINUTE
        code = cluster.chance.choice(("500", "503"))
        pod.ready = False
        cluster.write(pod)
        while cluster.world.now < until and not pod.gone:
            text = f"Readiness probe failed: HTTP probe failed with statuscode: {code}"
            cluster.say(pod, "Unhealthy", text, warning=True)
            yield 10
        pod.ready = True
        cluster.write(pod)
        cluster.end(problem)


def liveness(cluster: Cluster, workload: Workload) -> Process:
    """A pod hangs again and again, and its kubelet restarts it for that."""
    with cluster.story(workload):
        pod = cluster.chance.choice(workload.pods)
        problem = cluster.begin(
            workload, f"{pod.name} hangs and is restarted", ("probe", "liveness", "unhealthy", *_CRASHES),
            tell_within=25 * MINUTE, grace=40 * MINUTE,
        )  # fmt: skip
        container = pod.workload.container
        for _ in range(4 + cluster.chance.randrange(5)):
            for _ in range(3):
                text = 'Liveness probe failed: Get "http://10.128.2.17:8080/healthz": context deadline exceeded'
                cluster.say(pod, "Unhealthy", text, warning=True)
                yield 10
            cluster.say(pod, "Killing", f"Container {container} failed liveness probe, will be restarted")
            pod.ready, pod.restarts, pod.ended = False, pod.restarts + 1, "Error"
            cluster.write(pod)
            yield from cluster.pulled(pod, there=True)
            yield from cluster.started(pod)
            yield 2 * MINUTE + cluster.chance.random() * 3 * MINUTE
        cluster.end(problem)


def mount(cluster: Cluster, workload: Workload) -> Process:
    """A roll-out needs a ConfigMap that nobody made; it is made late."""
    with cluster.story(workload):
        change = cluster.revised(workload)
        missing = cluster.chance.choice(("settings", "features", "rules"))
        problem = cluster.begin(
            workload, f"the ConfigMap {missing} is missing", ("mount", "volume", "configmap", "config"),
            severity="high", change=change, tell_within=20 * MINUTE,
        )  # fmt: skip
        pod = cluster.created(workload)
        old = workload.pods[0]
        yield from cluster.scheduled(pod)
        until = cluster.world.now + 10 * MINUTE + cluster.chance.random() * 50 * MINUTE
        wait, late = 0.5, cluster.world.now + DEADLINE
        late_for: list[Problem] = []
        while cluster.world.now < until:
            text = f'MountVolume.SetUp failed for volume "config" : configmap "{missing}" not found'
            cluster.kubelet.event(pod.on, "FailedMount", text, warning=True, host=pod.host)
            wait = min(wait * 2, 122.0)
            yield wait
            if not late_for and cluster.world.now >= late:
                late_for = [missed(cluster, workload, problem)]
        yield from cluster.pulled(pod, there=False)
        yield from cluster.started(pod)
        yield from cluster.stopped(old)
        cluster.write_workload(workload, "NewReplicaSetAvailable")
        cluster.end(problem, *late_for)


def no_secret(cluster: Cluster, workload: Workload) -> Process:
    """A roll-out reads a Secret that is not there."""
    with cluster.story(workload):
        change = cluster.revised(workload)
        problem = cluster.begin(
            workload, "the Secret that it reads is missing", ("secret", "config", "lacks"),
            change=change, tell_within=20 * MINUTE,
        )  # fmt: skip
        pod = cluster.created(workload)
        yield from cluster.scheduled(pod)
        until = cluster.world.now + 8 * MINUTE + cluster.chance.random() * 60 * MINUTE
        pod.waiting, pod.waiting_says = "CreateContainerConfigError", 'secret "db-credentials" not found'
        cluster.write(pod)
        late = cluster.world.now + DEADLINE
        late_for: list[Problem] = []
        while cluster.world.now < until:
            yield from cluster.pulled(pod, there=True)
            cluster.say(pod, "Failed", 'Error: secret "db-credentials" not found', warning=True)
            yield 11
            if not late_for and cluster.world.now >= late:
                late_for = [missed(cluster, workload, problem)]
        yield from cluster.started(pod)
        yield from cluster.stopped(workload.pods[0])
        cluster.write_workload(workload, "NewReplicaSetAvailable")
        cluster.end(problem, *late_for)


def hiccup(cluster: Cluster, workload: Workload) -> Process:
    """What passes by itself: one crash, one failed pull, one missed mount. Nobody wants a ticket for it."""
    with cluster.story(workload):
        what = cluster.chance.choice(("crash", "pull", "mount", "schedule"))
        problem = cluster.begin(workload, f"a hiccup ({what})", (), severity="low", wanted="noise", grace=HOUR)
        pod = cluster.created(workload)
        if what == "schedule":
            text = f"0/{len(cluster.nodes)} nodes are available: persistentvolumeclaim is being bound."
            cluster.scheduler.event(pod.on, "FailedScheduling", text, warning=True)
            yield 8
        yield from cluster.scheduled(pod)
        if what == "mount":
            text = 'MountVolume.SetUp failed for volume "config" : failed to sync configmap cache: timed out'
            cluster.kubelet.event(pod.on, "FailedMount", text, warning=True, host=pod.host)
            yield 1
        if what == "pull":
            text = f'Failed to pull image "{workload.image}": rpc error: code = Unavailable desc = EOF'
            cluster.say(pod, "Failed", text, warning=True)
            cluster.say(pod, "Failed", "Error: ErrImagePull", warning=True)
            yield 12
        yield from cluster.pulled(pod, there=False)
        yield from cluster.started(pod)
        if what == "crash":
            yield 5
            pod.ready, pod.restarts, pod.ended = False, 1, "Error"
            cluster.write(pod)
            yield from cluster.pulled(pod, there=True)
            yield from cluster.started(pod)
        yield from cluster.stopped(workload.pods[0])
        cluster.end(problem)

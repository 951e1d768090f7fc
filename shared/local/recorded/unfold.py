"""Unfolds the steps that stand for many: a roll-out, the start of a pod, one run of a cron job.

Each takes a step of the script and yields plain steps (`event` or `object`). Distances between them are those that one
sees on a quiet cluster.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

Step = dict[str, Any]


def unfold(step: Step, pods: dict[str, str], workloads: dict[str, dict[str, Any]]) -> Iterator[Step]:
    """Yield the plain steps that a step stands for; notes in `pods` on which node each new pod runs."""
    if "rollout" in step:
        yield from _rollout(step, pods, workloads)
    elif "start" in step:
        yield from _start(step, pods, workloads)
    elif "cron" in step:
        yield from _cron(step, pods, workloads)
    else:
        yield step


def workload_of(namespace: str, pod: str, workloads: dict[str, dict[str, Any]]) -> str:
    """Return the workload `namespace/name` whose pod this is, the longest name winning; empty when there is none."""
    fitting = [name for name in workloads if f"{namespace}/{pod}".startswith(f"{name}-")]
    return max(fitting, key=len, default="")


def later(at: str, seconds: float) -> str:
    """Return the time of day so many seconds later."""
    moment = datetime.combine(datetime(2000, 1, 1, tzinfo=UTC), time.fromisoformat(at)) + timedelta(seconds=seconds)
    return moment.time().isoformat()


def _start(step: Step, pods: dict[str, str], workloads: dict[str, dict[str, Any]]) -> Iterator[Step]:
    """Start `namespace/pod` on a node: scheduled, image there or pulled, created, started."""
    full, node, at = step["start"], step["node"], step["at"]
    namespace, pod = full.split("/")
    pods[full] = node
    on = f"Pod/{namespace}/{pod}"
    workload = workloads.get(workload_of(namespace, pod, workloads), {})
    image = step.get("image", workload.get("image", "registry.example/tool:1.0"))
    spec = {"nodeName": node, "containers": [{"image": image, "name": workload.get("container", pod)}]}
    yield {"at": at, "object": "add", "of": on, "spec": spec, "status": {"phase": "Pending"}}
    yield {"at": later(at, 0.1), "event": "Scheduled", "of": on}
    if step.get("pull", True):
        yield {"at": later(at, 1), "event": "Pulling", "of": on, "message": f'Pulling image "{image}"'}
        size = 21_000_000 + 137 * len(full) * len(image)
        done = f'Successfully pulled image "{image}" in 2.418s (2.418s including waiting). Image size: {size} bytes.'
    else:
        done = f'Container image "{image}" already present on machine and can be accessed by the pod'
    yield {"at": later(at, 3.5), "event": "Pulled", "of": on, "message": done}
    yield {"at": later(at, 3.7), "event": "Created", "of": on}
    yield {"at": later(at, 4), "event": "Started", "of": on}
    yield {"at": later(at, 5), "object": "update", "of": on, "status": {"phase": "Running"}}


def _rollout(step: Step, pods: dict[str, str], workloads: dict[str, dict[str, Any]]) -> Iterator[Step]:
    """Replace the pods of a Deployment one by one; `pods` maps each old suffix to the new one and its node."""
    full, at, old, new = step["rollout"], step["at"], step["from"], step["to"]
    namespace, name = full.split("/")
    deployment = f"Deployment/{namespace}/{name}"
    total = len(step["pods"])
    yield _image(at, deployment, step["image"], workloads[full], total)
    for number, (before, after) in enumerate(step["pods"].items()):
        suffix, node = after.split()
        grown = later(at, number * 12 + 1)
        yield _scaled(grown, deployment, f"{name}-{new}", number, number + 1)
        yield _created(later(grown, 0.2), f"ReplicaSet/{namespace}/{name}-{new}", f"{name}-{new}-{suffix}")
        start = {"at": later(grown, 0.4), "start": f"{namespace}/{name}-{new}-{suffix}", "node": node}
        yield from _start({**start, "image": step["image"]}, pods, workloads)
        gone = later(grown, 8)
        yield _scaled(gone, deployment, f"{name}-{old}", total - number, total - number - 1)
        pods.setdefault(f"{namespace}/{name}-{old}-{before}", node)
        yield from _removed(gone, namespace, f"{name}-{old}", before, workloads[full]["container"])


def _cron(step: Step, pods: dict[str, str], workloads: dict[str, dict[str, Any]]) -> Iterator[Step]:
    """Run a CronJob once: `run` is the number of the Job, `pod` the suffix of its pod, `node` the node."""
    full, at = step["cron"], step["at"]
    namespace, name = full.split("/")
    job = f"{name}-{step['run']}"
    ends = later(at, step.get("seconds", 45))
    cron = f"CronJob/{namespace}/{name}"
    yield {
        "at": at,
        "event": "SuccessfulCreate",
        "of": cron,
        "by": "cronjob-controller",
        "message": f"Created job {job}",
    }
    created = _created(later(at, 0.1), f"Job/{namespace}/{job}", f"{job}-{step['pod']}")
    yield {**created, "by": "job-controller"}
    start = {"at": later(at, 0.3), "start": f"{namespace}/{job}-{step['pod']}", "node": step["node"], "pull": False}
    yield from _start(start, pods, workloads)
    yield {"at": ends, "event": "Completed", "of": f"Job/{namespace}/{job}", "by": "job-controller"}
    seen = f"Saw completed job: {job}, condition: Complete"
    yield {"at": later(ends, 0.2), "event": "SawCompletedJob", "of": cron, "message": seen}


def _image(at: str, deployment: str, image: str, workload: dict[str, Any], replicas: int) -> Step:
    container = {"image": image, "name": workload["container"]}
    spec = {"replicas": replicas, "template": {"spec": {"containers": [container]}}}
    return {"at": at, "object": "update", "of": deployment, "spec": spec}


def _scaled(at: str, deployment: str, replica_set: str, before: int, after: int) -> Step:
    way = "up" if after > before else "down"
    message = f"Scaled {way} replica set {replica_set} from {before} to {after}"
    return {"at": at, "event": "ScalingReplicaSet", "of": deployment, "message": message}


def _created(at: str, owner: str, pod: str) -> Step:
    return {"at": at, "event": "SuccessfulCreate", "of": owner, "message": f"Created pod: {pod}"}


def _removed(at: str, namespace: str, replica_set: str, suffix: str, container: str) -> Iterator[Step]:
    pod = f"{replica_set}-{suffix}"
    owner = f"ReplicaSet/{namespace}/{replica_set}"
    yield {"at": later(at, 0.2), "event": "SuccessfulDelete", "of": owner, "message": f"Deleted pod: {pod}"}
    yield {
        "at": later(at, 0.4),
        "event": "Killing",
        "of": f"Pod/{namespace}/{pod}",
        "container": container,
        "message": f"Stopping container {container}",
    }
    yield {"at": later(at, 2.4), "object": "delete", "of": f"Pod/{namespace}/{pod}"}

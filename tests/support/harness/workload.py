"""What is posted: a seeded stream of Kubernetes Events with problems in it, each with a known end."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.events.identity import event_identity, problem_key
from shared.events.model import ObjectRef

CLUSTER = "conserved"
SECRET = "n3ver-to-be-seen"  # noqa: S105 - the word that must not arrive anywhere
_BEFORE = timedelta(seconds=150)  # the Events lie in the past: nothing that comes from the future keeps its time
_LATER = 0.7  # from this part of the stream on it is posted later
_NOISE = ("Scheduled", "Pulling", "Pulled", "Created", "Started", "Killing")
OPEN, RESOLVED = frozenset({"1", "2"}), frozenset({"6"})
"""States of an incident as ServiceNow stores them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A problem that deserves a ticket at `least` occurrences; `end` is the reason that ends it, if any does."""

    reason: str
    kind: str
    condition: str
    end: str = ""
    least: int = 1
    component: str = "kubelet"


KINDS = (
    Kind("NodeNotReady", "Node", "node-ready", "NodeReady", component="node-controller"),
    Kind("NodeHasDiskPressure", "Node", "node-disk-pressure", "NodeHasNoDiskPressure"),
    Kind("BackoffLimitExceeded", "Job", "job-failed", component="job-controller"),
    Kind("ProvisioningFailed", "PersistentVolumeClaim", "claim-provisioning", "ProvisioningSucceeded", 3),
    Kind("SyncLoadBalancerFailed", "Service", "load-balancer", "EnsuredLoadBalancer", 2, "service-controller"),
)


@dataclass(frozen=True, slots=True)
class Post:
    """One request: the CloudEvent's id, the identity of what it tells, its headers and its body."""

    id: str
    identity: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of the stream: its key, whether it ends, and whether it was told of by one observation alone.

    A `brief` one may end before ServiceNow could be told of its begin: then it gets no incident.
    """

    key: str
    name: str
    ends: bool
    once: bool
    brief: bool = False

    @property
    def states(self) -> frozenset[str]:
        """Return the states that its incident may be in at the end."""
        return RESOLVED if self.ends else OPEN


@dataclass(frozen=True, slots=True)
class Workload:
    """A stream, in the order in which it is posted, and the problems that are in it.

    What is in `later` is posted once each problem that is not brief has its incident: their ends are in it.
    """

    posts: tuple[Post, ...]
    later: tuple[Post, ...]
    problems: tuple[Problem, ...]

    @property
    def identities(self) -> frozenset[str]:
        """Return the identities of everything that is in it."""
        return frozenset(post.identity for post in (*self.posts, *self.later))


@dataclass(frozen=True, slots=True)
class _Line:
    """One Event before it is written down; `at` is its place in the stream, from 0 to 1."""

    at: float
    reason: str
    kind: str
    name: str
    uid: str
    count: int
    component: str


def workload(seed: int, count: int, problems: int, begun: datetime) -> Workload:
    """Return a stream of `count` Events, `problems` problems among them; the same for the same arguments."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    found = [_problem(chance, seed, number) for number in range(problems)]
    lines = [line for _, own in found for line in own]
    if len(lines) > count:
        raise ValueError(f"{problems} problems are {len(lines)} Events, more than {count}")
    lines += [_noise(chance, seed, number) for number in range(count - len(lines))]
    lines.sort(key=lambda line: line.at)
    posts = [_post(line, begun - _BEFORE, f"{seed}-{number}") for number, line in enumerate(lines)]
    first = sum(line.at < _LATER for line in lines)
    return Workload(tuple(posts[:first]), tuple(posts[first:]), tuple(problem for problem, _ in found))


def fresh(seed: int, number: int, now: datetime) -> tuple[Post, Problem]:
    """Return one more problem that no run has seen: what must still pass when all is over."""
    kind, name = KINDS[0], f"fresh-{seed}-{number}"
    line = _Line(1.0, kind.reason, kind.kind, name, f"fresh-{seed}-{number}", 1, kind.component)
    return _post(line, now - _BEFORE, f"fresh-{seed}-{number}"), _named(kind, name, ends=False, once=True)


def _problem(chance: random.Random, seed: int, number: int) -> tuple[Problem, list[_Line]]:
    """Return a problem and its Events: once or repeated with a growing count, and its end where it has one.

    A brief one's Events lie close together, so that its end may overtake its beginning.
    """
    kind = KINDS[number % len(KINDS)]
    name = f"{kind.kind.lower()}-{seed}-{number}"
    counts = [kind.least] if chance.random() < 0.5 else [kind.least, kind.least + 3, kind.least + 9]
    ends = bool(kind.end) and chance.random() < 0.8
    brief = ends and chance.random() < 0.2
    start = chance.uniform(0.0, _LATER - 0.1)
    steps = sorted(chance.uniform(0.0, 0.05) for _ in counts)
    lines = [
        _Line(start + step, kind.reason, kind.kind, name, f"e-{seed}-{number}", counted, kind.component)
        for step, counted in zip(steps, counts, strict=True)
    ]
    if ends:
        at = start + 0.06 if brief else chance.uniform(_LATER, 1.0)
        lines.append(_Line(at, kind.end, kind.kind, name, f"r-{seed}-{number}", 1, kind.component))
    return _named(kind, name, ends=ends, once=len(counts) == 1, brief=brief), lines


def _named(kind: Kind, name: str, *, ends: bool, once: bool, brief: bool = False) -> Problem:
    namespace = "" if kind.kind == "Node" else "shop"
    key = problem_key(CLUSTER, ObjectRef(kind=kind.kind, namespace=namespace, name=name), kind.condition)
    return Problem(key, name, ends, once, brief)


def _noise(chance: random.Random, seed: int, number: int) -> _Line:
    pod = f"web-{chance.randrange(400)}"
    return _Line(chance.random(), chance.choice(_NOISE), "Pod", pod, f"n-{seed}-{number}", 1, "kubelet")


def _post(line: _Line, begin: datetime, identifier: str) -> Post:
    moment = begin + line.at * (_BEFORE * 0.9)
    stamp = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    namespace = "" if line.kind == "Node" else "shop"
    involved = {"kind": line.kind, "name": line.name, "uid": f"uid-of-{line.name}"}
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{line.name}.{line.uid}",
            "namespace": namespace or "default",
            "uid": line.uid,
            "resourceVersion": identifier.rpartition("-")[2],
        },
        "involvedObject": involved | ({"namespace": namespace} if namespace else {}),
        "reason": line.reason,
        "message": f"{line.reason} of {line.kind} {line.name}, password={SECRET}",
        "type": "Normal",
        "source": {"component": line.component},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": line.count,
    }
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": identifier,
        "ce-source": "https://10.96.0.1:443",
        "ce-type": f"dev.knative.apiserver.resource.{'add' if line.count == 1 else 'update'}",
        "ce-time": stamp,
        "ce-kind": "Event",
        "ce-cluster": CLUSTER,
    }
    return Post(identifier, event_identity(CLUSTER, line.uid, line.count), headers, json.dumps(body).encode())

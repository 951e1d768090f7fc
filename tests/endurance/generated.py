"""A cluster's Events for as long as one likes: seeded noise, and problems that begin, repeat and end.

Every Event is new (its uid, or its count). The problems are those that a cluster has all day; each ends by the event
that ends it in life, so that in the end no ticket is open.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from heapq import merge
from operator import itemgetter
from typing import Any

import orjson

from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode

_NOISE = (
    ("Scheduled", "Normal", "default-scheduler", "Successfully assigned {namespace}/{name} to {node}"),
    ("Pulling", "Normal", "kubelet", 'Pulling image "registry.example/{namespace}/web:1.{number}"'),
    ("Pulled", "Normal", "kubelet", 'Container image "registry.example/{namespace}/web:1.{number}" already present'),
    ("Killing", "Normal", "kubelet", "Stopping container web"),
    ("Unhealthy", "Warning", "kubelet", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
)
_NODES = 40
_Step = tuple[float, Callable[[], CloudEvent]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A problem: what says it, how often, what ends it; `ticket` where so many repeats surely open one."""

    kind: str
    reason: str
    message: str
    component: str
    end: str
    end_message: str
    repeats: int
    field_path: str = ""


_PROBLEMS = (
    _Kind(
        "Node",
        "NodeNotReady",
        "Node {name} status is now: NodeNotReady",
        "node-controller",
        "NodeReady",
        "Node {name} status is now: NodeReady",
        3,
    ),
    _Kind(
        "ReplicaSet",
        "FailedCreate",
        'Error creating: pods "{name}-x" is forbidden: exceeded quota: compute',
        "replicaset-controller",
        "SuccessfulCreate",
        "Created pod: {name}-abcde",
        12,
    ),
    _Kind(
        "Pod",
        "FailedMount",
        'MountVolume.SetUp failed for volume "config" : configmap "web" not found',
        "kubelet",
        "Started",
        "Started container web",
        15,
        "spec.containers{web}",
    ),
    _Kind(
        "Pod",
        "BackOff",
        "Back-off restarting failed container web in pod {name}",
        "kubelet",
        "Started",
        "Started container web",
        20,
        "spec.containers{web}",
    ),
)


def events(seed: int, start: float, hours: float, total: int) -> Iterator[tuple[float, CloudEvent]]:
    """Yield so many Events in order of time, each with its second; one in seven is about a problem.

    Every problem has ended when four fifths of the time are over, so that what is held thereafter ends, too.
    """
    seconds = hours * 3600
    problems = [_problem(seed, number, start, seconds) for number in range(max(4, total // 100))]
    flat = sorted((step for steps in problems for step in steps), key=itemgetter(0))
    noise = _noise(seed, start, seconds, total - len(flat))
    # Each Event is made when its time comes: the day's memory shall be the system's, not the generator's.
    for at, make in merge(flat, noise, key=itemgetter(0)):
        yield at, make()


def _noise(seed: int, start: float, seconds: float, total: int) -> Iterator[_Step]:
    chance = random.Random(-seed)  # noqa: S311 - a simulation
    for number in range(total):
        at = start + seconds * number / total
        reason, kind, component, message = _NOISE[number % len(_NOISE)]
        name = f"web-{chance.randrange(10_000):04d}"
        involved = {"kind": "Pod", "namespace": f"team-{number % 50}", "name": name}
        node = f"worker-{number % _NODES}"
        text = message.format(**involved, node=node, number=number % 20)
        yield at, partial(_event, f"n{seed}-{number}", at, at, involved, reason, kind, component, text, 1)


def _problem(seed: int, number: int, start: float, seconds: float) -> list[_Step]:
    chance = random.Random(seed * 1_000_000 + number)  # noqa: S311 - a simulation
    kind = _PROBLEMS[number % len(_PROBLEMS)]
    # Each object has its own problem, but nodes have theirs again and again.
    name = f"worker-{number % _NODES}" if kind.kind == "Node" else f"app-{number}"
    involved = {"kind": kind.kind, "namespace": "" if kind.kind == "Node" else f"team-{number % 50}", "name": name}
    involved |= {"fieldPath": kind.field_path} if kind.field_path else {}
    span = min(1800.0, seconds / 12)
    begun = start + chance.random() * (seconds * 0.8 - span)
    if kind.kind == "Node":  # its turns do not overlap
        rounds = max(1, number // _NODES + 1)
        begun = start + (rounds * 4 * span) % (seconds * 0.8) + chance.random() * span / 4
    steps: list[_Step] = []
    for repeat in range(kind.repeats):
        at = begun + span * repeat / kind.repeats
        text = kind.message.format(name=name)
        event = partial(
            _event, f"p{seed}-{number}", begun, at, involved, kind.reason, "Warning", kind.component, text, repeat + 1
        )
        steps.append((at, event))
    at = begun + span
    text = kind.end_message.format(name=name)
    steps.append(
        (at, partial(_event, f"e{seed}-{number}", at, at, involved, kind.end, "Normal", kind.component, text, 1))
    )
    return steps


def _event(  # noqa: PLR0913, PLR0917 -- what an Event has
    uid: str,
    first: float,
    at: float,
    involved: dict[str, str],
    reason: str,
    kind: str,
    component: str,
    message: str,
    count: int,
) -> CloudEvent:
    namespace = involved["namespace"] or "default"
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{involved['name']}.{uid}",
            "namespace": namespace,
            "uid": uid,
            "resourceVersion": str(int(at * 10)),
            "creationTimestamp": _text(first),
        },
        "involvedObject": {"apiVersion": "v1", **involved},
        "reason": reason,
        "message": message,
        "type": kind,
        "count": count,
        "firstTimestamp": _text(first),
        "lastTimestamp": _text(at),
        "source": {"component": component},
        "reportingComponent": component,
    }
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": f"{uid}-{count}",
        "ce-source": "https://10.40.0.1:6443",
        "ce-type": f"dev.knative.apiserver.resource.{'add' if count == 1 else 'update'}",
        "ce-time": _text(at),
        "ce-kind": "Event",
        "ce-cluster": "simulated",
    }
    found = decode(headers, orjson.dumps(body))
    if not isinstance(found, CloudEvent):
        raise TypeError(f"the generator made what is no event: {found}")
    return found


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

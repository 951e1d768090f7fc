"""Short stories, played through the real classifier and correlator: what the pictures of docs/episodes.md show."""

import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from shared.cli.daily import Daily
from shared.cli.following import Following, Line
from shared.cli.payloads import read
from shared.episodes.policy_shipped import load_policies
from shared.rules.shipped import load_shipped

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
_NODE = "worker-1"
# What follows is shown for each pod alone: the shipped policy would have one ticket for all pods of a workload.
_EACH_ALONE = "routes: [{name: workload, enabled: false, match: {}}]\n"


class Seen(NamedTuple):
    """One Event: when it was sent (seconds from START), of `Kind/name` or `Kind/namespace/name`, its reason and count.

    `happened` is when it happened, where that is not when it was sent.
    """

    sent: float
    thing: str
    reason: str
    message: str = ""
    count: int = 1
    happened: float | None = None
    good: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A story: its file's name, what it says to who cannot see it, its Events, and what is drawn of it.

    Up to `seconds` is drawn, under the shipped policy with `policy` above it.
    """

    name: str
    alt: str
    seen: Sequence[Seen]
    seconds: float
    policy: str = ""


def lost(sent: float, node: str = _NODE, happened: float | None = None) -> Seen:
    """Return that a node is not ready."""
    return Seen(sent, f"Node/{node}", "NodeNotReady", happened=happened)


def back(sent: float, node: str = _NODE, happened: float | None = None) -> Seen:
    """Return that it is ready again."""
    return Seen(sent, f"Node/{node}", "NodeReady", happened=happened, good=True)


def crash(sent: float, pod: str, count: int) -> Seen:
    """Return that a container of a pod crashes."""
    return Seen(sent, f"Pod/shop/{pod}", "BackOff", "Back-off restarting failed container app in pod", count)


def started(sent: float, pod: str) -> Seen:
    """Return that it was started."""
    return Seen(sent, f"Pod/shop/{pod}", "Started", "Started container app", good=True)


_WEB = tuple(f"web-66d9f8c7b5-hq7d{letter}" for letter in "krt")
_LIMIT = "defaults: {ticket_limit: {tickets: 2, within: 10m}}\n"
_MANY = tuple(f"worker-{number}" for number in range(1, 6))

SCENES = (
    Scene(
        "group-wait",
        "worker-1 is not ready for 90 seconds: its ticket opens ten seconds after it began and closes with NodeReady. "
        "worker-2 is not ready for five seconds: it is over before its wait and never has a ticket.",
        [lost(0), lost(20, "worker-2"), back(25, "worker-2"), back(90)],
        120,
    ),
    Scene(
        "late-cause",
        "A pod crashes at 12:00 and gets a ticket. At 12:01 its node is not ready: the node gets a ticket, that of the "
        "pod is closed as a consequence. At 12:09 the node is ready; the pod still crashes, and five minutes later its "
        "ticket is reopened.",
        [crash(0, "web-0", 5), lost(60), crash(300, "web-0", 9), back(540), crash(600, "web-0", 12),
         crash(840, "web-0", 15)],
        960,
        _EACH_ALONE,
    ),
    Scene(
        "flapping",
        "A node is not ready and ready again by turns, each for a minute. After the fourth end or return within ten "
        "minutes its ticket stays open, and is closed ten minutes after the last NodeReady.",
        [(back if minute % 2 else lost)(minute * 60) for minute in range(8)],
        1080,
    ),
    Scene(
        "group",
        "Three pods of one workload crash within fifteen seconds. None has a ticket of its own; one ticket lists all "
        "three, and closes when the last of them has been quiet for ten minutes.",
        [*(crash(number * 7, pod, 5) for number, pod in enumerate(_WEB)),
         *(started(120 + number * 60, pod) for number, pod in enumerate(_WEB))],
        960,
    ),
    Scene(
        "limit",
        "With a limit of two tickets in ten minutes, five nodes are not ready one after the other. The first two have "
        "tickets, the other three one summary together, which closes when the last of them is ready.",
        [*(lost(number * 15, node) for number, node in enumerate(_MANY)),
         *(back(240 + number * 15, node) for number, node in enumerate(_MANY))],
        360,
        _LIMIT,
    ),
    Scene(
        "crash-loop",
        "A container crashes, is started, crashes again and is started again. Its ticket stays open until it has been "
        "quiet for ten minutes after the last start.",
        [crash(0, "web-0", 5), started(60, "web-0"), crash(180, "web-0", 6), started(360, "web-0")],
        1080,
        _EACH_ALONE,
    ),
    Scene(
        "end-first",
        "NodeReady of 12:01 arrives, and after it NodeNotReady of 12:00. The problem is told and is over at once; it "
        "had lasted longer than its wait, so that there is a ticket, opened and closed with the next ticks.",
        [back(60), lost(80, happened=0)],
        120,
    ),
)  # fmt: skip


def played(scene: Scene) -> list[Line]:
    """Return what the correlator decides as the scene goes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.yaml"
        file.write_text(scene.policy, encoding="utf-8")
        policies = load_policies(file if scene.policy else None)
    following = Following({}, load_shipped(), policies, Daily({}, ""))
    try:
        given = io.BytesIO("\n".join(json.dumps(_event(number, one)) for number, one in enumerate(scene.seen)).encode())
        return [
            line
            for line in following.lines(read(None, given, "prod", START + timedelta(days=1)))
            if isinstance(line, Line)
        ]
    finally:
        following.close()


def _event(number: int, seen: Seen) -> dict[str, Any]:
    kind, *rest = seen.thing.split("/")
    thing = {"kind": kind, "name": rest[-1], **({"namespace": rest[0]} if len(rest) > 1 else {})}
    at = _text(seen.sent if seen.happened is None else seen.happened)
    series = f"{rest[-1]}.{seen.reason}".lower() + ("" if seen.count > 1 else f".{number}")
    if kind == "Pod":
        thing["fieldPath"] = "spec.containers{app}"
    return {
        "specversion": "1.0", "id": str(number), "source": "https://10.40.0.1:6443", "cluster": "prod",
        "type": "dev.knative.apiserver.resource.add", "time": _text(seen.sent),
        "data": {
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": series, "namespace": thing.get("namespace", "default"), "uid": series},
            "involvedObject": thing, "reason": seen.reason, "message": seen.message or seen.reason,
            "type": "Normal" if seen.good or kind == "Node" else "Warning", "count": seen.count,
            "firstTimestamp": at, "lastTimestamp": at,
            "source": {"component": "kubelet", "host": _NODE} if kind == "Pod" else {"component": "node-controller"},
        },
    }  # fmt: skip


def _text(second: float) -> str:
    return (START + timedelta(seconds=second)).isoformat()

"""Stories of a cluster, played to the correlator, and what people then read in the tickets of a ServiceNow instance."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared.episodes.policy import Asked, Inhibition, Match, Policies, Policy
from shared.events.episode import Episode
from shared.events.model import ObjectRef
from shared.events.outcome import Done, Duplicate, Ignored
from tests.support.incidents import Delivering, instance
from tests.support.life import Life, fine, pod, trouble

NODE = ObjectRef(kind="Node", name="worker-1")
LOST_NODE = Inhibition(
    "a lost node",
    cause=Match((Asked("kind", frozenset({"Node"})), Asked("condition", frozenset({"not-ready"})))),
    affected=Match((Asked("kind", frozenset({"Pod"})),)),
    by="node",
)
ON_NODE = {"host": "worker-1", "component": "kubelet", "message": "Readiness probe failed: timeout"}
NOT_READY = {
    "summary": "Node worker-1 is not ready", "reason": "NodeNotReady", "severity": "critical", "subcategory": "node",
    "message": "Node worker-1 status is now: NodeNotReady", "component": "node-controller", "rule": "node-not-ready",
    "why": "Its pods are evicted after five minutes.", "runbook": "https://wiki.example.com/node-not-ready",
}  # fmt: skip
Work = Callable[[Life], Awaitable[None]]


def told(work: Work, rules: Policies) -> list[Episode]:
    """Return all snapshots that a story makes, in order."""

    async def played() -> list[Episode]:
        life = Life(rules)
        await work(life)
        return life.told

    return asyncio.run(played())


def read(episodes: list[Episode], **settings: str) -> dict[str, dict[str, Any]]:
    """Return the incidents that snapshots make, by the object's path or the summary, each with its `notes`."""
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            for one in episodes:
                outcome = (await deliver(one)).outcome
                assert isinstance(outcome, Done | Duplicate | Ignored), outcome

        sn.play(main, **settings)
        rows = sn.incidents()
        found = {one.id: one.object.path for one in episodes}
        return {found[row["correlation_id"]]: {**row, "notes": sn.notes(row)} for row in rows}


async def lost_node(life: Life) -> None:
    """A node is lost with 12 pods, which are well again just before it returns."""
    there = {"cluster": "prod-eu1"}
    await life.at(0, trouble(0, NODE, "not-ready", **NOT_READY, **there))
    for number in range(12):
        await life.at(1 + number, trouble(1 + number, pod(number), "unhealthy", **ON_NODE, **there))
    await life.until(120)
    for number in range(12):
        await life.at(600, fine(600, pod(number), **there))
    await life.at(700, fine(700, NODE, reason="NodeReady", **there))
    await life.until(1100)


async def late_cause(life: Life) -> None:
    """A pod fails, its node turns out to be lost, the node returns and the pod stays down, then it is well."""
    await life.at(0, trouble(0, pod(1), "unhealthy", summary="Pod shop/web-1 is not ready", **ON_NODE))
    await life.at(61, trouble(61, NODE, "not-ready", summary="Node worker-1 is not ready"))
    await life.at(200, fine(200, NODE, reason="NodeReady"))
    await life.until(600)
    await life.at(700, fine(700, pod(1), reason="Ready"))
    await life.until(800)


async def flapping(life: Life) -> None:
    """A probe fails and succeeds in turn."""
    for turn in range(6):
        await life.at(60 * turn, trouble(60 * turn, pod(1), "probe", count=turn + 1, message="Probe failed"))
        await life.at(60 * turn + 30, fine(60 * turn + 30, pod(1), reason="Ready"))
    await life.until(330 + 620)


async def group(life: Life) -> None:
    """Two pods of one namespace want the same volume; a third one joins; all are well again."""
    changes = {"reason": "FailedMount", "message": "volume not found"}
    await life.at(0, trouble(0, pod(1), "mount-failed", **changes))
    await life.at(4, trouble(4, pod(2), "mount-failed", **changes))
    await life.at(60, trouble(60, pod(3), "mount-failed", **changes))
    await life.until(120)
    await life.at(200, fine(200, pod(1)), fine(200, pod(2)), fine(200, pod(3)))
    await life.until(260)


async def storm(life: Life) -> None:
    """A hundred namespaces each have a problem of their own at once."""
    for number in range(100):
        await life.at(number / 10, trouble(number / 10, pod(number, f"team-{number}"), "quota"))
    await life.until(60)


async def worse(life: Life) -> None:
    """A crash loop goes on, says something else, gets worse, and goes on."""
    said = {"summary": "Pod shop/web-1 keeps crashing", "fingerprint": "a"}
    await life.at(0, trouble(0, pod(1), "crash-loop", **said))
    await life.until(60)
    await life.at(61, trouble(61, pod(1), "crash-loop", count=9, **said))
    await life.until(300)
    said |= {"message": "Out of memory", "reason": "OOMKilling", "fingerprint": "b", "severity": "critical"}
    await life.at(301, trouble(301, pod(1), "crash-loop", count=10, **said))
    await life.until(400)


HELD = Policies(Policy(), inhibitions=(LOST_NODE,))
GROUPED = Policies(Policy(group_by=("namespace", "reason")))
PLAIN = Policies(Policy())

"""What the tests of first contact share: old and new Events of many pods, and what the correlator keeps of them."""

from datetime import timedelta
from typing import Any

from shared.episodes.browse import Filter, listing
from shared.events.episode import Episode
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef
from tests.support.correlator import START, Rig, problem, recovery, told

DAY = 86_400.0
BASELINE = {"FIRST_CONTACT": "baseline"}
_MOST = 50_000


def pod(number: int) -> ObjectRef:
    """Return one of many pods."""
    return ObjectRef(kind="Pod", namespace="shop", name=f"web-{number}")


def began(before: float, seconds: float, number: int = 0, count: int = 40, **changes: Any) -> Classified:
    """Return a repeated Event of a pod, sent `seconds` after START, whose series began `before` seconds ahead of it."""
    thing, cluster = pod(number), changes.get("cluster", "c")
    first = START + timedelta(seconds=seconds - before)
    one = {
        "object": thing, "problem_key": problem_key(cluster, thing, "crash-loop"), "first_time": first,
        "source_uid": f"event-{number}", "identity": event_identity(cluster, f"event-{number}", count),
    }  # fmt: skip
    return problem(seconds, count=count, **{**one, **changes})


def ended(seconds: float, number: int = 0) -> Classified:
    """Return what ends the pod's problem."""
    return recovery(seconds, "crash-loop", object=pod(number))


async def one_snapshot(rig: Rig, classified: Classified) -> Episode:
    """Send it and return the episode that is the reply."""
    return told(await rig.send(classified))


async def listed(rig: Rig) -> list[Episode]:
    """Return what a list of episodes shows."""
    return list((await listing(rig.store, Filter(), limit=_MOST)).episodes)

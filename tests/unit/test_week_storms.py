"""The storms are what they say they are."""

from collections import Counter

from tests.support.week.storms import (
    EVENTS,
    NAMESPACES,
    PODS,
    SECONDS,
    Storm,
    crash_loop,
    crowded,
    failures,
    looping,
    mended,
    new_storm,
    node_back,
    node_lost,
)
from tests.support.week.world import LATENESS, Process, Sent

START = 1_788_134_400.0


def raged(storm: Storm, process: Process) -> list[Sent]:
    """Return what the minute sends; it must be ten thousand within a minute."""
    list(storm.stands())
    begun = storm.world.now
    sent = [one for one in storm.act(process) if one.event.extensions["kind"] == "Event"]
    assert len(sent) == EVENTS
    moments = [event.time.timestamp() for _, event in sent if event.time is not None]
    assert max(moments) - min(moments) <= SECONDS + 1
    assert max(at for at, _ in sent) <= begun + SECONDS + LATENESS
    assert len({event.id for _, event in sent}) == EVENTS
    return sent


def test_the_lost_node_speaks_of_itself_and_of_its_110_pods() -> None:
    storm = new_storm(1, START)
    node, pods = crowded(storm)
    assert len(pods) == PODS == len(node.pods) - 2  # two agents run on each node
    sent = raged(storm, node_lost(storm, node, pods))
    about = Counter(event.data["involvedObject"]["name"] for _, event in sent)
    assert about.pop(node.name) == 1
    assert set(about) == {pod.name for pod in pods}
    back = [event for _, event in storm.act(node_back(storm, node, pods), storm.world.now + 30)]
    assert any(event.extensions["kind"] == "Event" and event.data["reason"] == "NodeReady" for event in back)
    well = {event.data["metadata"]["name"] for event in back if _is_well(event.data)}
    assert len(well) == PODS - 4


def _is_well(body: dict[str, object]) -> bool:
    return body["kind"] == "Pod" and "'status': 'True'" in str(body["status"])


def test_the_crash_loop_is_of_one_deployment() -> None:
    storm = new_storm(1, START)
    workload = looping(storm)
    old = {pod.name for pod in workload.pods}
    sent = raged(storm, crash_loop(storm, workload))
    counts = Counter(event.data["involvedObject"]["name"] for _, event in sent)
    assert set(counts) == old
    assert {event.data["count"] for _, event in sent} == set(range(1, EVENTS // len(old) + 1))
    after = [event for _, event in storm.act(mended(storm, workload), storm.world.now + 30)]
    gone = {event.data["metadata"]["name"] for event in after if event.type.endswith("delete")}
    assert gone == old


def test_each_of_500_namespaces_has_a_failure_of_its_own() -> None:
    storm = new_storm(1, START, NAMESPACES)
    sent = raged(storm, failures(storm))
    counts = Counter(event.extensions["namespace"] for _, event in sent)
    assert len(counts) == NAMESPACES
    assert set(counts.values()) == {EVENTS // NAMESPACES}
    assert len(set(storm.things)) == NAMESPACES

"""The simulated reporters write Events as client-go does (reference/inputs.md §1.9)."""

from typing import Any

from tests.support.week.recorder import On, Recorder, Series
from tests.support.week.world import LATENESS, Process, World

POD = On("Pod", "shop", "web-0", "uid-0")


def sent(world: World, process: Process, seconds: float = 20_000.0) -> list[tuple[str, dict[str, Any]]]:
    """Run a process; return what was sent in the order of its versions: operation and Event, none twice."""
    start = world.now
    world.spawn(process)
    found = {
        event.data["metadata"]["resourceVersion"]: (event.type.rpartition(".")[2], event.data)
        for _, event in world.run(start + seconds)
        if not event.type.endswith("delete")
    }
    return [found[version] for version in sorted(found, key=int)]


def test_a_repetition_counts_the_same_event_up() -> None:
    world = World(1, 1e9)
    kubelet = Recorder(world, "kubelet")

    def process() -> Process:
        for _ in range(3):
            kubelet.event(POD, "BackOff", "Back-off", warning=True, host="n1")
            yield 10

    found = sent(world, process())
    assert [(operation, event["count"]) for operation, event in found] == [("add", 1), ("update", 2), ("update", 3)]
    assert len({event["metadata"]["uid"] for _, event in found}) == 1
    assert [event["firstTimestamp"] == event["lastTimestamp"] for _, event in found] == [True, False, False]
    assert found[0][1]["source"] == {"component": "kubelet", "host": "n1"}


def test_an_event_that_was_forgotten_begins_anew_with_its_old_count() -> None:
    world = World(1, 1e9)
    controller = Recorder(world, "job-controller")

    def process() -> Process:
        controller.event(POD, "Failed", "x")
        yield 3700
        controller.event(POD, "Failed", "x")

    (_, first), (operation, second) = sent(world, process())
    assert (operation, second["count"]) == ("add", 2)
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert first["metadata"]["name"] == second["metadata"]["name"]
    assert first["firstTimestamp"] == second["firstTimestamp"]


def test_the_spam_filter_lets_25_through_then_one_each_five_minutes_and_the_count_knows_all() -> None:
    world = World(1, 1e9)
    kubelet = Recorder(world, "kubelet")

    def process() -> Process:
        for _ in range(160):
            kubelet.event(POD, "Unhealthy", "Readiness probe failed", warning=True)
            yield 5

    found = sent(world, process())
    assert len(found) == 25 + 2
    assert found[-1][1]["count"] > 100


def test_more_than_ten_similar_messages_become_one_event() -> None:
    world = World(1, 1e9)
    controller = Recorder(world, "replicaset-controller")

    def process() -> Process:
        for number in range(14):
            controller.event(POD, "FailedCreate", f"Error creating: pods web-{number} is forbidden", warning=True)
            yield 1

    found = sent(world, process())
    assert [event["count"] for _, event in found] == [1] * 9 + [1, 2, 3, 4, 5]
    assert found[-1][1]["message"].startswith("(combined from similar events): Error creating: pods web-13")


def test_a_series_is_told_with_its_first_repetition_and_then_each_half_hour() -> None:
    world = World(1, 1e9)
    scheduler = Series(world, "default-scheduler")

    def process() -> Process:
        for _ in range(20):
            scheduler.event(POD, "FailedScheduling", "0/3 nodes are available", warning=True)
            yield 300

    found = sent(world, process())
    assert "series" not in found[0][1]
    assert [event["series"]["count"] for _, event in found[1:]] == [2, 8, 14, 20]
    assert found[0][1]["eventTime"].endswith("Z")
    assert "count" not in found[0][1]


def test_what_arrives_late_is_late_by_less_than_a_minute() -> None:
    world = World(1, 1e9)
    kubelet = Recorder(world, "kubelet")

    def process() -> Process:
        for number in range(3000):
            kubelet.event(POD._replace(name=f"web-{number}"), "Started", "Started container")
            yield 1

    world.spawn(process())
    late = [at - event.time.timestamp() for at, event in world.run(1e9 + 3000) if event.time is not None]
    assert max(late) < LATENESS
    assert 0.01 < sum(each > 1 for each in late) / len(late) < 0.06

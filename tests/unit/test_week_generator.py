"""The simulated cluster: a seed gives the same life each time, in the order of arrival, as a source sends it."""

from collections import Counter
from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest

from shared.events.model import Observation
from shared.sources.registry import decode
from tests.support.week.cluster import Cluster
from tests.support.week.truth import Truth
from tests.support.week.week import week
from tests.support.week.world import Process, Sent, World

DAYS = 0.6


@pytest.fixture(scope="module")
def lived() -> tuple[list[Sent], Truth]:
    made = week(5, DAYS)
    return list(made.sent), made.truth


@pytest.fixture(scope="module")
def observations(lived: tuple[list[Sent], Truth]) -> list[Observation]:
    """Return what is read from all that was sent; each event must be one that can be read."""
    now = datetime.now(UTC)
    read = []
    for _, event in lived[0]:
        found = decode(event, cluster="", now=now)
        assert isinstance(found, list), found
        read += found
    return read


def test_the_same_seed_gives_the_same_events_and_the_same_truth(lived: tuple[list[Sent], Truth]) -> None:
    again = week(5, DAYS)
    assert list(again.sent) == lived[0]
    assert again.truth == lived[1]
    assert [event.id for _, event in islice(week(6, DAYS).sent, 5000)] != [event.id for _, event in lived[0][:5000]]


def test_events_come_in_the_order_of_arrival_and_never_with_the_same_id(lived: tuple[list[Sent], Truth]) -> None:
    times = [at for at, _ in lived[0]]
    assert times == sorted(times)
    assert len({event.id for _, event in lived[0]}) == len(lived[0])


def test_a_few_of_a_hundred_come_out_of_order(lived: tuple[list[Sent], Truth]) -> None:
    moments = [event.time for _, event in lived[0] if event.time is not None]
    earlier = sum(one < before for before, one in pairwise(moments))
    assert 0.01 < earlier / len(moments) < 0.2


def test_a_source_that_restarts_sends_all_again_as_added_at_the_same_versions() -> None:
    world = World(1, 1e9)
    cluster = Cluster(world, 3, ["shop"], 4)
    world.spawn(_starts_and_restarts(cluster))
    before, after = [], []
    for at, event in world.run(1e9 + 600):
        (before if at < 1e9 + 300 else after).append(event)
    first = {event.data["metadata"]["resourceVersion"]: event for event in before}
    assert len(after) > 30
    assert {event.type.rpartition(".")[2] for event in after} == {"add"}
    assert {event.data["kind"] for event in after} == {"Node", "Namespace", "Pod", "Deployment", "Event"}
    for event in after:
        same = first[event.data["metadata"]["resourceVersion"]]
        assert (event.data, event.id != same.id) == (same.data, True)


def _starts_and_restarts(cluster: Cluster) -> Process:
    yield from cluster.run(cluster.created(cluster.workloads[0]))
    yield 400 - (cluster.world.now - 1e9)
    cluster.world.restart_source()


def test_every_event_can_be_read_and_is_of_the_right_dialect(observations: list[Observation]) -> None:
    dialects = Counter(seen.dialect for seen in observations)
    assert set(dialects) == {"kubernetes-event", "apiserver-resource", "audit", "falco"}
    assert dialects["kubernetes-event"] > dialects["apiserver-resource"] > dialects["audit"] > dialects["falco"] > 0


def test_every_problem_ends_before_the_time_is_over_and_names_what_it_is_about(lived: tuple[list[Sent], Truth]) -> None:
    truth = lived[1]
    assert {problem.wanted for problem in truth.problems} == {"ticket", "noise", "planned", "consequence"}
    for problem in truth.problems:
        assert problem.ended is not None
        assert problem.began <= problem.ended < lived[0][-1].at, problem.story
        assert problem.things, problem.story
        assert problem.said or problem.wanted != "ticket", problem.story
        assert truth.root(problem).cause is None


def test_what_a_problem_is_about_is_seen_while_it_lasts(
    lived: tuple[list[Sent], Truth], observations: list[Observation]
) -> None:
    seen: dict[str, list[float]] = {}
    for observation in observations:
        thing = observation.object
        seen.setdefault(thing.path, []).append(observation.received.timestamp())
    for problem in lived[1].wanted:
        assert problem.ended is not None
        moments = [moment for thing in problem.things for moment in seen.get(thing, ())]
        assert any(problem.began - 1 <= moment <= problem.ended + 70 for moment in moments), problem.story


def test_two_problems_of_one_workload_are_an_hour_apart(lived: tuple[list[Sent], Truth]) -> None:
    spans: dict[str, list[tuple[float, float]]] = {}
    for problem in lived[1].wanted:
        workloads = sorted(thing for thing in problem.things if thing.startswith("Deployment/"))
        for thing in workloads if len(workloads) == 1 else ():
            spans.setdefault(thing, []).append((problem.began, problem.ended or 0.0))
    assert any(len(times) > 1 for times in spans.values()) or len(spans) > 5
    for times in spans.values():
        ordered = sorted(times)
        for (_, end), (begin, _) in pairwise(ordered):
            assert begin >= end + 3000

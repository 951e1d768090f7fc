"""Problems that the pods of a workload share at the correlator: one episode, ended by silence after any pod is well."""

from typing import Any

from shared.episodes import browse
from shared.events.identity import event_identity, problem_key, workload_of
from shared.events.model import Classified, ObjectRef
from shared.events.outcome import Done, Ignored, Retry
from tests.support.correlator import START, Rig, play, problem, recovery, told

PODS = [ObjectRef(kind="Pod", namespace="shop", name=f"web-7c9d6b5f4-x2x9{end}") for end in "kbc"]
OTHER = ObjectRef(kind="Pod", namespace="shop", name="api-7c9d6b5f4-x2x9k")
OF_WEB = problem_key("c", workload_of(PODS[0]), "no-room")


def full(seconds: float, pod: ObjectRef, count: int = 1, hold: int = 600, **changes: Any) -> Classified:
    """Return that a pod finds no node, which it has in common with its siblings."""
    return problem(
        seconds, "no-room", count, object=pod, about="owner", problem_key=OF_WEB, hold=hold, source_uid=pod.name,
        identity=event_identity("c", pod.name, count), **changes,
    )  # fmt: skip


def placed(seconds: float, pod: ObjectRef, *ends: str) -> Classified:
    """Return that a pod was given a node; `ends` are conditions of its own."""
    identity = event_identity("c", f"placed {pod.name}", int(seconds) + 1)
    return recovery(seconds, *ends, object=pod, owner_ends=("no-room",), identity=identity)


def test_pods_of_one_workload_make_one_episode_and_count_together() -> None:
    async def work(rig: Rig) -> None:
        snapshots = [told(await rig.send(full(n, pod, ticket_after=3))) for n, pod in enumerate(PODS)]
        assert {snapshot.id for snapshot in snapshots} == {snapshots[0].id}
        assert [snapshot.count for snapshot in snapshots] == [1, 2, 3]
        assert [snapshot.ticket for snapshot in snapshots] == [False, False, True]
        assert snapshots[-1].object == PODS[2], "the pod that was last hit"

    play(work)


def test_one_pod_that_is_well_is_not_all_of_them() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(full(0, PODS[0]))
        await rig.send(full(1, PODS[1]))
        await rig.send(placed(100, PODS[0]))
        await rig.send(full(300, PODS[1], count=2))
        await rig.tick(701)
        assert rig.sink.events == [], "the second pod still waits"
        await rig.send(placed(800, PODS[1]))
        await rig.tick(1401)
        (event,) = rig.sink.events
        assert event.data["state"] == "resolved"

    play(work)


def test_a_pod_s_own_problem_and_its_workload_s_end_with_one_observation() -> None:
    async def work(rig: Rig) -> None:
        own = told(await rig.send(problem(0, "moved-away", object=PODS[0], problem_key="own")))
        shared = told(await rig.send(full(1, PODS[0], hold=0)))
        result = await rig.send(placed(100, PODS[0], "moved-away"))
        assert result.outcome == Done()
        assert told(result).state == "resolved"
        (event,) = rig.sink.events
        assert {told(result).id, event.data["id"]} == {own.id, shared.id}
        assert event.data["state"] == "resolved"

    play(work)


def test_where_one_of_two_snapshots_is_not_accepted_both_come_again() -> None:
    async def work(rig: Rig) -> None:
        own = told(await rig.send(problem(0, "moved-away", object=PODS[0], problem_key="own")))
        shared = told(await rig.send(full(1, PODS[0], hold=0)))
        rig.sink.broken = True
        result = await rig.send(placed(100, PODS[0], "moved-away"))
        assert isinstance(result.outcome, Retry)
        assert result.reply is None
        rig.sink.broken = False
        again = told(await rig.send(placed(100, PODS[0], "moved-away")))
        (event,) = rig.sink.events
        assert {again.id, event.data["id"]} == {own.id, shared.id}
        assert (again.state, event.data["state"]) == ("resolved", "resolved")

    play(work)


def test_a_shared_problem_is_closed_by_hand_as_any_other() -> None:
    async def work(rig: Rig) -> None:
        opened = told(await rig.send(full(0, PODS[0])))
        closed = await browse.close_by_hand(rig.store, opened.id, START.timestamp() + 60)
        assert closed is not None
        assert (closed.state, closed.ended_by) == ("resolved", "closed by hand")

    play(work)


def test_the_end_of_what_pods_share_is_nothing_for_those_of_another_workload() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(full(0, PODS[0], hold=0))
        assert isinstance((await rig.send(placed(100, OTHER))).outcome, Ignored)
        assert (await rig.send(placed(100, PODS[1]))).reply is not None

    play(work)

"""Roll-outs at the correlator: told as changes, named as suspects by the problems that come of them, ended unheard."""

import asyncio
from datetime import timedelta

from shared.episodes.policy import Policies, Policy
from shared.events.change import Change
from shared.events.cloudevent import CHANGE_PREFIX, TICK, CloudEvent
from shared.events.episode import Episode
from shared.events.identity import problem_key
from shared.events.model import Classified, ObjectRef
from shared.events.outcome import Done, Duplicate, Retry
from shared.runtime.function import Call, Result
from tests.support.correlator import Rig, play, problem
from tests.support.objects import NOW
from tests.support.rollouts import MOVES, deployment, seen, upgraded

RULES = Policies(Policy())


def changes(rig: Rig) -> list[Change]:
    """Return what was told of changes besides replies."""
    return [Change.model_validate(one.data) for one in rig.sink.events if one.type.startswith(CHANGE_PREFIX)]


async def tick(rig: Rig, seconds: float) -> Result:
    event = CloudEvent("t", "tick", TICK, time=NOW + timedelta(seconds=seconds))
    return await rig.function.handle(event, Call(asyncio.get_running_loop().time() + 10))


def crash(of: Classified, seconds: float) -> Classified:
    """Return the crash of a pod of what is rolled out."""
    thing = of.observation.object
    pod = ObjectRef(kind="Pod", namespace=thing.namespace, name=f"{thing.name}-66d9f8c7b5-hq7dp")
    at, cluster = NOW + timedelta(seconds=seconds), of.observation.cluster
    key = problem_key(cluster, pod, "crash-loop")
    return problem(0, object=pod, cluster=cluster, time=at, received=at, problem_key=key)


def test_a_roll_out_is_told_as_one_change_and_again_where_its_answer_was_lost() -> None:
    async def work(rig: Rig) -> None:
        replies = [await rig.send(one) for one in seen(upgraded())]
        told = [result.reply for result in replies if result.reply is not None]
        assert [one.type.removeprefix(CHANGE_PREFIX) for one in told] == ["started.v1", "completed.v1"]
        assert len({one.data["id"] for one in told}) == 1
        assert told[0].extensions["phase"] == "change"
        again = await rig.send(seen(upgraded())[-1])
        assert isinstance(again.outcome, Duplicate)
        assert again.reply is not None
        assert again.reply.id == told[-1].id

    play(work, RULES)


def test_a_problem_soon_after_a_roll_out_names_it_and_the_change_names_the_problem() -> None:
    async def work(rig: Rig) -> None:
        rolled = seen(upgraded())
        for one in rolled:
            await rig.send(one)
        await rig.send(crash(rolled[-1], 100))
        await tick(rig, 120)
        episodes = [Episode.model_validate(one.data) for one in rig.sink.events if "problem" in one.type]
        (ticket,) = [one for one in episodes if one.ticket]
        (suspect,) = ticket.suspects
        (change,) = changes(rig)
        assert suspect.id == change.id
        assert "shop/web:1.5" in suspect.what
        assert change.problems == (ticket.id,)

    play(work, RULES)


def test_a_problem_of_long_after_names_nothing() -> None:
    async def work(rig: Rig) -> None:
        rolled = seen(upgraded())
        for one in rolled:
            await rig.send(one)
        await rig.send(crash(rolled[-1], 7200))
        await tick(rig, 7220)
        assert [one.data["suspects"] for one in rig.sink.events if one.data["ticket"]] == [[]]

    play(work, RULES)


def test_a_roll_out_of_which_nothing_is_heard_is_ended_by_a_tick_once_the_broker_takes_it() -> None:
    async def work(rig: Rig) -> None:
        for one in seen(upgraded()[:3]):
            await rig.send(one)
        rig.sink.broken = True
        assert (await tick(rig, 4000)).outcome != Done()
        rig.sink.broken = False
        assert (await tick(rig, 4010)).outcome == Done()
        (change,) = changes(rig)
        assert (change.state, change.transition) == ("failed", "failed")
        assert await rig.due() == []
        await tick(rig, 4020)
        assert len(changes(rig)) == 1

    play(work, RULES)


def test_an_older_change_that_a_new_one_finds_unheard_of_is_told_though_the_broker_refuses_at_first() -> None:
    async def work(rig: Rig) -> None:
        rolled = seen([*upgraded()[:3], (9000, deployment(9, "shop/web:1.6", MOVES, 1, generation=3))])
        for one in rolled[:-1]:
            await rig.send(one)
        rig.sink.broken = True
        assert isinstance((await rig.send(rolled[-1])).outcome, Retry)
        rig.sink.broken = False
        reply = (await rig.send(rolled[-1])).reply
        told = [*changes(rig), *([] if reply is None else [Change.model_validate(reply.data)])]
        assert {one.transition for one in told} == {"failed", "started"}
        assert len({one.id for one in told}) == 2

    play(work, RULES)


def test_a_change_names_its_problem_though_the_broker_refuses_at_first() -> None:
    async def work(rig: Rig) -> None:
        rolled = seen(upgraded())
        for one in rolled:
            await rig.send(one)
        await rig.send(crash(rolled[-1], 100))
        rig.sink.broken = True
        assert (await tick(rig, 120)).outcome != Done()
        rig.sink.broken = False
        assert (await tick(rig, 130)).outcome == Done()
        (ticket,) = [one for one in rig.sink.events if "problem" in one.type and one.data["ticket"]]
        assert [one.problems for one in changes(rig)] == [(ticket.data["id"],)]

    play(work, RULES)


def test_a_roll_out_that_is_heard_of_often_is_in_the_index_once_and_ends_as_late_as_ever() -> None:
    async def work(rig: Rig) -> None:
        known, began, *_ = seen(upgraded())
        for one in (known, began):
            await rig.send(one)
        for number in range(1, 100):
            at = NOW + timedelta(seconds=30 * number)
            word = {"identity": f"word{number}", "operation": "event", "original": {}, "reason": "ScalingReplicaSet"}
            heard = began.observation.model_copy(update={**word, "time": at, "received": at})
            await rig.send(Classified(observation=heard, verdict=began.verdict.model_copy(update={"phase": "change"})))
        assert len(await rig.due()) == 1
        for minute in range(200):
            await tick(rig, 60 * minute)
            if changes(rig):
                break
        assert [(one.state, minute) for one in changes(rig)] == [("failed", 110)]

    play(work, RULES)


def test_a_change_that_is_found_at_a_second_look_hears_of_the_problem_too() -> None:
    """The look before the ticket found an earlier roll-out; the ticket names both."""

    async def work(rig: Rig) -> None:
        rolled = seen(upgraded())
        for one in rolled:
            await rig.send(one)
        stuck = {"condition": "deployment-stuck", "reason": "X", "source_uid": "x"}
        at = NOW + timedelta(seconds=300)
        thing, cluster = rolled[0].observation.object, rolled[0].observation.cluster
        key = problem_key(cluster, thing, "deployment-stuck")
        times = {"time": at, "received": at, "problem_key": key}
        await rig.send(problem(0, object=thing, cluster=cluster, **stuck, **times))
        await tick(rig, 301)
        for one in seen([(0, deployment(20, "shop/web:1.5")), (304, deployment(21, "shop/web:1.6", MOVES, 0))]):
            await rig.send(one)
        for second in range(306, 900, 10):
            await tick(rig, second)
        episodes = [Episode.model_validate(one.data) for one in rig.sink.events if "problem" in one.type]
        ticket = [one for one in episodes if one.ticket][-1]
        named = {one.id for one in ticket.suspects}
        assert len(named) == 2
        assert {one.id for one in changes(rig) if ticket.id in one.problems} == named

    play(work, RULES)

"""What lasts for hours at the correlator: counts stand still, what is learned later counts, a bad entry is one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest

from shared.episodes import keeper
from shared.episodes.bonds import Rules
from shared.episodes.policy import OpenAfter, Policies, Policy, shipped
from shared.episodes.recent import Held
from shared.events.identity import episode_id, object_key, workload_of
from shared.events.model import ObjectRef
from shared.stores.protocol import ABSENT, Store
from tests.support.correlator import START
from tests.support.life import Life, fine, pod, trouble

HOUR = 3600.0
NODE = ObjectRef(kind="Node", name="n1")
GROUPED = Policies(Policy(group_by=("namespace", "condition")))


def lives(work: Callable[[Life], Awaitable[None]], rules: Rules = GROUPED) -> Life:
    life = Life(rules)

    async def inside() -> None:
        await life.function.start()
        await work(life)
        await life.function.stop()

    asyncio.run(inside())
    return life


@pytest.mark.parametrize("members", [10, 200, 350])
def test_a_group_in_which_nothing_happens_counts_no_further_and_tells_nothing(members: int) -> None:
    async def work(life: Life) -> None:
        for number in range(members):
            await life.see(trouble(number * 0.01, pod(number), "crash-loop"))
        await life.until(HOUR)
        (ticket,) = life.tickets.values()
        assert (ticket.episode.count, ticket.episode.affected_count) == (members, members)
        told = len(life.told)
        await life.until(5 * HOUR)
        (ticket,) = life.tickets.values()
        assert ticket.episode.count == members
        assert len(life.told) == told

    lives(work)


@pytest.mark.parametrize("known", ["at first", "later"])
def test_a_problem_is_taken_in_by_its_node_wherever_it_was_learned_to_be(known: str) -> None:
    web = ObjectRef(kind="Pod", namespace="shop", name="web-0")
    seen: dict[str, Any] = {"host": "n1"} if known == "at first" else {}

    async def work(life: Life) -> None:
        await life.see(trouble(0, web, "image-pull", component="kubelet", **seen))
        await life.until(400)
        spec = {"kind": "Pod", "spec": {"nodeName": "n1"}}
        state = trouble(401, web, "image-pull", operation="update", original=spec)
        await life.see(state.model_copy(update={"observation": state.observation.model_copy(update={"identity": "s"})}))
        await life.until(2 * HOUR)
        down = {"subcategory": "node", "severity": "high", "reason": "NodeNotReady", "operation": "update"}
        await life.see(trouble(2 * HOUR, NODE, "node-ready", **down))
        await life.until(3 * HOUR)
        tickets = {one.episode.object.kind: one for one in life.tickets.values()}
        assert tickets["Node"].episode.affected_count == 1
        assert tickets["Pod"].episode.ended_by == "consequence of another problem"

    lives(work, shipped())


def test_roll_outs_that_cannot_be_read_keep_no_ticket_shut_and_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    web = ObjectRef(kind="Pod", namespace="shop", name="web-7d9c5b8f4d-abcde")

    async def work(life: Life) -> None:
        newer = orjson.dumps({"Deployment": [2, "of a newer version"]})
        await life.store.put("rollout." + object_key("c", workload_of(web)), newer, expected=ABSENT)
        await life.see(trouble(0, web, "crash-loop"))
        await life.until(600)
        (ticket,) = life.tickets.values()
        assert ticket.episode.suspects == ()

    lives(work, shipped())
    assert "the roll-outs of a workload cannot be read: no suspect is named" in caplog.messages


def test_what_cannot_be_worked_on_holds_nobody_else_up(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = keeper.load

    async def broken(store: Store, thing: str) -> Held:
        if thing == bad:
            raise KeyError("what nobody thought of")
        return await whole(store, thing)

    bad = object_key("c", pod(0))
    monkeypatch.setattr(keeper, "load", broken)

    async def work(life: Life) -> None:
        await life.store.put(f"due.{int(START.timestamp()):012d}.{bad}", b"1", expected=ABSENT)
        await life.see(trouble(0, pod(1), "crash-loop"), trouble(1, pod(2), "crash-loop"))
        await life.until(120)
        assert [one.episode.affected_count for one in life.tickets.values()] == [2]

    lives(work)


def test_a_member_whose_record_never_came_is_not_counted() -> None:
    async def work(life: Life) -> None:
        for number in range(3):
            await life.see(trouble(number, pod(number), "crash-loop"))
        await life.until(60)
        async for entry in life.store.scan("under."):
            if entry.key.endswith(object_key("c", pod(2))):
                await life.store.put(entry.key.replace(object_key("c", pod(2)), "lost"), entry.value, expected=ABSENT)
        await life.see(trouble(70, pod(0), "crash-loop", count=9))
        await life.until(1000)
        (ticket,) = life.tickets.values()
        assert (ticket.episode.affected_count, ticket.episode.summary[:10]) == (3, "3 problems")

    lives(work)


def test_a_member_that_was_over_for_a_while_waits_anew_for_others() -> None:
    policy = Policies(Policy(group_by=("namespace", "condition"), group_wait=20.0, resolve_after=0.0))

    async def work(life: Life) -> None:
        await life.at(6, trouble(6, pod(1), "crash-loop"))
        await life.at(17, fine(17, pod(1), "crash-loop"))
        await life.at(64, trouble(64, pod(1), "crash-loop", count=2))
        await life.until(89)
        assert not life.tickets
        await life.until(100)
        assert [ticket.opened for ticket in life.tickets.values()] == [90.0]

    lives(work, policy)


@pytest.mark.parametrize("looked", [370.0, 400.0, 460.0, 1300.0])
def test_a_group_is_the_same_episode_by_whenever_it_is_looked_at(looked: float) -> None:
    policy = Policies(Policy(group_by=("namespace", "condition"), group_wait=10.0, open_after=OpenAfter(lasting=360.0)))

    async def work(life: Life) -> None:
        await life.see(trouble(0, pod(1), "crash-loop"), trouble(1, pod(2), "crash-loop"))
        await life.tick(looked)
        await life.until(2000)
        (ticket,) = life.tickets.values()
        assert ticket.episode.affected_count == 2
        assert ticket.episode.id == episode_id(ticket.episode.problem_key, START + timedelta(seconds=370))

    lives(work, policy)


@pytest.mark.parametrize("first", range(2, 8))
def test_the_words_of_a_group_are_those_of_its_latest_look_also_where_a_tick_comes_again(first: int) -> None:
    async def work(life: Life) -> None:
        await life.see(*(trouble(number * 0.1, pod(number), "crash-loop") for number in range(2)))
        await life.until(90)
        for number in (first, first + 100):
            await life.see(trouble(85, pod(number), "crash-loop"))
            await life.tick(100)
        await life.until(1000)
        (ticket,) = life.tickets.values()
        assert (ticket.episode.affected_count, ticket.episode.summary.split()[0]) == (4, "4")

    lives(work)


def test_f31_a_group_ends_with_its_members_though_a_tick_was_an_hour_ahead() -> None:
    async def work(life: Life) -> None:
        await life.see(*(trouble(number, pod(number), "crash-loop") for number in range(2)))
        await life.until(100)
        await life.see(trouble(101, pod(2), "crash-loop"))
        await life.tick(3710)
        life.rewind(110)
        await life.at(201, *(fine(201, pod(number), "crash-loop") for number in range(3)))
        await life.until(1000)
        assert [ticket.closed for ticket in life.tickets.values()] == [210.0]

    lives(work, Policies(Policy(group_by=("namespace", "condition"), resolve_after=0.0)))


@pytest.mark.parametrize("first", ["the problem", "its end"])
def test_what_ended_a_problem_says_so_whichever_came_first(first: str) -> None:
    async def work(life: Life) -> None:
        told = [trouble(0, pod(1), "crash-loop"), fine(5, pod(1), "crash-loop", message="Started container web")]
        for one in told if first == "the problem" else reversed(told):
            await life.see(one)
        await life.until(1000)
        assert life.told[-1].state == "resolved"
        assert life.told[-1].ended_message == "Started container web"

    lives(work, Policies(Policy(resolve_after=0.0)))


def test_what_ended_a_problem_still_says_so_after_many_more_ends_and_the_problem_told_again() -> None:
    async def work(life: Life) -> None:
        await life.see(
            trouble(0, pod(1), "crash-loop"),
            *(fine(time, pod(1), "crash-loop", message=f"end {time}") for time in range(5, 15)),
        )
        await life.until(30)
        await life.see(trouble(0, pod(1), "crash-loop"))
        await life.until(1000)
        assert [one.ended_message for one in life.told if one.state == "resolved"] == ["end 5"] * 2

    lives(work, Policies(Policy(resolve_after=0.0)))

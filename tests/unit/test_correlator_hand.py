"""What is closed by hand ends alone, under the policies in force, and comes back when it is seen again."""

import asyncio

from shared.episodes import browse
from shared.episodes.bonds import Rules
from shared.episodes.policy import Limit, Policies, Policy, shipped
from shared.events.episode import Episode
from shared.events.model import ObjectRef
from tests.support.correlator import START
from tests.support.life import Life, pod, trouble

NODE = ObjectRef(kind="Node", name="n1")
GROUPED = Policy(name="grouped", group_by=("namespace", "condition"), resolve_after=0.0)


async def close(life: Life, episode: Episode, second: float) -> Episode:
    found = await browse.close_by_hand(life.store, episode.id, START.timestamp() + second)
    assert found is not None
    return found


def test_the_objects_other_problems_go_on_holding_what_they_took_in() -> None:
    async def work() -> None:
        life = Life(shipped())
        await life.see(
            trouble(0, NODE, "node-ready", subcategory="node", severity="critical"),
            trouble(1, NODE, "node-clock", subcategory="node"),
            *(trouble(5, pod(number), "image-pull", host="n1", component="kubelet") for number in range(3)),
        )
        await life.until(300)
        clock = next(one for one in life.told if one.condition == "node-clock")
        assert (await close(life, clock, 301)).ended_by == "closed by hand"
        await life.until(1500)
        assert {ticket.episode.condition: ticket.closed for ticket in life.tickets.values()} == {
            "node-ready": None,
            "node-clock": 310.0,
        }

    asyncio.run(work())


async def _closed_and_seen_again(rules: Rules) -> list[tuple[float, float | None]]:
    """Close the last ticket of three pods at 101; one pod goes on from 300. Return when that ticket was open."""
    life = Life(rules)
    await life.see(*(trouble(number, pod(number), "crash-loop") for number in range(3)))
    await life.until(100)
    *_, ticket = life.tickets.values()
    ended = await close(life, ticket.episode, 101)
    assert (ended.state, ended.ended_by) == ("resolved", "closed by hand")
    await life.until(120)
    assert ticket.closing is not None
    assert ticket.closing.ended_by == "closed by hand"
    shown = [one for one in (await browse.listing(life.store)).episodes if one.state == "open"]
    assert not [one for one in shown if one.cause is not None], "what it stood for ended with it"
    await life.until(290)
    for second in (300, 400, 500):
        await life.at(second, trouble(second, pod(2), "crash-loop", count=second))
    await life.until(530)
    return ticket.spans


def test_a_group_comes_back_when_one_of_it_is_seen_again() -> None:
    spans = asyncio.run(_closed_and_seen_again(Policies(GROUPED)))
    assert spans == [(10.0, 110.0), (310.0, None)]


def test_a_summary_of_what_is_beyond_the_limit_comes_back_as_a_group_does() -> None:
    limited = Policy(limit=Limit(tickets=1, within=600.0, per=("cluster",)), resolve_after=0.0)
    spans = asyncio.run(_closed_and_seen_again(Policies(limited)))
    assert [closed for _, closed in spans] == [110.0, None]
    assert spans[1][0] <= 320.0


def test_a_summary_of_groups_ends_with_what_is_in_the_groups() -> None:
    async def work() -> None:
        limited = Policy(
            group_by=("namespace",), limit=Limit(tickets=1, within=600.0, per=("cluster",)), resolve_after=0.0
        )
        life = Life(Policies(limited))
        await life.see(*(trouble(number, pod(number, f"team-{number}"), "crash-loop") for number in range(3)))
        await life.until(100)
        *_, ticket = life.tickets.values()
        await close(life, ticket.episode, 101)
        await life.at(300, trouble(300, pod(2, "team-2"), "crash-loop", count=9))
        await life.until(330)
        assert [closed for _, closed in ticket.spans] == [110.0, None]

    asyncio.run(work())

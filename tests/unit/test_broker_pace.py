"""Deliveries are held back only while somebody posts and the event loop is late, and never for long."""

import asyncio
import time

from shared.local.broker.pace import Pace

CLUMP = 16


async def clump(pace: Pace, *, posting: bool = False) -> None:
    for _ in range(CLUMP):
        if posting:
            pace.posted()
        await pace.turn()


def took(pace: Pace) -> float:
    begun = time.monotonic()
    asyncio.run(clump(pace, posting=True))
    return time.monotonic() - begun


async def turns(pace: Pace, *, posting: bool = False) -> int:
    """Return how many rounds of the event loop a clump of deliveries takes, up to a thousand."""
    turn = asyncio.ensure_future(clump(pace, posting=posting))
    for number in range(1000):
        if turn.done():
            return number
        await asyncio.sleep(0)
    await turn
    return 1000


def late(pace: Pace) -> None:
    for _ in range(50):
        pace.durable(time.monotonic() - 0.1)


def test_a_clump_is_followed_by_one_look_at_the_sockets_where_nobody_posts() -> None:
    pace = Pace()
    late(pace)
    assert 1 < asyncio.run(turns(pace)) < 5


def test_a_post_that_was_answered_a_while_ago_holds_nothing_back() -> None:
    async def later(pace: Pace) -> int:
        pace.posted()
        await asyncio.sleep(0.02)
        return await turns(pace)

    pace = Pace()
    late(pace)
    assert asyncio.run(later(pace)) < 5


def test_a_clump_is_followed_by_one_look_where_the_loop_keeps_up_although_somebody_posts() -> None:
    pace = Pace()
    for _ in range(50):
        pace.durable(time.monotonic())
    assert asyncio.run(turns(pace, posting=True)) < 5


def test_a_clump_is_followed_by_a_wait_where_somebody_posts_and_the_loop_is_late() -> None:
    pace = Pace()
    late(pace)
    assert took(pace) >= CLUMP * 0.004


def test_a_loop_that_keeps_up_again_lets_deliveries_go_again() -> None:
    pace = Pace()
    late(pace)
    for _ in range(200):
        pace.durable(time.monotonic())
    assert asyncio.run(turns(pace, posting=True)) < 5


def test_all_deliveries_share_the_turns_so_more_consumers_do_not_carry_more_while_the_loop_is_late() -> None:
    async def eight(pace: Pace) -> float:
        begun = time.monotonic()
        await asyncio.gather(*(clump(pace, posting=True) for _ in range(8)))
        return time.monotonic() - begun

    pace = Pace()
    late(pace)
    assert asyncio.run(eight(pace)) >= 8 * CLUMP * 0.004

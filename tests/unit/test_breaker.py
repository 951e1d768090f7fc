"""The circuit breaker opens after failures in a row, lets one call ask, and never stays shut for good."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.breaker import FAILURES, FIRST, MOST, Breaker
from tests.support.tickets import Clock, run


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.enter() == 0
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_when_to_come_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert breaker.state == "open"
    assert breaker.enter() == FIRST
    clock.now += FIRST / 2
    assert breaker.enter() == FIRST / 2


def test_an_answer_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(Clock())
    for _ in range(10 * FAILURES):
        breaker.failed()
        breaker.answered()
    assert breaker.state == "closed"


def test_one_call_asks_and_the_others_wait_for_what_it_finds() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST
    assert breaker.enter() == 0
    assert breaker.enter() > 0, "another one asks already"
    breaker.answered()
    assert [breaker.enter() for _ in range(50)] == [0.0] * 50


def test_it_stays_open_for_longer_each_time_up_to_a_bound() -> None:
    clock = Clock()
    breaker = opened(clock)
    waits = []
    for _ in range(8):
        waits.append(breaker.enter())
        clock.now += waits[-1]
        assert breaker.enter() == 0
        breaker.failed()
    assert waits == [1.0, 2.0, 4.0, 8.0, MOST, MOST, MOST, MOST]


def test_failures_of_calls_that_were_under_way_do_not_lengthen_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    for _ in range(40):
        breaker.failed()
    assert breaker.enter() == FIRST


def test_a_call_that_was_given_up_leaves_the_question_to_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST
    assert breaker.enter() == 0
    breaker.left()
    assert breaker.enter() == 0


@given(st.lists(st.sampled_from(["enter", "fail", "answer", "leave", "wait"]), max_size=60))
def test_whatever_happens_a_call_may_go_again_within_the_bound_once_nobody_is_asking(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for step in steps:
        match step:
            case "enter":
                assert 0 <= breaker.enter() <= MOST
            case "fail":
                breaker.failed()
            case "answer":
                breaker.answered()
            case "leave":
                breaker.left()
            case _:
                clock.now += 0.7
    breaker.left()
    clock.now += MOST
    assert breaker.enter() == 0


@pytest.mark.parametrize(("end", "expected"), [("answered", 0.0), ("failed", 2 * FIRST)])
def test_who_comes_together_with_the_one_call_learns_what_it_finds(end: str, expected: float) -> None:
    """Told to come again it would come a whole round of its broker later."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST

    async def main() -> list[float]:
        assert await breaker.turn(5) == 0
        others = [asyncio.create_task(breaker.turn(5)) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert not any(other.done() for other in others)
        getattr(breaker, end)()
        return await asyncio.gather(*others)

    assert run(main()) == [expected] * 3


def test_who_waits_for_the_one_call_waits_no_longer_than_it_may() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST

    async def main() -> float:
        await breaker.turn(5)
        return await breaker.turn(0.01)

    assert run(main()) > 0


def test_of_those_who_wait_for_a_call_that_is_given_up_one_asks_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST

    async def main() -> list[float]:
        await breaker.turn(5)
        others = [asyncio.create_task(breaker.turn(5)) for _ in range(3)]
        await asyncio.sleep(0.01)
        breaker.left()
        return await asyncio.gather(*others)

    assert sorted(run(main()))[:2] == [0.0, 1.0]

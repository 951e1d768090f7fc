"""The circuit breaker opens after failures in a row, lets one call ask, and never stays shut for good."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.breaker import FAILURES, FIRST, MOST, Breaker, Turn
from tests.support.tickets import Clock, run


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed(went(breaker))
    return breaker


def went(breaker: Breaker) -> Turn:
    """Return the turn of a call that may go."""
    turn = breaker.enter()
    assert turn.wait == 0
    return turn


def test_it_opens_after_failures_in_a_row_and_says_when_to_come_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert breaker.state == "open"
    assert breaker.enter().wait == FIRST
    clock.now += FIRST / 2
    assert breaker.enter().wait == FIRST / 2


def test_an_answer_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(Clock())
    for _ in range(10 * FAILURES):
        breaker.failed(went(breaker))
        breaker.answered(went(breaker))
    assert breaker.state == "closed"


def test_one_call_asks_and_the_others_wait_for_what_it_finds() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST
    turn = went(breaker)
    assert breaker.enter().wait > 0, "another one asks already"
    breaker.answered(turn)
    assert [breaker.enter().wait for _ in range(50)] == [0.0] * 50


def test_it_stays_open_for_longer_each_time_up_to_a_bound() -> None:
    clock = Clock()
    breaker = opened(clock)
    waits = []
    for _ in range(8):
        waits.append(breaker.enter().wait)
        clock.now += waits[-1]
        breaker.failed(went(breaker))
    assert waits == [1.0, 2.0, 4.0, 8.0, MOST, MOST, MOST, MOST]


def test_failures_of_calls_that_were_under_way_do_not_lengthen_it() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    turns = [went(breaker) for _ in range(50)]
    for turn in turns:
        breaker.failed(turn)
    assert breaker.enter().wait == FIRST


@pytest.mark.parametrize("end", ["failed", "answered", "left"])
def test_a_call_from_before_it_opened_is_not_taken_for_the_one_that_asks(end: str) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    stale = went(breaker)
    for _ in range(FAILURES):
        breaker.failed(went(breaker))
    clock.now += FIRST
    asking = went(breaker)
    getattr(breaker, end)(stale)
    assert breaker.state == "half-open", "what it found is older than the question"
    assert breaker.enter().wait > 0, "nobody asks beside the one that does"
    breaker.failed(asking)
    assert breaker.enter().wait == 2 * FIRST


def test_it_opens_after_as_many_failures_as_it_is_told() -> None:
    breaker = Breaker(Clock(), failures=1)
    assert breaker.free
    breaker.failed(went(breaker))
    assert breaker.state == "open"
    assert not breaker.free


def test_only_the_one_that_may_ask_is_free_to_go() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert not breaker.free
    clock.now += FIRST
    assert breaker.free
    turn = went(breaker)
    assert not breaker.free
    breaker.answered(turn)
    assert breaker.free


def test_a_call_that_was_given_up_leaves_the_question_to_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST
    breaker.left(went(breaker))
    went(breaker)


@given(st.lists(st.sampled_from(["enter", "failed", "answered", "left", "wait"]), max_size=60))
def test_whatever_happens_a_call_may_go_again_within_the_bound_once_nobody_is_asking(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    out: list[Turn] = []
    for step in steps:
        if step == "enter":
            turn = breaker.enter()
            assert 0 <= turn.wait <= MOST
            out += [] if turn.wait else [turn]
        elif step == "wait":
            clock.now += 0.7
        elif out:
            getattr(breaker, step)(out.pop(0))
    for turn in out:
        breaker.left(turn)
    clock.now += MOST
    went(breaker)


@pytest.mark.parametrize(("end", "expected"), [("answered", 0.0), ("failed", 2 * FIRST)])
def test_who_comes_together_with_the_one_call_learns_what_it_finds(end: str, expected: float) -> None:
    """Told to come again it would come a whole round of its broker later."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST

    async def main() -> list[float]:
        asking = await breaker.turn(5)
        assert asking.wait == 0
        others = [asyncio.create_task(breaker.turn(5)) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert not any(other.done() for other in others)
        getattr(breaker, end)(asking)
        return [turn.wait for turn in await asyncio.gather(*others)]

    assert run(main()) == [expected] * 3


def test_who_waits_for_the_one_call_waits_no_longer_than_it_may() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST

    async def main() -> float:
        await breaker.turn(5)
        return (await breaker.turn(0.01)).wait

    assert run(main()) > 0


def test_of_those_who_wait_for_a_call_that_is_given_up_one_asks_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST

    async def main() -> list[float]:
        asking = await breaker.turn(5)
        others = [asyncio.create_task(breaker.turn(5)) for _ in range(3)]
        await asyncio.sleep(0.01)
        breaker.left(asking)
        return [turn.wait for turn in await asyncio.gather(*others)]

    assert sorted(run(main()))[:2] == [0.0, 1.0]

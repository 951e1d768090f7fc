"""The limits in the simulator of docs/scale.md are the real ones, and no system takes more than it can."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations import bucket as real
from shared.destinations.budget import RESERVE, SHARE
from tests.bench.scaling.clock import Clock
from tests.bench.scaling.destination import Answer, Destination, Foreign
from tests.bench.scaling.limits import Bucket
from tests.bench.scaling.pod import Pod, Sharing, Work
from tests.bench.scaling.record import Delivery, Record
from tests.support.tickets import Clock as Hands
from tests.support.tickets import run


class Time(Hands):
    """A clock that a sleep moves."""

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    rate=st.floats(0.1, 50),
    burst=st.floats(1, 20),
    asked=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 10), st.floats(0, 8)), max_size=30),
)
def test_the_simulated_limit_says_what_the_real_one_says(
    rate: float, burst: float, asked: list[tuple[float, int, float]]
) -> None:
    time = Time()
    ours = real.Bucket(rate, burst, clock=time, sleep=time.sleep)
    simulated = Bucket(rate, burst)
    for later, tokens, most in asked:
        time.now += later
        now = time.now
        turn = simulated.take(now, most, tokens)
        refused = run(ours.take(most, tokens))
        assert turn.granted == (refused == 0.0)
        assert turn.wait == pytest.approx(refused or time.now - now, abs=1e-6)


@given(
    asked=st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 5)), min_size=1, max_size=60),
    rate=st.integers(1, 20),
    burst=st.integers(5, 10),
)
def test_a_system_never_takes_more_than_its_rate(asked: list[tuple[float, int]], rate: int, burst: int) -> None:
    clock = Clock()
    system = Destination(clock, Foreign(0.0, rate=rate, burst=burst))
    taken: list[tuple[float, int]] = []
    for at, items in zip(accumulate(later for later, _ in asked), (items for _, items in asked), strict=True):
        clock.at(at, _ask, system, clock, items, taken)
    clock.run(1e6)
    assert system.items == sum(items for _, items in taken)
    for place, (since, _) in enumerate(taken):
        for until, _ in taken[place:]:
            together = sum(items for at, items in taken if since <= at <= until)
            assert together <= burst + rate * (until - since) + 1e-6


def _ask(system: Destination, clock: Clock, items: int, taken: list[tuple[float, int]]) -> None:
    def answered(answer: Answer) -> None:
        if answer.ok:
            taken.append((clock.now, items))

    system.call(items, answered)


def test_a_system_works_on_as_many_calls_at_a_time_as_it_can() -> None:
    clock = Clock()
    system = Destination(clock, Foreign(1.0, each=0.5, slots=2))
    done: list[float] = []
    for _ in range(4):
        system.call(2, lambda _answer: done.append(clock.now))
    clock.run(100.0)
    assert done == [2.0, 2.0, 4.0, 4.0]
    assert system.busy == 8.0


def calls(foreign: Foreign, sharing: Sharing, requests: list[float]) -> tuple[Destination, list[tuple[float, bool]]]:
    """Have one pod make a call for each request; return the system and when each was answered how."""
    clock = Clock()
    system = Destination(clock, foreign)
    done: list[tuple[float, bool]] = []
    pod = Pod(clock, Work(0.0, sharing=sharing), system, lambda _pod, _one, ok: done.append((clock.now, ok)))
    for at in requests:
        clock.at(at, pod.take, Delivery(Record(at, 0), lambda _one, _ok: None))
    clock.run(1000.0)
    return system, done


def test_what_is_told_429_is_called_again_within_its_time_and_given_back_beyond_it() -> None:
    system, done = calls(Foreign(0.0, rate=0.5), Sharing(1, 4), [0.0, 0.1])
    assert [ok for _, ok in done] == [True, True]
    assert done[-1][0] == pytest.approx(2.1)
    assert (system.calls, system.refused) == (2, 1)
    _, slow = calls(Foreign(0.0, rate=0.05), Sharing(1, 4), [0.0, 0.1])
    assert slow == [(0.0, True), (0.1, False)], "twenty seconds are more than a call has"


def test_a_limit_of_our_own_is_waited_for_half_of_a_calls_time_and_no_call_is_made_beyond_it() -> None:
    system, done = calls(Foreign(0.0), Sharing(1, 4, rate=0.25), [0.0, 0.0])
    assert [ok for _, ok in done] == [True, True]
    assert done[-1][0] == pytest.approx(4.0)
    system, done = calls(Foreign(0.0), Sharing(1, 1, rate=0.09), [0.0, 0.0])
    assert [ok for _, ok in done] == [True, False]
    assert (system.calls, system.refused) == (1, 0)


def test_second_tries_are_bounded_by_the_retry_budget() -> None:
    system, done = calls(Foreign(0.0, rate=0.2), Sharing(1, 200), [0.0] * 100)
    assert sum(ok for _, ok in done) >= 1
    assert len(done) == 100
    assert system.refused <= 100 + RESERVE + SHARE * 200

"""The token bucket lets no more through than was agreed on, makes nobody wait longer than it may, and holds back."""

import asyncio
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.bucket import MOST, Bucket, each_second, hourly
from tests.support.tickets import Clock, run


class Time(Clock):
    """A clock that a sleep moves."""

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def bucket(time: Time, rate: float = 0.0, burst: float = 1.0) -> Bucket:
    return Bucket(rate, burst, clock=time, sleep=time.sleep)


def taken(one: Bucket, seconds: float = 0.0, tokens: float = 1.0) -> float:
    return run(one.take(seconds, tokens))


def test_without_a_rate_as_many_go_as_come() -> None:
    one = bucket(Time())
    assert {taken(one, tokens=1000) for _ in range(1000)} == {0.0}


def test_a_burst_goes_at_once_and_the_rest_is_told_when_to_come_again() -> None:
    time = Time()
    one = bucket(time, rate=2, burst=4)
    assert [taken(one) for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.5]
    time.now += 0.5
    assert taken(one) == 0.0, "it was right"
    assert taken(one) > 0


def test_who_may_wait_waits_and_no_longer_than_it_may() -> None:
    time = Time()
    one = bucket(time, rate=2, burst=1)
    taken(one)
    begun = time.now
    assert taken(one, seconds=0.4) == 0.5
    assert time.now == begun, "who would wait in vain does not wait"
    assert taken(one, seconds=0.5) == 0.0
    assert time.now == begun + 0.5


def test_more_than_a_burst_goes_at_once_and_the_next_waits_for_it() -> None:
    one = bucket(Time(), rate=10, burst=10)
    assert taken(one, tokens=50) == 0.0
    assert taken(one) == pytest.approx(4.1)


def test_those_who_wait_go_one_after_the_other_in_their_order() -> None:
    async def main() -> list[float]:
        one, loop = Bucket(20, 1), asyncio.get_running_loop()
        begun = loop.time()

        async def take() -> float:
            assert await one.take(5) == 0.0
            return loop.time() - begun

        return await asyncio.gather(*(take() for _ in range(5)))

    ends = run(main())
    assert ends == sorted(ends)
    assert all(later - earlier > 0.03 for earlier, later in pairwise(ends))


def test_nothing_goes_while_they_ask_to_wait_and_a_shorter_wait_shortens_nothing() -> None:
    time = Time()
    one = bucket(time)
    one.hold(30)
    one.hold(5)
    assert taken(one) == 30
    assert taken(one, tokens=0) == 30, "what takes nothing of the rate is a request, too"
    assert taken(one, seconds=30) == 0.0
    assert taken(one) == 0.0


def test_who_waits_is_told_where_they_ask_for_more_meanwhile() -> None:
    time = Time()
    one = bucket(time, rate=1, burst=1)
    taken(one)

    async def main() -> float:
        async def asked(seconds: float) -> None:
            time.now += seconds
            one.hold(60)

        one._sleep = asked
        return await one.take(5)

    assert run(main()) == 60


def test_nobody_is_left_in_peace_for_longer_than_an_hour() -> None:
    one = bucket(Time())
    one.hold(86_400)
    assert taken(one) == MOST


def test_nothing_waits_for_a_rate_where_nothing_of_it_is_taken() -> None:
    one = bucket(Time(), rate=1, burst=1)
    taken(one, tokens=100)
    assert taken(one, tokens=0) == 0.0


def test_the_buckets_of_settings() -> None:
    assert taken(hourly(0), tokens=1e6) == taken(each_second(0), tokens=1e6) == 0.0
    an_hour, a_second = hourly(3600), each_second(100)
    assert taken(an_hour, tokens=60) == 0.0
    assert 0.9 < taken(an_hour) <= 1.0
    assert taken(a_second, tokens=100) == 0.0
    assert 0 < taken(a_second) <= 0.01


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 2), min_size=2, max_size=60),
    patience=st.floats(0, 3),
)
def test_in_no_time_more_goes_than_the_burst_and_the_rate_of_that_time(
    rate: float, burst: int, gaps: list[float], patience: float
) -> None:
    time = Time()
    one = bucket(time, rate, burst)
    went: list[float] = []
    for at in accumulate(gaps):
        time.now = max(time.now, Clock().now + at)
        begun = time.now
        wait = taken(one, patience)
        assert time.now - begun <= patience + 1e-9
        if wait:
            assert wait > patience
        else:
            went.append(time.now)
    for first, begun in enumerate(went):
        for last in range(first, len(went)):
            assert last - first + 1 <= burst + rate * (went[last] - begun) + 1e-6

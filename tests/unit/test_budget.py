"""The retry budget: second tries are at most a share of the calls of the last minute, and a few a minute besides."""

from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.budget import RESERVE, SHARE, WINDOW, Budget
from tests.support.tickets import Clock


def spent(clock: Clock) -> Budget:
    """Return a budget of which nothing is left."""
    budget = Budget(clock)
    while budget.take():
        pass
    return budget


def test_a_quiet_function_has_a_few_second_tries_a_minute() -> None:
    clock = Clock()
    budget = Budget(clock)
    assert [budget.take() for _ in range(RESERVE + 1)] == [True] * RESERVE + [False]
    clock.now += WINDOW
    assert [budget.take() for _ in range(RESERVE + 1)] == [True] * RESERVE + [False]


def test_calls_earn_a_fifth_of_their_number_for_a_minute() -> None:
    clock = Clock()
    budget = spent(clock)
    budget.called(100)
    budget.called(RESERVE)  # the second tries went out, too, and earn nothing
    for _ in range(20):
        assert budget.take()
        budget.called()
    assert not budget.take()
    clock.now += WINDOW
    assert [budget.take() for _ in range(RESERVE + 1)] == [True] * RESERVE + [False], "what is older is forgotten"


def test_where_every_call_fails_there_are_no_more_than_a_fifth_more_calls_than_events() -> None:
    clock = Clock()
    budget = spent(clock)
    sent = 0
    for _ in range(500):  # events, ten a second, each of them failing
        budget.called()
        sent += 1
        if budget.take():
            budget.called()
            sent += 1
        clock.now += 0.1
    assert sent <= 500 * (1 + SHARE)


@given(st.lists(st.tuples(st.sampled_from(["call", "try"]), st.floats(0, 20)), max_size=200))
def test_whatever_happens_no_minute_has_more_than_its_share(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    budget = Budget(clock)
    calls: list[float] = []
    tries: list[float] = []
    for what, pause in steps:
        clock.now += pause
        if what == "call":
            budget.called()
            calls.append(clock.now)
        elif budget.take():
            budget.called()
            tries.append(clock.now)
            firsts = sum(clock.now - WINDOW - 1 < at for at in calls)
            assert sum(clock.now - WINDOW + 1 < at for at in tries) <= RESERVE + SHARE * firsts


def test_what_is_remembered_is_bounded() -> None:
    clock = Clock()
    budget = Budget(clock)
    for _ in range(100_000):
        budget.called()
        clock.now += 0.01
    assert len(budget._steps) <= WINDOW + 1

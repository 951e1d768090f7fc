"""The correlator's promises about repetition and order, against a plain oracle (tests/support/histories.py)."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.examples import examples
from tests.support.histories import Seen, World, oracle

CONDITIONS = ["crash-loop", "image", "probe"]
SEVERITIES = st.sampled_from(["critical", "high", "medium"])
GAPS = st.sampled_from([0, 1, 5, 20, 30, 59, 60, 61, 90, 95, 100, 101, 130, 150, 160, 161, 200, 250, 400])
SHORT = st.sampled_from([0, 1, 5, 10, 20, 30, 45, 59, 60])


@st.composite
def history(draw: st.DrawFn, most: int = 14) -> list[Any]:
    """Return observations in the order of their time."""
    time = 0
    counts: Counter[tuple[str, str, int]] = Counter()
    found = []
    for _ in range(draw(st.integers(1, most))):
        time += draw(st.one_of(SHORT, GAPS))
        part = draw(st.sampled_from(["", "a"]))
        if draw(st.integers(0, 2)):
            condition = draw(st.sampled_from(CONDITIONS[: draw(st.integers(1, 3))]))
            source = draw(st.integers(0, 2))
            counts[condition, part, source] += draw(st.integers(1, 2))
            count = counts[condition, part, source]
            found.append(Seen(time, condition, (), part, source, count, draw(SEVERITIES)))
        else:
            ends = tuple(draw(st.sampled_from([("crash-loop",), ("image",), ("image", "probe"), ("probe/*",), ("*",)])))
            counts["", part, 0] += 1
            found.append(Seen(time, "", ends, part, 0, counts["", part, 0]))
    return found


def _end(observations: list[Any]) -> float:
    return float(max(one.time for one in observations) + 400)


@settings(max_examples=examples(80), deadline=None)
@given(history(), st.data())
def test_in_order_and_with_any_ticks_the_machine_says_what_the_oracle_says(
    seen: list[Any], data: st.DataObject
) -> None:
    world = World()
    for one in seen:
        if data.draw(st.booleans()):
            world.tick(one.time)
        world.see(one)
    world.tick(_end(seen))
    assert world.summary() == oracle(seen, end=_end(seen))


@settings(max_examples=examples(80), deadline=None)
@given(history(), st.data())
def test_reordering_within_sixty_seconds_gives_the_same_tickets(seen: list[Any], data: st.DataObject) -> None:
    arrivals = [(one.time + data.draw(st.integers(0, 60)), index, one) for index, one in enumerate(seen)]
    world = World()
    for arrival, _, one in sorted(arrivals, key=lambda each: each[:2]):
        if data.draw(st.booleans()):
            world.tick(arrival)
        world.see(one)
    world.tick(_end(seen))
    assert world.summary() == oracle(seen, end=_end(seen))


@settings(max_examples=examples(80), deadline=None)
@given(history(), st.data())
def test_any_order_ends_in_the_same_state_and_never_with_two_open(seen: list[Any], data: st.DataObject) -> None:
    world = World()
    latest = 0.0
    for one in data.draw(st.permutations(seen)):
        world.see(one)
        latest = max(latest, one.time)
        if data.draw(st.booleans()):
            world.tick(latest)
        open_now = Counter(each.problem_key for each in world.current() if each.state == "open")
        assert all(number == 1 for number in open_now.values())
    world.tick(_end(seen))
    wanted = oracle(seen, end=_end(seen))
    states = world.summary()
    assert {key: sum(row[0] == "open" for row in rows) for key, rows in states.items()} == {
        key: sum(row[0] == "open" for row in rows) for key, rows in wanted.items()
    }


@settings(max_examples=examples(40), deadline=None)
@given(history(), st.data())
def test_repetition_changes_nothing(seen: list[Any], data: st.DataObject) -> None:
    once, often = World(), World()
    for index, one in enumerate(seen):
        once.see(one)
        for again in [one, *data.draw(st.lists(st.sampled_from(seen[: index + 1]), max_size=3))]:
            often.see(again)
    once.tick(_end(seen))
    often.tick(_end(seen))
    assert once.told == often.told


class Correlation(RuleBasedStateMachine):
    """Observations, repetitions and ticks in time; what is told must be what the oracle says at each moment."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.seen: list[Any] = []
        self.now = 0
        self.counts: Counter[tuple[str, int]] = Counter()

    @rule(gap=GAPS)
    def time_passes(self, gap: int) -> None:
        self.now += gap

    @rule(condition=st.sampled_from(CONDITIONS), source=st.integers(0, 1), severity=SEVERITIES)
    def a_problem_is_seen(self, condition: str, source: int, severity: str) -> None:
        self.counts[condition, source] += 1
        one = Seen(self.now, condition, (), "", source, self.counts[condition, source], severity)
        self.seen.append(one)
        self.world.see(one)

    @rule(ends=st.sampled_from([("crash-loop",), ("image",), ("probe", "image"), ("*",)]))
    def a_recovery_is_seen(self, ends: tuple[str, ...]) -> None:
        self.counts[ends[0], -1] += 1
        one = Seen(self.now, "", ends, "", 0, self.counts[ends[0], -1])
        self.seen.append(one)
        self.world.see(one)

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def one_is_seen_again(self, data: st.DataObject) -> None:
        self.world.see(data.draw(st.sampled_from(self.seen)))

    @rule()
    def a_tick_agrees_with_the_oracle(self) -> None:
        certain = self.now + 61  # nothing is held back any more
        self.now = certain
        self.world.tick(certain)
        assert self.world.summary() == oracle(self.seen, end=certain)

    @invariant()
    def never_two_open_for_one_key(self) -> None:
        open_now = Counter(one.problem_key for one in self.world.current() if one.state == "open")
        assert all(number == 1 for number in open_now.values())

    @invariant()
    def revisions_have_no_gaps_and_a_ticket_stays_one(self) -> None:
        for revisions in self.world.told.values():
            assert sorted(revisions) == list(range(1, len(revisions) + 1))
            tickets = [revisions[number].ticket for number in sorted(revisions)]
            assert tickets == sorted(tickets)


TestCorrelation = Correlation.TestCase
TestCorrelation.settings = settings(max_examples=examples(60), stateful_step_count=20, deadline=None)

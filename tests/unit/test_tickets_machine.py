"""Hypothesis goes its own way through problems, their ends, pauses, repeats and deaths; the oracle says what is right.

It chooses each step after the one before, unlike the histories, and finds the shortest way to a wrong ticket by itself.
"""

import asyncio
from collections import Counter
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.correlator.handler import new
from shared.runtime.function import Function
from shared.telemetry.metrics import Metrics
from tests.support.histories_of_tickets import causes, grouped_causes, groups, simple
from tests.support.life import Life
from tests.support.mortal import Mortal, MortalStore
from tests.support.oracle import Fact, oracle
from tests.support.playing import NODE, PODS, SAME, differences, group_of, policies_of, seen

_STEPS = 12


class Tickets(RuleBasedStateMachine):
    """One correlator's life, step by step: nothing it may do brings two open tickets for one key, or a wrong one."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = 0
        self.facts: dict[Fact, None] = {}
        self.counts: Counter[tuple[str, str]] = Counter()

    @initialize(make=st.sampled_from([simple, causes, groups, grouped_causes]), seed=st.integers(0, 999))
    def begin(self, make: object, seed: int) -> None:
        chance = Random(seed)  # noqa: S311 -- a simulation
        self.setting = make(chance).setting  # type: ignore[operator]
        store = MortalStore()
        self.life = Life(policies_of(self.setting), store)
        self.life.function = Mortal(self._built, store, chance)

    def _built(self) -> Function:
        return new({}, Metrics(), store=self.life.store, publisher=self.life.sink, rules=self.life.rules)

    def _happen(self, fact: Fact) -> None:
        self.now += 1
        self.facts[fact] = None
        self.runner.run(self.life.at(fact.time - 0.001, seen(fact, self.setting)))

    @rule(key=st.sampled_from([*PODS, SAME, NODE]), source=st.sampled_from("ab"), more=st.integers(1, 2))
    def a_problem_is_seen(self, key: str, source: str, more: int) -> None:
        self.counts[key, source] += more
        self._happen(Fact(self.now, key, source=source, count=self.counts[key, source]))

    @precondition(lambda self: self.counts)
    @rule(data=st.data())
    def a_problem_is_over(self, data: st.DataObject) -> None:
        self._happen(Fact(self.now, data.draw(st.sampled_from(sorted({key for key, _ in self.counts}))), problem=False))

    @precondition(lambda self: self.facts)
    @rule(data=st.data())
    def what_was_told_is_told_again(self, data: st.DataObject) -> None:
        fact = data.draw(st.sampled_from([*self.facts]))
        self.runner.run(self.life.see(seen(fact, self.setting)))

    @rule(seconds=st.sampled_from([20, 40, 60, 80, 100, 120, 160, 200, 300, 320, 400]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def no_key_has_two_open_tickets(self) -> None:
        open_now = [group_of(ticket) for ticket in self.life.open()]
        assert len(open_now) == len(set(open_now))

    def teardown(self) -> None:
        try:
            if self.facts:
                self._end()
        finally:
            self.runner.close()

    def _end(self) -> None:
        """Let all be well, and compare with the oracle."""
        self.now += 500
        for key in sorted({key for key, _ in self.counts}):
            self._happen(Fact(self.now, key, problem=False))
        end = self.now + 800
        self.runner.run(self.life.until(end))
        assert not differences(oracle(self.facts, end, self.setting), self.life, end), (self.setting, [*self.facts])
        assert not self.life.open()


TestTickets = Tickets.TestCase
TestTickets.settings = settings(
    max_examples=25, stateful_step_count=_STEPS, deadline=None, derandomize=True, database=None
)

"""Tickets where correlators die at any call to the store, and where two of them work on the same at the same time."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from functions.correlator.handler import new
from shared.episodes import keeper
from shared.episodes.policy import Policies
from shared.runtime.function import Function
from shared.telemetry.metrics import Metrics
from tests.support.histories_of_tickets import Case, causes, grouped_causes, groups, limits
from tests.support.life import Life
from tests.support.mortal import Mortal, MortalStore, Twins, YieldingStore
from tests.support.playing import differences, played

MAKERS = (causes, groups, grouped_causes, limits)


def mortal(rules: Policies, seed: int) -> Life:
    """Return the life of a correlator that dies now and then."""
    store = MortalStore()
    life = Life(rules, store)
    life.function = Mortal(lambda: _built(life), store, Random(seed))  # noqa: S311 -- a simulation
    return life


def twins(rules: Policies) -> Life:
    """Return the life of two replicas that are interleaved at each call to their store."""
    life = Life(rules, YieldingStore())
    life.function = Twins(lambda: _built(life), life.sink.events.append)
    return life


def _built(life: Life) -> Function:
    return new({}, Metrics(), store=life.store, publisher=life.sink, rules=life.rules)


async def _phantoms(life: Life) -> list[str]:
    """Return the entries by which records are found that do not know of them."""
    keys = [entry.key for prefix in ("cause.", "under.") async for entry in life.store.scan(prefix)]
    return [key for key in keys if not await keeper.knows(life.store, *_entry(key))]


def _entry(key: str) -> tuple[str, str]:
    prefix, bond, thing = key.split(".", 2)
    return thing, f"{prefix}.{bond}"


def _judge(case: Case, life: Life) -> None:
    assert not differences(case.wanted(), life, case.end), case
    assert not life.open(), case
    assert not asyncio.run(_phantoms(life)), case


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("seed", range(6))
def test_a_correlator_that_dies_at_any_call_tells_the_oracles_tickets_and_leaves_no_phantom(
    make: Callable[[Random], Case], seed: int
) -> None:
    case = make(Random(seed))  # noqa: S311 -- a simulation
    _judge(case, played(case.arrivals, case.end, case.setting, lambda rules: mortal(rules, seed)))


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_f40_two_replicas_that_are_sent_the_same_at_once_tell_the_oracles_tickets(
    make: Callable[[Random], Case], seed: int
) -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""
    case = make(Random(seed))  # noqa: S311 -- a simulation
    _judge(case, played(case.arrivals, case.end, case.setting, twins))

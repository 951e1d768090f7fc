"""Histories of problems to ask the oracle about, and the order in which they arrive."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.support.oracle import Fact


def history(seed: int, keys: Sequence[str], seconds: int, number: int = 20) -> list[Fact]:
    """Return a seeded history in the order of its time: problems that begin, repeat with growing counts, and end."""
    chance = random.Random(seed)  # noqa: S311 -- a simulation
    counts: dict[str, int] = {}
    found = []
    for time in sorted(chance.sample(range(seconds), min(number, seconds))):
        key = chance.choice(keys)
        if chance.random() < 0.65:
            counts[key] = counts.get(key, 0) + 1 + (chance.random() < 0.2)
            found.append(Fact(time, key, count=counts[key]))
        else:
            found.append(Fact(time, key, problem=False))
    return found


def arrivals(facts: Sequence[Fact], seed: int, lateness: int = 60) -> list[tuple[int, Fact]]:
    """Return when each fact arrives, in that order: up to `lateness` seconds late, and some of them twice."""
    chance = random.Random(seed)  # noqa: S311 -- a simulation
    found = []
    for fact in facts:
        for _ in range(1 + (chance.random() < 0.2)):
            late = chance.randrange(lateness + 1) if chance.random() < 0.5 else 0
            found.append((fact.time + late, fact))
    return sorted(found, key=lambda each: each[0])


def moved(facts: Iterable[Fact], seconds: int) -> list[Fact]:
    """Return the same history, some seconds later."""
    return [replace(fact, time=fact.time + seconds) for fact in facts]

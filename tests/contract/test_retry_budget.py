"""Where a system fails all or half of what it is sent, second tries stay within the retry budget, whichever it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.destinations.budget import RESERVE, SHARE
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.outcome import Done, Duplicate, Retry
from shared.local.standins.faults import Rule
from shared.runtime.registry import FUNCTIONS
from tests.support.records import classified
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.registry import RECORDS, TICKETS, UPSERTS
from tests.support.rigs.transport import over_http
from tests.support.tickets import episode

_RIGS: dict[str, Any] = {**RECORDS, **TICKETS, **UPSERTS}
_FIRST, _LATER = 15, 15


@pytest.fixture(params=over_http(_RIGS))
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place[Any]]:
    monkeypatch.setattr("shared.destinations.jitter._AGAIN", (0.001, 0.002))
    with placed(_RIGS[request.param]) as one:
        yield one


def subject(place: Place[Any], number: int) -> Episode | Classified:
    """Return what one event says: each is of a problem or observation of its own."""
    if place.rig in RECORDS.values():
        return classified(f"id-{number}")
    key = f"{number:026d}"
    return episode(id=f"{key}-{episode().id.rpartition('-')[2]}", problem_key=key)


async def one_by_one(deliver: Delivering, place: Place[Any], first: int, count: int) -> list[Any]:
    return [(await deliver(subject(place, number))).outcome for number in range(first, first + count)]


def second_tries(place: Place[Any], result: str) -> float:
    destination = FUNCTIONS[place.rig.function].destination
    assert destination is not None
    return place.metrics.value("tidings_second_tries_total", destination=destination.label, result=result)


@pytest.mark.parametrize("status", [500, 503])
def test_f10_a_system_that_fails_everything_is_called_hardly_more_than_once_an_event(
    place: Place[Any], status: int
) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry."""

    async def main(deliver: Delivering) -> tuple[int, list[Any]]:
        place.app.faults.set([Rule(do="status", status=status, count=0)])
        await one_by_one(deliver, place, 0, _FIRST)  # spends what is left of the budget
        before = len(place.app.faults.requests)
        later = await one_by_one(deliver, place, _FIRST, _LATER)
        return len(place.app.faults.requests) - before, later

    calls, later = place.play(main)
    assert calls <= _LATER * (1 + SHARE)
    assert all(isinstance(one, Retry) for one in later), "the broker sends them again"
    assert second_tries(place, "refused") or status == 503, "the circuit breaker is first"


def test_f10_a_half_broken_system_is_not_hit_twice_as_hard_and_drains(place: Place[Any]) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    events = 25

    async def main(deliver: Delivering) -> tuple[int, int, list[Any]]:
        place.app.faults.set(
            [Rule(do="status", status=503, nth=number, count=1) for number in range(1, 20 * events, 2)][:900]
        )
        await one_by_one(deliver, place, 0, events)
        sent = len(place.app.faults.requests)
        failed = sum(entry.status == 503 for entry in place.app.faults.requests)
        place.app.faults.clear()
        drained = await one_by_one(deliver, place, 0, events)
        while any(isinstance(one, Retry) for one in drained):
            place.clock.now += 60  # what was created in doubt is looked at again later
            drained = await one_by_one(deliver, place, 0, events)
        return sent, failed, drained

    sent, failed, drained = place.play(main)
    made = second_tries(place, "made")
    assert failed > RESERVE + SHARE * events, "there was more to try again than the budget allows"
    assert made <= RESERVE + SHARE * (sent - made)
    assert set(map(type, drained)) <= {Done, Duplicate}

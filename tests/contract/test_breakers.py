"""Each destination leaves a system that does not answer in peace, and asks by one call whether it is back."""

import asyncio
from typing import Any

import pytest

from shared.destinations.breaker import FAILURES, MOST
from shared.destinations.http import HELD
from shared.events.outcome import Done, Retry
from shared.local.standins.faults import Rule
from shared.runtime.registry import FUNCTIONS
from tests.support.records import classified
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.registry import RECORDS, TICKETS, UPSERTS
from tests.support.rigs.transport import calls, speaks_http
from tests.support.tickets import episode

_RIGS: dict[str, Any] = {**RECORDS, **TICKETS, **UPSERTS}
_SECONDS = 1.2  # of a delivery: less than the breaker is open, so that none waits for its end


def test_every_destination_is_tried() -> None:
    assert {rig.function for rig in _RIGS.values()} == {
        name for name, one in FUNCTIONS.items() if one.destination is not None
    }


async def _told(deliver: Delivering, place: Place[Any], number: int) -> Any:
    key = f"{number:026d}"
    one = classified(key) if place.rig.function in RECORDS else episode(id=f"{key}-1k8f2s0", problem_key=key)
    return (await deliver(one, _SECONDS)).outcome


@pytest.mark.parametrize("name", sorted(_RIGS))
def test_a_system_that_is_not_there_is_left_in_peace_until_one_call_finds_it_back(name: str) -> None:
    rig = _RIGS[name]
    away = Rule("status", status=503, count=0) if speaks_http(rig) else Rule("reset", operation=calls(rig), count=0)

    async def main(deliver: Delivering) -> tuple[list[Any], int, list[Any]]:
        place.app.faults.set([away])
        failed = [await _told(deliver, place, number) for number in range(FAILURES + 1)]
        before = len(place.app.faults.requests)
        held = [await _told(deliver, place, FAILURES + 1 + number) for number in range(5)]
        more = len(place.app.faults.requests) - before
        place.app.faults.clear()
        outcomes: list[Any] = []
        for _ in range(40):
            outcomes.append(await _told(deliver, place, 0))
            if outcomes[-1] == Done():
                break
            await asyncio.sleep(0.1)
        return [*failed, *held], more, outcomes

    with placed(rig) as place:
        failed, more, outcomes = place.play(main)
    assert {type(one) for one in failed} == {Retry}
    assert HELD in failed[-1].reason
    assert 0 < failed[-1].after <= MOST
    assert more <= 1, "one call asks, should its time have come"
    assert outcomes[-1] == Done()

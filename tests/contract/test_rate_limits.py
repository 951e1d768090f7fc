"""No system is sent more than was agreed on: each destination has a rate limit, and hands back what is above it."""

import time
from typing import Any

import pytest

from shared.events.outcome import Done, Retry
from shared.runtime.registry import FUNCTIONS
from tests.support.records import classified
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.registry import RECORDS, TICKETS, UPSERTS
from tests.support.tickets import episode

_RIGS: dict[str, Any] = {**RECORDS, **TICKETS, **UPSERTS}
_AN_HOUR = ("SERVICENOW_REQUESTS_PER_HOUR", 60, 1, 1 / 60)
LIMITS = {
    **dict.fromkeys(("servicenow_incident", "servicenow_security", "servicenow_change", "servicenow_event"), _AN_HOUR),
    "siem_forwarder": ("SPLUNK_EVENTS_PER_SECOND", 0.1, 1, 0.1),
    "elastic_forwarder": ("ELASTIC_EVENTS_PER_SECOND", 0.1, 1, 0.1),
    "qradar_forwarder": ("QRADAR_EVENTS_PER_SECOND", 0.5, 1, 0.5),
    "webhook": ("WEBHOOK_REQUESTS_PER_SECOND", 0.1, 1, 0.1),
    "glpi_ticket": ("GLPI_REQUESTS_PER_SECOND", 0.1, 1, 0.1),
}
"""By function: the setting, what it is set to, how many may go at once then, and how many a second after that."""
_EVENTS = 3


def test_every_destination_has_one() -> None:
    assert sorted(LIMITS) == sorted(name for name, one in FUNCTIONS.items() if one.destination is not None)


async def _one_after_the_other(deliver: Delivering, place: Place[Any]) -> list[Any]:
    found = []
    for number in range(_EVENTS):
        key = f"{number:026d}"
        record = place.rig.function in RECORDS
        one = classified(key) if record else episode(id=f"{key}-1k8f2s0", problem_key=key)
        found.append((await deliver(one, 1.5)).outcome)
    return found


@pytest.mark.parametrize("name", sorted(_RIGS))
def test_no_more_goes_out_than_the_limit_lets_and_the_rest_comes_again(name: str) -> None:
    setting, value, at_once, a_second = LIMITS[_RIGS[name].function]
    with placed(_RIGS[name]) as place:
        begun = time.monotonic()
        limited = {**place.rig.hurried, setting: str(value)}
        outcomes = place.play(lambda deliver: _one_after_the_other(deliver, place), **limited)
        most = at_once + a_second * (time.monotonic() - begun) + 1
        asked = place.rig.records(place.app) if name in RECORDS else place.app.faults.requests
        assert at_once <= len(asked) <= most
        assert {type(one) for one in outcomes} <= {Done, Retry}
        assert Retry in {type(one) for one in outcomes}

        free = place.play(lambda deliver: _one_after_the_other(deliver, place))
        assert Retry not in {type(one) for one in free}, "without it nothing holds them back"

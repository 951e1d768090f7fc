"""Tickets where their system is another one now: by address, by account, or altogether."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.events.outcome import Done
from shared.local.standins import glpi, servicenow
from tests.support.rigs.place import Place, TicketRig, placed
from tests.support.rigs.registry import TICKETS
from tests.support.servers import serve
from tests.support.tickets import episode, resolved

Tickets = Place[TicketRig]
WORSE = episode(2, transition="updated", severity="critical")
_TOKEN = {
    "SERVICENOW_USERNAME": "", "SERVICENOW_PASSWORD": "", "SERVICENOW_TOKEN": next(iter(servicenow.TOKENS)),
}  # fmt: skip
ACCOUNTS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("servicenow_incident", "servicenow_security", "servicenow_change"), _TOKEN),
    "glpi_ticket": {"GLPI_USER_TOKEN": "glpi-user-token"},
    "glpi_ticket by the API v2": {
        **dict.fromkeys(("GLPI_CLIENT_ID", "GLPI_CLIENT_SECRET", "GLPI_USERNAME", "GLPI_PASSWORD"), ""),
        "GLPI_APP_TOKEN": glpi.APP_TOKEN,
        "GLPI_USER_TOKEN": "tidings-user-token",
    },
}
"""Other credentials for the same system; of GLPI's API v2 those of the older API, which finds the same tickets."""


@pytest.fixture(params=sorted(TICKETS))
def place(request: pytest.FixtureRequest) -> Iterator[Tickets]:
    with placed(TICKETS[request.param]) as one:
        yield one


def told(place: Tickets, one: Any, **settings: str) -> Any:
    return place.play(lambda deliver: deliver(one), **settings).outcome


def standings(place: Tickets) -> list[str]:
    return [ticket.standing for ticket in place.rig.tickets(place.app)]


def test_under_another_address_an_open_episode_finds_its_ticket_again(place: Tickets) -> None:
    assert told(place, episode()) == Done()
    with serve(place.app) as url:
        assert told(place, WORSE, **{place.rig.url: url}) == Done()
        assert standings(place) == ["active"]
        assert told(place, resolved(3), **{place.rig.url: url}) == Done()
    assert standings(place) == ["resolved"]


def test_with_other_credentials_an_open_episode_finds_its_ticket_again(request: pytest.FixtureRequest) -> None:
    for name, account in ACCOUNTS.items():
        with placed(TICKETS[name]) as place:
            assert told(place, episode()) == Done(), name
            assert told(place, WORSE, **account) == Done(), name
            assert told(place, resolved(3), **account) == Done(), name
            assert standings(place) == ["resolved"], name
    assert sorted(ACCOUNTS) == sorted(TICKETS), request.node.name


def test_in_another_system_an_open_episode_has_one_ticket_from_its_next_snapshot_on(place: Tickets) -> None:
    """What the store knows is the id of a record that is not there."""
    assert told(place, episode()) == Done()
    with contextlib.closing(place.rig.opened()) as other, serve(other) as url:
        assert told(place, WORSE, **{place.rig.url: url}) == Done()
        assert [ticket.standing for ticket in place.rig.tickets(other)] == ["active"]
        assert told(place, resolved(3), **{place.rig.url: url}) == Done()
        assert [ticket.standing for ticket in place.rig.tickets(other)] == ["resolved"]
    assert standings(place) == ["active"], "nobody may touch it any more"

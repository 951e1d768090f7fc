"""glpi_ticket by the API v2 of GLPI 11, where it differs from the legacy one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.glpi.text import text_of
from shared.events.outcome import Done, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.settings.environment import SettingsError, read
from tests.support.rigs.glpi import ModernTickets, Tickets
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.tickets import episode, resolved

SAID_NO = (
    '{"status":"ERROR","title":"Failed to create item(s)","detail":null,'
    '"additional_messages":[{"priority":"error","message":"a field is mandatory"}]}'
)


@pytest.fixture
def place() -> Iterator[Place[ModernTickets]]:
    with placed(ModernTickets()) as one:
        yield one


def deliver(place: Place[Any], *episodes: Any, **settings: str) -> list[Any]:
    async def main(send: Delivering) -> list[Any]:
        return [(await send(one)).outcome for one in episodes]

    return place.play(main, **settings)


def only(place: Place[Any]) -> dict[str, Any]:
    (row,) = place.app.records("Ticket")
    return dict(row)


def findings(place: Place[Any], **settings: str) -> list[tuple[bool | None, str]]:
    return place.play(lambda send: send.function.check(), **settings)


def test_a_ticket_has_its_key_also_where_glpi_11_has_a_field_for_it(place: Place[ModernTickets]) -> None:
    deliver(place, episode(), GLPI_CATEGORY="Incidents > Kubernetes")
    row = only(place)
    assert row["externalid"] == episode().id
    assert row["name"].endswith(f" [k8s:{episode().id}]")
    assert (row["urgency"], row["itilcategories_id"], row["type"]) == (4, 2, 1)


def test_group_and_requester_join_its_team(place: Place[ModernTickets]) -> None:
    deliver(place, episode(), GLPI_GROUP="Service Desk", GLPI_REQUESTER="post-only")
    (group,) = place.app.records("Group_Ticket")
    assert (group["groups_id"], group["type"]) == (2, 2)
    (user,) = place.app.records("Ticket_User")
    assert (user["users_id"], user["type"]) == (3, 1)


def test_entity_and_profile_are_ids_that_each_request_carries(place: Place[ModernTickets]) -> None:
    deliver(place, episode(), GLPI_ENTITY="1", GLPI_PROFILE="6")
    assert only(place)["entities_id"] == 1
    (outcome,) = deliver(place, episode(2, severity="critical", transition="updated"), GLPI_PROFILE="1")
    assert isinstance(outcome, Rejected), "Self-Service sees its own ticket and may not change it"


def test_reopening_is_a_change_of_status_and_a_private_followup(place: Place[ModernTickets]) -> None:
    assert deliver(place, episode(), resolved(), episode(3, transition="reopened", reopened=1)) == [Done()] * 3
    assert only(place)["status"] == 2
    (note,) = place.app.records("ITILFollowup")
    assert note["is_private"] == 1
    assert "\nThe problem came back (1).\n" in text_of(note["content"])


def test_tickets_of_the_legacy_api_are_found_by_the_new_one_and_the_other_way_round() -> None:
    """A change of the API with open episodes makes no second ticket."""
    with placed(ModernTickets()) as place:
        legacy = Tickets().settings(place.url)
        none = dict.fromkeys(("GLPI_CLIENT_ID", "GLPI_CLIENT_SECRET", "GLPI_USERNAME", "GLPI_PASSWORD"), "")
        assert deliver(place, episode(), **{**none, **legacy}) == [Done()]
        assert deliver(place, episode(2, severity="critical", transition="updated")) == [Done()]
        assert deliver(place, resolved(3), **{**none, **legacy}) == [Done()]
        assert only(place)["status"] == 5


def test_a_no_of_business_is_asked_twice_and_then_believed(place: Place[ModernTickets]) -> None:
    """reference/destinations.md §2.3: 500 with messages: ambiguous, re-query, then treat a repeat as permanent."""
    place.app.faults.set([Rule(do="status", status=500, body=SAID_NO, operation="create", count=0)])
    (outcome,) = deliver(place, episode())
    assert isinstance(outcome, Rejected)
    assert "mandatory field" in outcome.reason
    assert [one.operation for one in place.app.faults.requests].count("create") == 2
    place.app.faults.set([Rule(do="commit-then-status", status=500, body=SAID_NO, operation="create")])
    assert deliver(place, episode()) == [Done()], "it said no and did it: it was found"
    assert len(place.app.records("Ticket")) == 1


def test_a_lost_token_is_fetched_again_once_and_not_for_each_event(place: Place[ModernTickets]) -> None:
    """F37, as the API v2 has it: once per process under lock, not per event."""

    async def main(send: Delivering) -> list[Any]:
        await send(episode())
        place.app.kill_sessions()
        key = "{:026d}"
        more = [episode(id=f"{key.format(number)}-1abc", problem_key=key.format(number)) for number in range(12)]
        return [one.outcome for one in await asyncio.gather(*(send(one) for one in more))]

    assert place.play(main) == [Done()] * 12
    assert place.app.faults.count(operation="token") == 2


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"GLPI_PASSWORD": "wrong"}, "the user's"),
        ({"GLPI_USERNAME": "nobody"}, "the user's"),
        ({"GLPI_CLIENT_SECRET": "wrong"}, "the OAuth client's"),
        ({"GLPI_CLIENT_ID": "nobody"}, "the OAuth client's"),
        ({"GLPI_CATEGORY": "Nothing"}, "GLPI_CATEGORY"),
        ({"GLPI_GROUP": "Nobody"}, "GLPI_GROUP"),
    ],
)
def test_doctor_names_the_setting_that_does_not_fit(
    place: Place[ModernTickets], settings: dict[str, str], word: str
) -> None:
    bad = [text for good, text in findings(place, **settings) if good is False]
    assert any(word in text for text in bad)


def test_doctor_probes_this_api_where_its_settings_are_there(place: Place[ModernTickets]) -> None:
    found = findings(place, GLPI_CATEGORY="Kubernetes")
    assert all(good is not False for good, _ in found)
    assert "API v2" in found[0][1]
    assert place.app.records("Ticket") == []
    ((good, text),) = findings(place, GLPI_URL=f"{place.url}/elsewhere")
    assert not good
    assert "this is no GLPI: check GLPI_URL" in text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, '{"error":{"type":"security_exception"},"status":401}'),
        (400, '{"error":"no handler found for uri [/api.php/token]","status":400}'),
        (405, '{"error":"Incorrect HTTP method","status":405}'),
        (404, "<html>"),
    ],
)
def test_doctor_says_that_another_system_is_no_glpi(place: Place[ModernTickets], status: int, body: str) -> None:
    place.app.faults.set([Rule("status", status=status, body=body)])
    assert findings(place) == [
        (False, f"{place.url}: this is no GLPI: check GLPI_URL, and whether its API is turned on")
    ]


def test_a_wrong_password_rests_for_a_minute(place: Place[ModernTickets]) -> None:
    """F36: no lock-out of account (max 1/min)."""
    outcomes = deliver(place, *(episode(number) for number in range(1, 6)), GLPI_PASSWORD="wrong")  # noqa: S106
    assert {type(one) for one in outcomes} == {Retry}
    assert place.app.faults.count(operation="token") == 1


def test_names_of_entity_and_profile_are_refused_at_the_start() -> None:
    environ = {
        "GLPI_URL": "https://glpi.example",
        "GLPI_CLIENT_ID": "c",
        "GLPI_CLIENT_SECRET": "s",
        "GLPI_USERNAME": "u",
        "GLPI_PASSWORD": "p",
        "GLPI_ENTITY": "Shop",
    }
    with pytest.raises(SettingsError, match="GLPI_ENTITY"):
        read(GlpiSettings, environ)


def test_a_team_has_each_member_once_however_often_it_changes(place: Place[ModernTickets], tmp_path: Path) -> None:
    mapping = tmp_path / "own.yaml"
    mapping.write_text(
        "extends: shipped\ndestination: glpi-ticket\noperations:\n"
        "  update: {_groups_id_assign: Service Desk, _users_id_requester: post-only}\n"
    )
    settings = {"GLPI_GROUP": "Service Desk", "GLPI_REQUESTER": "post-only", "GLPI_MAPPING": str(mapping)}
    changes = [episode(n, severity=one, transition="updated") for n, one in ((2, "critical"), (3, "low"), (4, "high"))]
    deliver(place, episode(), *changes, **settings)
    assert [(row["groups_id"], row["type"]) for row in place.app.records("Group_Ticket")] == [(2, 2)]
    assert [(row["users_id"], row["type"]) for row in place.app.records("Ticket_User")] == [(3, 1)]


def test_one_who_is_not_in_the_team_joins_with_a_change(place: Place[ModernTickets], tmp_path: Path) -> None:
    mapping = tmp_path / "own.yaml"
    mapping.write_text(
        "extends: shipped\ndestination: glpi-ticket\noperations:\n  update: {_users_id_requester: post-only}\n"
    )
    deliver(place, episode(), episode(2, severity="critical", transition="updated"), GLPI_MAPPING=str(mapping))
    assert [row["users_id"] for row in place.app.records("Ticket_User")] == [3]


def test_a_wrong_address_holds_tickets_back_and_dead_letters_none(place: Place[ModernTickets]) -> None:
    (outcome,) = deliver(place, episode(), GLPI_URL=f"{place.url}/elsewhere")
    assert isinstance(outcome, Retry)
    assert outcome.reason == "this is no GLPI: check GLPI_URL, and whether its API is turned on"


@pytest.mark.parametrize(
    "body", ["<html>", '{"status":"ERROR_RESOURCE_NOT_FOUND","title":"No such route","detail":null}']
)
def test_an_api_that_is_not_there_is_no_ticket_that_is_gone(place: Place[ModernTickets], body: str) -> None:
    place.app.faults.add(Rule("status", method="GET", path=r"/Assistance/Ticket\?", status=404, body=body, count=0))
    (outcome,) = deliver(place, episode())
    assert isinstance(outcome, Retry)
    assert "check GLPI_URL" in outcome.reason
    place.app.faults.clear()
    assert deliver(place, episode()) == [Done()]

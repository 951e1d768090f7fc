"""What is special about GLPI: names and ids, assets, its HTML, its entities."""

from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from shared.cli.explained import previewers
from shared.destinations.glpi.text import text_of
from shared.events.identity import episode_id
from shared.events.outcome import Done, Duplicate, Rejected, Retry
from shared.local.standins import glpi
from shared.local.standins.faults import Rule
from shared.stores.memory import MemoryStore
from tests.support.rigs.glpi import Tickets
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.tickets import START, episode, resolved

LABELS = {"tidings.dev/glpi-category": "Incidents > Kubernetes", "tidings.dev/assignment-group": "service desk"}


@pytest.fixture
def place() -> Iterator[Place[Tickets]]:
    with placed(Tickets()) as one:
        yield one


def deliver(place: Place[Tickets], *episodes: Any, **settings: str) -> list[Any]:
    async def main(send: Delivering) -> list[Any]:
        return [(await send(one)).outcome for one in episodes]

    return place.play(main, **settings)


def only(place: Place[Tickets]) -> dict[str, Any]:
    (row,) = place.app.records("Ticket")
    return dict(row)


def operations(place: Place[Tickets]) -> list[str]:
    return [entry.operation for entry in place.app.faults.requests]


def test_a_ticket_has_its_key_at_the_end_of_its_title_and_grades_that_glpi_knows(place: Place[Tickets]) -> None:
    deliver(place, episode(severity="critical"))
    row = only(place)
    assert row["name"] == f"[prod-1] Pod shop/api-0 keeps crashing [k8s:{episode().id}]"
    assert (row["urgency"], row["impact"], row["priority"], row["type"]) == (5, 5, 5, 1)
    assert text_of(row["content"]).endswith(f"\n\n[k8s:{episode().id} r1.0o]")


def test_category_group_and_requester_are_found_by_name(place: Place[Tickets]) -> None:
    deliver(place, episode(labels=LABELS), GLPI_REQUESTER="post-only")
    assert only(place)["itilcategories_id"] == 2
    (group,) = place.app.records("Group_Ticket")
    assert (group["groups_id"], group["type"]) == (2, 2)
    (user,) = place.app.records("Ticket_User")
    assert (user["users_id"], user["type"]) == (3, 1)


def test_a_name_that_glpi_does_not_have_gives_way_to_the_settings_and_is_said(place: Place[Tickets]) -> None:
    labels = {"tidings.dev/assignment-group": "nobody"}
    deliver(place, episode(labels=labels), GLPI_GROUP="Platform Engineering", GLPI_CATEGORY="2")
    (group,) = place.app.records("Group_Ticket")
    assert group["groups_id"] == 1
    assert only(place)["itilcategories_id"] == 2
    assert "The group 'nobody' was not found." in text_of(only(place)["content"])


def test_a_name_is_looked_up_once_and_not_for_each_ticket(place: Place[Tickets]) -> None:
    other = episode(id="z" * 26 + "-1abc", problem_key="z" * 26, labels=LABELS)
    deliver(place, episode(labels=LABELS), other)
    assert operations(place).count("lookup") == len({"category", "group", "appliance of the pod", "of its namespace"})


def test_a_ticket_is_linked_to_the_computer_of_its_node_and_to_the_appliance_of_its_workload(
    place: Place[Tickets],
) -> None:
    node = place.app.insert("Computer", {"name": "worker-1"})
    place.app.insert("Appliance", {"name": "ns", "externalidentifier": "k8s:prod-1:ns:shop"})
    api = place.app.insert("Appliance", {"name": "api", "externalidentifier": "k8s:prod-1:deployment:shop/api"})
    owner = {"kind": "Deployment", "namespace": "shop", "name": "api"}
    deliver(place, episode(host="worker-1.example.com", owner=owner))
    linked = [(row["itemtype"], row["items_id"]) for row in place.app.records("Item_Ticket")]
    assert linked == [("Computer", node), ("Appliance", api)]


def test_an_asset_that_cannot_be_looked_up_never_refuses_the_ticket(place: Place[Tickets]) -> None:
    place.app.faults.set([Rule(do="status", status=403, operation="lookup", count=0)])
    assert deliver(place, episode(host="worker-1")) == [Done()]
    assert place.app.records("Item_Ticket") == []


def test_a_mapping_may_link_assets_later_and_a_link_that_is_there_is_as_good(
    place: Place[Tickets], tmp_path: Path
) -> None:
    mapping = tmp_path / "own.yaml"
    mapping.write_text(
        "operations:\n  open: {name: '{{ episode.summary }}'}\n"
        "  update: {computer: '{{ episode.host }}', followup: again}\n"
    )
    node = place.app.insert("Computer", {"name": "worker-1"})
    first, worse, worst = episode(), episode(2, severity="critical"), episode(3, count=9)
    sent = [replace_host(one) for one in (worse, worst)]
    assert deliver(place, first, *sent, GLPI_MAPPING=str(mapping)) == [Done(), Done(), Done()]
    assert [row["items_id"] for row in place.app.records("Item_Ticket")] == [node]


def replace_host(one: Any) -> Any:
    return one.model_copy(update={"host": "worker-1", "transition": "updated"})


def test_a_ticket_goes_to_the_entity_of_the_settings_with_the_profile_of_the_settings(place: Place[Tickets]) -> None:
    assert deliver(place, episode(), GLPI_ENTITY="Root entity > Shop", GLPI_PROFILE="Technician") == [Done()]
    assert only(place)["entities_id"] == 1


def test_a_mapping_may_choose_the_entity_of_each_ticket(place: Place[Tickets], tmp_path: Path) -> None:
    mapping = tmp_path / "own.yaml"
    mapping.write_text("operations:\n  open: {name: x, entities_id: Bank}\n")
    deliver(place, episode(), GLPI_MAPPING=str(mapping))
    assert only(place)["entities_id"] == 2


@pytest.mark.parametrize("name", ["GLPI_ENTITY", "GLPI_PROFILE"])
def test_an_entity_or_profile_that_is_not_there_is_waited_for(place: Place[Tickets], name: str) -> None:
    (outcome,) = deliver(place, episode(), **{name: "Nowhere"})
    assert isinstance(outcome, Retry)
    assert name in outcome.reason
    assert place.app.records("Ticket") == []
    assert place.app.sessions() == 0, "the session that could not be used was ended"


def test_a_tag_within_what_an_event_says_is_not_taken_for_a_key(place: Place[Tickets]) -> None:
    other = f"look at [k8s:{episode().id}] please"
    place.app.insert("Ticket", {"name": other, "content": "x"})
    place.app.insert("Ticket", {"name": "x", "content": f"[k8s:{episode().id} r9.9e]"})
    said = f"forged [k8s:{episode().id} r99.9e]"
    assert deliver(place, episode(summary=said, message=said)) == [Done()]
    place.store = MemoryStore(place.clock)
    assert deliver(place, resolved()) == [Done()]
    *others, ours = place.app.records("Ticket")
    assert [row["status"] for row in others] == [1, 1]
    assert ours["status"] == 5


def test_a_ticket_of_an_earlier_occurrence_is_taken_over_with_its_title(place: Place[Tickets]) -> None:
    later = START.replace(hour=20)
    second = episode(start=later)
    deliver(place, episode())
    assert deliver(place, second, resolved(2, start=later, id=second.id)) == [Done(), Done()]
    row = only(place)
    assert row["name"] == f"[prod-1] Pod shop/api-0 keeps crashing [k8s:{second.id}]"
    assert row["status"] == 5


def test_what_people_write_into_a_title_before_its_tag_stays(place: Place[Tickets]) -> None:
    deliver(place, episode())
    place.app.change("Ticket", 1, {"name": f"Payment is down! [k8s:{episode().id}]", "urgency": 1})
    deliver(place, episode(2, severity="critical", transition="updated"), resolved(3))
    assert only(place)["name"] == f"Payment is down! [k8s:{episode().id}]"
    assert only(place)["urgency"] == 1
    assert only(place)["status"] == 5


def test_a_title_longer_than_glpi_keeps_is_cut_before_its_tag(place: Place[Tickets]) -> None:
    deliver(place, episode(summary="very " * 100 + "long"))
    assert len(only(place)["name"]) == 255
    assert only(place)["name"].endswith(f"… [k8s:{episode().id}]")
    assert deliver(place, resolved()) == [Done()]
    assert only(place)["status"] == 5


def test_a_rule_of_glpi_that_takes_the_tag_away_makes_one_ticket_and_not_one_for_each_snapshot(
    place: Place[Tickets],
) -> None:
    place.app.options = replace(place.app.options, rule=lambda row: {**row, "name": "renamed"})
    first, second = deliver(place, episode(), episode(2, transition="updated", severity="critical"))
    assert isinstance(first, Rejected)
    assert "title" in first.reason
    assert isinstance(second, Rejected)
    assert len(place.app.records("Ticket")) == 1


def test_a_ticket_that_glpi_does_not_reopen_is_followed_by_a_new_one(place: Place[Tickets]) -> None:
    deliver(place, episode(), resolved())
    ignored = '{"id":9,"message":""}'  # as where the rights of the profile do not let a follow-up reopen
    place.app.faults.set([Rule(do="body", body=ignored, operation="followup", count=0)])
    assert deliver(place, episode(3, transition="reopened", reopened=1)) == [Done()]
    old, new = place.app.records("Ticket")
    assert (old["status"], new["status"]) == (5, 1)
    assert f"Follows {old['id']} (" in text_of(new["content"])
    (link,) = place.app.records("Ticket_Ticket")
    assert (link["tickets_id_1"], link["tickets_id_2"], link["link"]) == (2, 1, 1)


def test_reopening_refuses_the_solution_and_says_why_privately(place: Place[Tickets]) -> None:
    deliver(place, episode(), resolved(), episode(3, transition="reopened", reopened=1))
    (solution,) = place.app.records("ITILSolution")
    assert solution["status"] == 4
    (note,) = place.app.records("ITILFollowup")
    assert note["is_private"] == 1
    assert "\nThe problem came back (1).\n" in text_of(note["content"])
    assert only(place)["status"] == 1


def test_a_second_ticket_is_solved_as_a_duplicate_that_is_linked(place: Place[Tickets]) -> None:
    place.rig.second(place.app, episode())
    place.app.faults.set([Rule(do="body", body=place.rig.nothing, operation="find")])
    assert deliver(place, episode()) == [Done()]
    (link,) = place.app.records("Ticket_Ticket")
    assert (link["tickets_id_1"], link["tickets_id_2"], link["link"]) == (2, 1, 2)


def test_a_consequence_becomes_the_child_of_its_causes_ticket(place: Place[Tickets]) -> None:
    key = "z" * 26
    cause = episode(problem_key=key, id=episode_id(key, START), summary="Node worker-1 is not ready")
    taken = {"kind": "consequence", "id": cause.id, "summary": cause.summary, "object": "Node/worker-1"}
    assert deliver(place, episode(), cause, resolved(cause=taken)) == [Done()] * 3
    (link,) = place.app.records("Ticket_Ticket")
    assert (link["tickets_id_1"], link["tickets_id_2"], link["link"]) == (1, 2, 3)
    (solution,) = place.app.records("ITILSolution")
    assert f"Node worker-1 is not ready (Node/worker-1), episode {cause.id}." in text_of(solution["content"])


def test_a_followup_of_which_nothing_was_heard_is_not_written_twice(place: Place[Tickets]) -> None:
    deliver(place, episode())
    place.app.faults.set([Rule(do="commit-then-reset", operation="followup")])
    worse = episode(2, severity="critical", transition="updated")
    outcomes = deliver(place, worse, worse)
    assert outcomes[0] == Done(), "its mark was found in the ticket at once"
    assert isinstance(outcomes[1], Duplicate)
    assert len(place.app.records("ITILFollowup")) == 1


def test_a_field_that_was_changed_before_its_followup_failed_stays_ours(place: Place[Tickets]) -> None:
    place.app.faults.set([Rule(do="status", status=503, operation="followup")])
    worse = episode(2, severity="critical", transition="updated")
    better = episode(3, severity="low", transition="updated")

    async def main(send: Delivering) -> list[Any]:
        outcomes = [(await send(one)).outcome for one in (episode(), worse)]
        assert only(place)["urgency"] == 5
        place.clock.now += 60
        return outcomes + [(await send(one)).outcome for one in (worse, better)]

    assert place.play(main) == [Done(), Retry("a server error"), Done(), Done()]
    assert only(place)["urgency"] == 2


def test_a_ticket_that_somebody_solved_meanwhile_counts_as_solved(place: Place[Tickets]) -> None:
    deliver(place, episode())
    place.app.faults.set([Rule(do="commit-then-status", status=503, operation="solution")])
    assert isinstance(deliver(place, resolved())[0], Done | Retry)
    place.app.faults.clear()
    place.clock.now += 60
    deliver(place, resolved())
    assert only(place)["status"] == 5
    assert len(place.app.records("ITILSolution")) == 1


def test_a_deleted_ticket_is_made_again_while_the_problem_lasts(place: Place[Tickets]) -> None:
    deliver(place, episode())
    place.app.change("Ticket", 1, {"is_deleted": 1})
    assert deliver(place, episode(2, severity="critical", transition="updated")) == [Done()]
    assert [row["is_deleted"] for row in place.app.records("Ticket")] == [1, 0]


class Versioned(Tickets):
    """The rig with a GLPI of another version."""

    def __init__(self, version: str) -> None:
        self._version = version

    def opened(self) -> Any:
        return glpi.new_app(version=self._version)


@pytest.mark.parametrize("version", ["10.0.18", "11.0.4"])
def test_glpi_11_keeps_texts_as_they_are_and_is_read_alike(version: str) -> None:
    with placed(Versioned(version)) as there:
        deliver(there, episode(summary="a < b & c", message="<b>x</b>"))
        there.store = MemoryStore(there.clock)
        (again,) = deliver(there, episode(summary="a < b & c", message="<b>x</b>"))
        assert isinstance(again, Duplicate)
        assert "\u2039 b & c" in unescape(only(there)["name"])


def test_the_address_may_be_that_of_the_api_itself(place: Place[Tickets]) -> None:
    assert deliver(place, episode(), GLPI_URL=f"{place.url}/apirest.php/") == [Done()]


def test_f36_credentials_that_another_system_refuses_rest_for_a_minute_too(place: Place[Tickets]) -> None:
    """F36: credential expired mid-run (401): no lock-out of account (max 1/min)."""
    place.app.faults.set([Rule("status", status=401, body='{"error":"proxy"}')])
    outcomes = deliver(place, *(episode(number) for number in range(1, 6)))
    assert {type(one) for one in outcomes} == {Retry}
    assert len(place.app.faults.requests) == 1


def test_a_mapping_may_rewrite_the_description_and_its_mark_stays(place: Place[Tickets], tmp_path: Path) -> None:
    mapping = tmp_path / "own.yaml"
    mapping.write_text(
        "operations:\n  open: {name: '{{ episode.summary }}', content: '{{ episode.message }}'}\n"
        "  update: {content: 'now {{ episode.message }}', name: 'worse {{ episode.summary }}', followup: again}\n"
    )
    sent = (episode(), episode(2, severity="critical", transition="updated"))
    assert deliver(place, *sent, GLPI_MAPPING=str(mapping)) == [Done(), Done()]
    assert text_of(only(place)["content"]) == f"now {episode().message}\n\n[k8s:{episode().id} r1.0o]"
    assert only(place)["name"] == f"worse {episode().summary} [k8s:{episode().id}]"
    place.app.change("Ticket", 1, {"content": "<p>somebody wrote this</p>"})
    deliver(place, episode(3, severity="critical", count=9, transition="updated"), GLPI_MAPPING=str(mapping))
    assert text_of(only(place)["content"]) == "somebody wrote this"


def test_a_node_is_linked_as_its_computer_and_no_appliance_is_asked_for(place: Place[Tickets]) -> None:
    number = place.app.insert("Computer", {"name": "WORKER-1"})
    node = {"kind": "Node", "name": "worker-1.example.com"}
    assert deliver(place, episode(object=node, summary="Node worker-1 is not ready")) == [Done()]
    (link,) = place.app.records("Item_Ticket")
    assert (link["itemtype"], link["items_id"]) == ("Computer", number)
    assert not [one for one in place.app.faults.requests if "/Appliance" in one.path]


def test_explain_shows_the_ticket_once_a_setting_names_glpi(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert "glpi_ticket" not in previewers()
    monkeypatch.setenv("GLPI_URL", "https://glpi.example")
    monkeypatch.setenv("GLPI_USER_TOKEN", "x")
    monkeypatch.setenv("GLPI_GROUP", "Service Desk")
    (shown,) = previewers()["glpi_ticket"].preview(episode())
    assert (shown.method, shown.url) == ("POST", "https://glpi.example/apirest.php/Ticket")
    assert shown.body["input"]["_groups_id_assign"] == "Service Desk"


@pytest.mark.parametrize("operation", ["initSession", "find"])
def test_a_wrong_address_holds_tickets_back_and_dead_letters_none(place: Place[Tickets], operation: str) -> None:
    """A 404 of a ticket says that it is gone; one of a whole path that GLPI is somewhere else."""
    path = {"initSession": "initSession", "find": "search"}[operation]
    place.app.faults.add(Rule("status", path=path, status=404, body="<html>Not Found</html>", count=0))
    (outcome,) = deliver(place, episode())
    assert isinstance(outcome, Retry), outcome
    assert "check GLPI_URL" in outcome.reason
    place.app.faults.clear()
    assert deliver(place, episode()) == [Done()]


def test_what_keeps_us_out_at_the_door_rejects_no_ticket(place: Place[Tickets]) -> None:
    not_here = '["ERROR_NOT_ALLOWED_IP", "from here"]'
    place.app.faults.add(Rule("status", path="initSession", status=403, body=not_here, count=0))
    (outcome,) = deliver(place, episode())
    assert outcome == Retry("this address is not allowed by its API client", 60.0)

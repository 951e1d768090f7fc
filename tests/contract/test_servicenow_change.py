"""The servicenow_change function: what a change request holds, and the way that its state model lets it go."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.servicenow_change.handler import MAPPING, new
from shared.cli.checked import check
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Duplicate, Ignored, Rejected
from shared.local.standins.faults import Rule
from shared.runtime.function import Call, Result
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT
from tests.support.change_requests import LABELS, NORMAL, RIG, notes, only, play, walked
from tests.support.changes import completed, failed, running
from tests.support.rigs.place import Delivering, placed

ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}


def test_a_roll_out_is_a_standard_change_that_is_implemented_and_closed_as_successful() -> None:
    with placed(RIG) as place:
        assert [one.outcome for one in play(place, running())] == [Done()]
        row = only(place)
        assert (row["type"], row["state"], row["approval"]) == ("standard", "-1", "approved")
        assert row["number"].startswith("CHG")
        assert row["short_description"] == "[prod-1] Roll-out of Deployment/shop/api"
        assert "By: alice with argocd\n" in row["description"]
        assert "spec.template.spec.containers[api].image: shop/api:1 → shop/api:2\n" in row["description"]
        assert row["work_start"] == "2026-03-01 08:00:00"
        assert (row["correlation_id"], row["close_code"]) == (running().id, "")
        assert [one.outcome for one in play(place, completed())] == [Done()]
        row = only(place)
        assert (row["state"], row["close_code"], row["active"]) == ("3", "successful", "false")
        assert row["close_notes"].startswith("The roll-out was completed after 1 h; 3 of 3 were updated.")
        assert row["work_end"] == "2026-03-01 09:00:00"
        assert walked(place) == ["Scheduled", "Implement", "Review", "Closed"]


def test_a_roll_out_that_failed_is_closed_as_unsuccessful_with_what_was_said_last() -> None:
    with placed(RIG) as place:
        play(place, running(), failed())
        assert (only(place)["state"], only(place)["close_code"]) == ("3", "unsuccessful")
        assert "Failed: ProgressDeadlineExceeded. ReplicaSet has timed out progressing" in notes(place)
    with placed(RIG) as place:
        play(place, running(), failed(ended_by="expired"))
        assert "whether it was completed is not known" in only(place)["close_notes"]


def test_what_goes_on_is_told_in_a_note() -> None:
    with placed(RIG) as place:
        more = running(2, taken_in=1, problems=("p-1",))
        assert [type(one.outcome) for one in play(place, running(), more)] == [Done, Done]
        assert "1 further changes were made meanwhile" in notes(place)
        assert "Problems that began with it: p-1" in notes(place)
        assert only(place)["state"] == "-1"


@pytest.mark.parametrize("models", [True, False])
def test_a_normal_change_waits_for_its_approval_and_goes_on_with_the_next_snapshot(models: bool) -> None:  # noqa: FBT001
    with placed(RIG) as place:
        place.app.options = replace(place.app.options, change_models=models)
        assert play(place, running(), **NORMAL)[0].outcome == Done()
        assert (only(place)["type"], LABELS[only(place)["state"]]) == ("normal", "Assess")
        place.app.change("change_request", only(place)["sys_id"], {"approval": "approved"})
        play(place, running(2, taken_in=1), **NORMAL)
        assert LABELS[only(place)["state"]] == "Implement"
        assert walked(place) == ["Assess", "Authorize", "Scheduled", "Implement"]


def test_what_ended_without_its_approval_is_told_and_not_forced() -> None:
    with placed(RIG) as place:
        results = play(place, running(), completed(), completed(), **NORMAL)
        assert [type(one.outcome) for one in results] == [Done, Done, Duplicate]
        row = only(place)
        assert (LABELS[row["state"]], row["close_code"]) == ("Assess", "successful")
        assert "It stays in Assess: this instance does not let it go on to Closed now." in notes(place)


def test_what_nobody_planned_is_an_emergency_where_the_mapping_says_so(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    kind = "{% if change.planned %}standard{% else %}emergency{% endif %}"
    own.write_text(f"destination: servicenow-change\nextends: shipped\noperations:\n  open:\n    type: '{kind}'\n")
    with placed(RIG) as place:
        play(place, running(), SERVICENOW_CHANGE_MAPPING=str(own))
        assert (only(place)["type"], LABELS[only(place)["state"]]) == ("emergency", "Authorize")
    with placed(RIG) as place:
        play(place, running(planned=True, plan="window"), SERVICENOW_CHANGE_MAPPING=str(own))
        assert only(place)["type"] == "standard"


def test_people_may_close_it_themselves() -> None:
    with placed(RIG) as place:
        results = play(place, running(), completed(), failed(3), SERVICENOW_CHANGE_END="review")
        assert [type(one.outcome) for one in results] == [Done, Done, Ignored]
        assert (LABELS[only(place)["state"]], only(place)["close_code"]) == ("Review", "successful")


def test_a_change_that_people_announced_is_followed() -> None:
    with placed(RIG) as place:
        wrote = {"short_description": "Release 2 of the shop", "assignment_group": "g", "approval": "approved"}
        sys_id = place.app.insert("change_request", {**wrote, "state": "-2"})
        announced = {"planned": True, "plan": only(place)["number"]}
        assert play(place, running(**announced))[0].outcome == Done()
        row = only(place)
        assert (row["sys_id"], row["state"], row["short_description"]) == (sys_id, "-1", "Release 2 of the shop")
        assert row["correlation_id"] == running().id
        assert "By: alice with argocd" in row["description"], "what they left empty is filled in"
        play(place, completed(**announced))
        assert (only(place)["state"], only(place)["close_code"]) == ("3", "successful")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"state": "3"}, "is closed"),
        ({"state": "-2", "correlation_id": "another-1"}, "has another roll-out already"),
        (None, "is not there"),
    ],
)
def test_an_announced_change_that_cannot_be_followed_is_left_and_named(values: Any, why: str) -> None:
    with placed(RIG) as place:
        theirs = place.app.insert("change_request", values) if values else ""
        number = place.app.records("change_request")[0]["number"] if values else "CHG0099999"
        before = place.app.records("change_request")[:1] if values else []
        assert play(place, running(planned=True, plan=number))[0].outcome == Done()
        rows = place.app.records("change_request")
        (ours,) = [row for row in rows if row["sys_id"] != theirs]
        assert f"{number} was announced and {why}." in place.app.journal(ours["sys_id"])[0]["value"]
        assert [row for row in rows if row["sys_id"] == theirs] == before


def test_conflicts_that_the_instance_found_are_told() -> None:
    with placed(RIG) as place:
        sys_id = place.app.insert("change_request", {"state": "-2", "assignment_group": "g", "approval": "approved"})
        number = only(place)["number"]
        place.app.insert("conflict", {"change": sys_id, "type": "not_in_maintenance_window"})
        play(place, running(planned=True, plan=number))
        assert "Conflicts with other changes:\nNot In Maintenance Window" in notes(place)
        place.app.faults.set([Rule(do="status", status=404, operation="conflict", count=0)])
        assert play(place, running(1, id="other-1"))[0].outcome == Done(), "without being told of them it goes on"


def test_a_change_on_hold_gets_notes_and_stays_where_it_is() -> None:
    with placed(RIG) as place:
        play(place, running())
        sys_id = only(place)["sys_id"]
        place.app.change("change_request", sys_id, {"on_hold": "true", "on_hold_reason": "freeze"})
        play(place, running(2, taken_in=1), completed(3))
        assert (only(place)["state"], only(place)["on_hold"]) == ("-1", "true")
        assert "The roll-out has completed" in notes(place)


def test_what_people_wrote_stays() -> None:
    with placed(RIG) as place:
        play(place, running())
        theirs = {"close_code": "successful_issues", "close_notes": "Had to restart it", "short_description": "Ours"}
        place.app.change("change_request", only(place)["sys_id"], {"state": "0", **theirs})
        play(place, completed())
        row = only(place)
        assert {name: row[name] for name in theirs} == theirs
        assert row["state"] == "3", "from their review on it is closed"


def test_what_was_only_seen_once_it_had_ended_makes_no_request() -> None:
    with placed(RIG) as place:
        assert isinstance(play(place, completed())[0].outcome, Ignored)
        assert place.app.records("change_request") == []


def test_a_template_that_is_not_there_is_named() -> None:
    with placed(RIG) as place:
        outcome = play(place, running(), SERVICENOW_CHANGE_TEMPLATE="No such one")[0].outcome
        assert isinstance(outcome, Rejected)
        assert "SERVICENOW_CHANGE_TEMPLATE" in outcome.reason
        assert place.app.records("change_request") == []


def test_a_snapshot_of_a_problem_is_none_of_its_business() -> None:
    async def main(deliver: Delivering) -> list[Result]:
        problem = CloudEvent("1", "s", "dev.tidings.problem.opened.v1", data=running().model_dump(mode="json"))
        broken = CloudEvent("2", "s", "dev.tidings.change.started.v1", data={"id": 7})
        call = Call(asyncio.get_running_loop().time() + 10)
        return [await deliver.function.handle(one, call) for one in (problem, broken)]

    with placed(RIG) as place:
        assert [type(one.outcome) for one in place.play(main)] == [Ignored, Rejected]
        assert place.app.faults.requests == []


def test_doctor_says_which_template_is_missing_and_what_no_group_means() -> None:
    with placed(RIG) as place:

        def lines(**settings: str) -> str:
            return "\n".join(text for _, text in place.play(lambda deliver: deliver.function.check(), **settings))

        assert "standard change template 'Kubernetes roll-out' is there" in lines()
        assert "standard change template 'x' is not there" in lines(SERVICENOW_CHANGE_TEMPLATE="x")
        assert "changes are normal ones" in lines(**NORMAL)
        assert "no SERVICENOW_ASSIGNMENT_GROUP" in lines(SERVICENOW_ASSIGNMENT_GROUP="")
        place.app.faults.set(
            [Rule(do="status", status=400, body='{"error": {"message": "Invalid table change_request"}}')]
        )
        assert "is Change Management installed?" in lines()


def test_state_and_marks_are_no_mappings_to_set_and_a_way_must_be_one(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    for field, message in {"state: '3'": "set by Tidings", "type: urgent": "does not take `urgent`"}.items():
        own.write_text(f"destination: servicenow-change\noperations:\n  open:\n    {field}\n")
        with pytest.raises(SettingsError, match=message):
            new({**ENVIRON, "SERVICENOW_CHANGE_MAPPING": str(own)}, Metrics())
    own.write_text("destination: servicenow-change\noperations:\n  open:\n    description: '{{ episode.summary }}'\n")
    (problem,) = check([own]).problems
    assert (problem.message, problem.suggestion) == ("there is no `episode` here", "use one of: change")
    assert not check([MAPPING]).problems


def test_its_trigger_sends_it_roll_outs_of_what_teams_deploy_and_of_the_cluster() -> None:
    folder = ROOT / "knative" / "components" / "servicenow-change"
    trigger = yaml.safe_load((folder / "trigger.yaml").read_text())
    prefix, kinds = trigger["spec"]["filters"]
    assert prefix == {"prefix": {"type": "dev.tidings.change."}}
    assert [one["exact"]["kind"] for one in kinds["any"]] == [
        *("Deployment", "StatefulSet", "DaemonSet", "ClusterVersion", "MachineConfigPool"),
    ]
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert set(listed) == {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}

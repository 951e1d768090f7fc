"""The servicenow_security function: what a security incident holds, and the states of an instance's own."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.servicenow_security.handler import new
from shared.events.outcome import Done, Rejected
from shared.runtime.function import Result
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT
from tests.manifests.test_knative_manifests import documents
from tests.support.kustomize import overlaid
from tests.support.rigs.place import Delivering, placed
from tests.support.rigs.registry import TICKETS
from tests.support.tickets import episode, resolved

RIG = TICKETS["servicenow_security"]
ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}
SHELL = episode(
    category="security",
    subcategory="runtime",
    summary="A shell was opened in Pod shop/api-0",
    component="falco",
    rule="falco-shell",
    host="worker-3",
    object={"kind": "Pod", "namespace": "shop", "name": "api-0", "uid": "6f1c3e1a-0000-4000-8000-000000000001"},
)


def test_a_security_incident_says_what_was_seen_by_which_sensor_and_rule_on_what() -> None:
    with placed(RIG) as place:
        assert isinstance(place.play(lambda deliver: deliver(SHELL)).outcome, Done)
        (row,) = place.app.records("sn_si_incident")
        assert place.app.records("incident") == []
    assert row["number"].startswith("SIR")
    assert (row["state"], row["priority"], row["business_impact"], row["risk_score"]) == ("10", "2", "2", "70")
    assert (row["category"], row["subcategory"]) == ("Malicious code activity", "")
    assert (row["source"], row["alert_sensor"], row["alert_rule"]) == ("Kubernetes", "falco", "falco-shell")
    assert (row["correlation_id"], row["correlation_display"].split(":")[0]) == (SHELL.id, "tidings")
    assert "Object uid: 6f1c3e1a-0000-4000-8000-000000000001\n" in row["description"]
    assert "Node: worker-3\n" in row["description"]


def test_what_ended_is_put_to_review_and_closing_is_the_analysts() -> None:
    async def main(deliver: Delivering) -> None:
        await deliver(SHELL)
        await deliver(resolved(category="security", subcategory="runtime"))

    with placed(RIG) as place:
        place.play(main)
        (row,) = place.app.records("sn_si_incident")
    assert row["state"] == "100"
    assert row["close_code"] == ""
    assert row["close_notes"].startswith("The problem ended after 1 h")


def test_an_instance_with_states_of_its_own_gets_those() -> None:
    async def main(deliver: Delivering) -> Result:
        await deliver(SHELL)
        return await deliver(resolved())

    own = {"SERVICENOW_SECURITY_STATES": "resolved:3, closed:99", "SERVICENOW_SECURITY_CLOSE_CODE": "Not an issue"}
    with placed(RIG) as place:
        assert place.play(main, **own).outcome == Done()
        (row,) = place.app.records("sn_si_incident")
        assert (row["state"], row["close_code"]) == ("3", "Not an issue")
    with placed(RIG) as place:
        outcome = place.play(main, SERVICENOW_SECURITY_STATES="resolved:3, closed:99").outcome
        assert isinstance(outcome, Rejected), "their data policy wants a close code in state 3"


@pytest.mark.parametrize("text", ["review", "resolved:review", "finished:3", "resolved:3,closed:3", ""])
def test_states_that_cannot_be_are_named(text: str) -> None:
    environ = {**ENVIRON, "SERVICENOW_SECURITY_STATES": text}
    if not text:
        new(environ, Metrics())  # as if not set
        return
    with pytest.raises(SettingsError, match=r"SERVICENOW_SECURITY_STATES: .*(working|resolved)"):
        new(environ, Metrics())


def test_the_priority_is_the_mappings_and_the_state_is_not(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("operations:\n  open:\n    priority: '1'\n")
    new({**ENVIRON, "SERVICENOW_SECURITY_MAPPING": str(own)}, Metrics())
    own.write_text("operations:\n  open:\n    state: '16'\n")
    with pytest.raises(SettingsError, match="field `state` is set by Tidings"):
        new({**ENVIRON, "SERVICENOW_SECURITY_MAPPING": str(own)}, Metrics())


def test_with_the_component_one_problem_is_a_security_incident_or_an_incident_and_never_both() -> None:
    folder = ROOT / "knative" / "components" / "servicenow-security"
    base = documents(ROOT / "knative" / "triggers" / "servicenow-incident.yaml")
    made = overlaid(base, folder)
    triggers: dict[str, Any] = {item["metadata"]["name"]: item for item in made if item["kind"] == "Trigger"}
    assert triggers["servicenow-security"]["spec"]["filters"][1] == {"exact": {"category": "security"}}
    assert triggers["servicenow-incident"]["spec"]["filters"][1] == {"not": {"exact": {"category": "security"}}}
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert set(listed) == {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}

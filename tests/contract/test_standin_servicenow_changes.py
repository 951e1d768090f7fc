"""Change management in the ServiceNow stand-in, driven by ServiceNow's own client and by plain HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pysnc
import pytest

from shared.local.standins import servicenow
from shared.local.standins.servicenow import ServiceNow
from tests.support.servers import new_certificate, serve

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
ROOT = "/api/sn_chg_rest/change"


@pytest.fixture
def app() -> Iterator[ServiceNow]:
    made = servicenow.new_app()
    yield made
    made.close()


@pytest.fixture
def client(app: ServiceNow) -> Iterator[httpx2.Client]:
    with serve(app) as url, httpx2.Client(base_url=url, auth=("tidings", "tidings"), headers=JSON) as made:
        yield made


def ask(client: httpx2.Client, method: str, path: str, status: int = 200, **body: object) -> Any:
    answer = client.request(method, f"{ROOT}{path}", json=body) if body else client.request(method, f"{ROOT}{path}")
    assert answer.status_code == status, answer.text
    return answer.json().get("result", answer.json())


def value(row: dict[str, Any], name: str) -> Any:
    return row[name]["value"]


def group(app: ServiceNow) -> str:
    return app.records("sys_user_group")[0]["sys_id"]


def template(app: ServiceNow) -> str:
    return app.records("std_change_record_producer")[0]["sys_id"]


def following(client: httpx2.Client, sys_id: str) -> dict[str, bool]:
    """Return the states that may follow, with whether they are available now."""
    found = ask(client, "GET", f"/{sys_id}/nextstates")
    transitions = [one for group in found.get("state_transitions", []) for one in group]
    told = {one["to_state"]: one["transition_available"] for one in transitions}
    return {state: told.get(state, True) for state in found["available_states"]}


def test_servicenows_own_client_makes_a_change_and_moves_it_only_as_its_model_allows(
    app: ServiceNow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = new_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # pysnc takes https only
    with serve(app, certificate) as url:
        session = pysnc.ServiceNowClient(url, ("tidings", "tidings"), auto_retry=False)
        record = session.GlideRecord("change_request")
        record.initialize()
        record.short_description = "Roll-out of Deployment/shop/web"
        record.correlation_id = "k8s-1"
        record.assignment_group = group(app)
        sys_id = record.insert()
        assert sys_id
        assert record.get_value("number").startswith("CHG")
        found = session.GlideRecord("change_request")
        found.add_query("correlation_id", "k8s-1")
        found.query()
        assert found.next()
        assert found.get_display_value("state") == "New"
        found.state = "3"
        with pytest.raises(pysnc.exceptions.RoleException):  # closing codes are missing, and it is no next state
            found.update()
        again = session.GlideRecord("change_request")
        assert again.get(sys_id)
        assert again.get_value("state") == "-5"
        again.state = "-4"
        assert again.update()
        assert again.get_display_value("state") == "Assess"
        session.session.close()


def test_a_create_answers_200_with_each_field_twice_and_names_what_it_left_out(client: httpx2.Client) -> None:
    made = ask(client, "POST", "/normal", short_description="x", no_such_field="y", sys_id="z")
    assert made["__meta"]["ignoredFields"] == ["no_such_field", "sys_id"]
    assert made["state"] == {"display_value": "New", "value": -5.0}
    assert made["active"] == {"display_value": "true", "value": True}
    assert value(made, "type") == "normal"
    read = ask(client, "GET", f"/{value(made, 'sys_id')}")
    assert value(read, "number") == value(made, "number")
    listed = ask(client, "GET", "")
    assert [value(one, "number") for one in listed] == [value(made, "number")]
    assert "__meta" not in ask(client, "PATCH", f"/{value(made, 'sys_id')}", description="d")


def test_a_standard_change_is_made_of_a_template_and_approved_by_it(app: ServiceNow, client: httpx2.Client) -> None:
    made = ask(client, "POST", f"/standard/{template(app)}", type="normal", assignment_group=group(app))
    assert (value(made, "type"), value(made, "approval")) == ("standard", "approved")
    assert value(made, "short_description") == "Kubernetes roll-out"
    assert made["__meta"]["ignoredFields"] == ["type"]
    assert following(client, value(made, "sys_id")) == {"-2": True, "4": True, "-5": True}
    assert [value(one, "name") for one in ask(client, "GET", "/standard/template")] == [servicenow.TEMPLATE]
    assert "error" in ask(client, "POST", "/standard/0123", 404, short_description="x")
    assert "error" in ask(client, "GET", f"/emergency/{value(made, 'sys_id')}", 404)


@pytest.mark.parametrize(
    ("kind", "walk", "waits"),
    [
        ("normal", ["-4", "-3", "-2", "-1", "0", "3"], {"-4", "-3"}),
        ("emergency", ["-3", "-2", "-1", "0", "3"], {"-3"}),
        ("standard", ["-2", "-1", "0", "3"], set()),
    ],
)
def test_each_type_walks_its_states_and_waits_for_its_approval(
    app: ServiceNow, client: httpx2.Client, kind: str, walk: list[str], waits: set[str]
) -> None:
    path = f"/standard/{template(app)}" if kind == "standard" else f"/{kind}"
    sys_id = value(ask(client, "POST", path, assignment_group=group(app)), "sys_id")
    closing = {"close_code": "successful", "close_notes": "done"}
    for state, after in zip(walk, [*walk[1:], ""], strict=True):
        assert following(client, sys_id)[state]
        assert value(
            ask(client, "PATCH", f"/{sys_id}", state=state, **(closing if state == "3" else {})), "state"
        ) == float(state)
        app.change("change_request", sys_id, {"approval": "not requested" if kind != "standard" else "approved"})
        if state in waits:
            assert following(client, sys_id)[after] is False
            assert "Check State Transition" in str(ask(client, "PATCH", f"/{sys_id}", 403, state=after))
        app.change("change_request", sys_id, {"approval": "approved"})
    row = app.records("change_request")[0]
    assert (row["active"], bool(row["closed_at"])) == ("false", True)
    assert following(client, sys_id) == {"3": True}


def test_without_models_only_what_may_follow_is_named(app: ServiceNow, client: httpx2.Client) -> None:
    app.options = replace(app.options, change_models=False)
    sys_id = value(ask(client, "POST", "/normal", assignment_group=group(app)), "sys_id")
    ask(client, "PATCH", f"/{sys_id}", state="-4")
    found = ask(client, "GET", f"/{sys_id}/nextstates")
    assert sorted(found["available_states"]) == ["-4", "4"]
    assert "state_transitions" not in found


def test_a_group_is_wanted_from_assess_on_and_codes_at_the_end(app: ServiceNow, client: httpx2.Client) -> None:
    sys_id = value(ask(client, "POST", f"/standard/{template(app)}", description="d"), "sys_id")
    assert "Assignment group" in str(ask(client, "PATCH", f"/{sys_id}", 403, state="-2"))
    for state in ("-2", "-1", "0"):
        ask(client, "PATCH", f"/{sys_id}", state=state, assignment_group=group(app))
    assert "Close code, Close notes" in str(ask(client, "PATCH", f"/{sys_id}", 403, state="3"))


def test_on_hold_nothing_goes_on_but_to_be_canceled(app: ServiceNow, client: httpx2.Client) -> None:
    sys_id = value(ask(client, "POST", f"/standard/{template(app)}", on_hold="true"), "sys_id")
    assert following(client, sys_id) == {"-2": False, "4": True, "-5": True}


def test_conflicts_are_said_to_be_conflicts_also_where_there_are_none(app: ServiceNow, client: httpx2.Client) -> None:
    sys_id = value(ask(client, "POST", "/normal", description="d"), "sys_id")
    assert ask(client, "GET", f"/{sys_id}/conflict")["conflicts"] == []
    app.insert("conflict", {"change": sys_id, "type": "not_in_maintenance_window"})
    (one,) = ask(client, "GET", f"/{sys_id}/conflict")["conflicts"]
    assert one["type"] == {"display_value": "Not In Maintenance Window", "value": "not_in_maintenance_window"}


def test_who_may_only_read_writes_nothing(app: ServiceNow) -> None:
    with serve(app) as url, httpx2.Client(base_url=url, auth=("viewer", "viewer"), headers=JSON) as client:
        assert ask(client, "GET", "") == []
        assert "ACL" in str(ask(client, "POST", "/normal", 403, description="d"))
        assert client.delete(f"{ROOT}/x").status_code == 404
        assert client.post(f"{ROOT}/urgent", json={}).status_code == 400


def test_a_change_can_be_looked_at(client: httpx2.Client) -> None:
    sys_id = value(ask(client, "POST", "/normal", short_description="Roll-out of <web>", work_notes="begun"), "sys_id")
    page = client.get(f"/nav_to.do?uri=change_request.do%3Fsys_id%3D{sys_id}").text
    assert "Roll-out of &lt;web&gt;" in page
    assert "begun" in page
    assert "Roll-out of &lt;web&gt;" in client.get("/").text

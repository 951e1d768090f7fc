"""What a ticket refers to: configuration item, caller and group are found, and a miss never refuses the ticket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.outcome import Done, Rejected
from shared.local.standins.faults import Rule
from shared.local.standins.servicenow import Options
from tests.support.incidents import Delivering, Instance, instance
from tests.support.tickets import episode, resolved

UID, OWNER = "6f1c3e1a-0000-4000-8000-000000000001", "6f1c3e1a-0000-4000-8000-00000000000b"
POD = {"kind": "Pod", "namespace": "shop", "name": "api-0", "uid": UID}
DEPLOYMENT = {"kind": "Deployment", "namespace": "shop", "name": "api", "uid": OWNER}
TABLE = "cmdb_ci_kubernetes_component"


@pytest.fixture
def sn() -> Iterator[Instance]:
    with instance() as one:
        yield one


def item(sn: Instance, name: str, kind: str, **values: str) -> str:
    made: str = sn.app.insert(TABLE, {"name": name, "namespace": "shop", "sys_class_name": _class(kind), **values})
    return made


def _class(kind: str) -> str:
    return f"cmdb_ci_kubernetes_{kind}"


def ci_of(sn: Instance, one: Any, **settings: str) -> str:
    assert isinstance(sn.play(lambda deliver: deliver(one), **settings).outcome, Done)
    found: str = sn.incidents()[-1]["cmdb_ci"]
    return found


def test_an_item_is_found_by_the_objects_uid_whatever_its_name(sn: Instance) -> None:
    item(sn, "api-0", "pod")
    wanted = item(sn, "renamed", "pod", k8s_uid=UID)
    assert ci_of(sn, episode(object=POD)) == wanted


def test_else_by_name_namespace_and_kind(sn: Instance) -> None:
    item(sn, "api-0", "service")
    item(sn, "api-0", "pod", namespace="other")
    wanted = item(sn, "api-0", "pod")
    assert ci_of(sn, episode(object=POD)) == wanted


def test_what_is_absent_or_retired_is_no_hit(sn: Instance) -> None:
    item(sn, "api-0", "pod", k8s_uid=UID, install_status="100")
    item(sn, "api-0", "pod", install_status="7")
    wanted = item(sn, "api-0", "pod", install_status="1")
    assert ci_of(sn, episode(object=POD)) == wanted


def test_else_the_owner_for_pods_are_seldom_in_a_cmdb(sn: Instance) -> None:
    wanted = item(sn, "api", "deployment", k8s_uid=OWNER)
    assert ci_of(sn, episode(object=POD, owner=DEPLOYMENT)) == wanted


def test_of_the_same_name_in_two_clusters_the_one_of_ours_is_taken_and_else_none(sn: Instance) -> None:
    clusters = {name: sn.app.insert("cmdb_ci_kubernetes_cluster", {"name": name}) for name in ("prod-1", "prod-2")}
    item(sn, "api-0", "pod", cluster=clusters["prod-2"])
    assert ci_of(sn, episode(object=POD)) == ""
    wanted = item(sn, "api", "deployment", cluster=clusters["prod-1"])
    assert ci_of(sn, episode(object=DEPLOYMENT, id=f"{'1' * 26}-a", problem_key="1" * 26)) == wanted


@pytest.mark.parametrize("server", [{"name": "worker-3"}, {"name": "x", "fqdn": "worker-3.example.com"}])
def test_else_the_node_is_looked_for_among_the_servers(sn: Instance, server: dict[str, str]) -> None:
    wanted = sn.app.insert("cmdb_ci_server", server)
    assert ci_of(sn, episode(object=POD, host="worker-3.example.com")) == wanted
    node = {"kind": "Node", "name": "worker-3.example.com"}
    assert ci_of(sn, episode(object=node, id=f"{'1' * 26}-a", problem_key="1" * 26)) == wanted


@pytest.mark.parametrize("by", ["name", "sys_id"])
def test_a_miss_takes_the_default_and_never_refuses(sn: Instance, by: str) -> None:
    default = sn.app.insert("cmdb_ci", {"name": "Kubernetes Platform"})
    given = {"name": "Kubernetes Platform", "sys_id": default}[by]
    assert ci_of(sn, episode(object=POD), SERVICENOW_DEFAULT_CI=given) == default
    assert ci_of(sn, episode(id=f"{'1' * 26}-a", problem_key="1" * 26), SERVICENOW_DEFAULT_CI="no such") == ""


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_a_cmdb_that_does_not_answer_or_may_not_be_read_costs_the_item_and_not_the_ticket(
    sn: Instance, status: int
) -> None:
    item(sn, "api-0", "pod", k8s_uid=UID)
    sn.app.faults.set([Rule(do="status", status=status, path="table/(cmdb|sys_user)", count=0)])
    assert ci_of(sn, episode(object=POD)) == ""


def test_what_was_found_is_not_asked_again_and_a_table_that_is_hidden_neither(sn: Instance) -> None:
    episodes = [episode(object=POD, id=f"{number:026d}-a", problem_key=f"{number:026d}") for number in range(3)]

    async def main(deliver: Delivering) -> None:
        for one in episodes:
            await deliver(one)

    item(sn, "api-0", "pod", k8s_uid=UID)
    sn.play(main)
    assert asked(sn, TABLE) == 1
    sn.app.faults.forget()
    sn.app.faults.set([Rule(do="status", status=403, path=f"table/{TABLE}", count=0)])
    others = [episode(object={**POD, "uid": ""}, id=f"{n:026d}-b", problem_key=f"{n:026d}") for n in range(5, 8)]

    async def hidden(deliver: Delivering) -> None:
        for number, one in enumerate(others):
            await deliver(one.model_copy(update={"cluster": f"c{number}"}))

    sn.play(hidden)
    assert asked(sn, TABLE) == 1


def asked(sn: Instance, table: str) -> int:
    return sum(1 for entry in sn.app.faults.requests if f"/table/{table}?" in entry.path)


def test_f47_names_from_events_that_are_no_names_are_not_asked_for(sn: Instance) -> None:
    """F47: encoded query injection in ServiceNow `sysparm_query` (`^NQ`, `^OR`) via object name: value-encoded."""
    item(sn, "mine", "pod", k8s_uid=UID)
    evil = {"kind": "Pod", "namespace": "shop", "name": "x^NQname=mine", "uid": "^ORk8s_uidISNOTEMPTY"}
    assert ci_of(sn, episode(object=evil, host="^NQactive=true")) == ""
    assert asked(sn, TABLE) == asked(sn, "cmdb_ci_server") == 0


@pytest.mark.parametrize("caller", ["viewer", "VIEWER"])
def test_a_caller_is_found_by_name_and_a_miss_takes_the_setting(sn: Instance, tmp_path: Path, caller: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"operations:\n  open:\n    short_description: x\n    caller_id: {caller}\n")
    people = {row["user_name"]: row["sys_id"] for row in sn.app.records("sys_user")}
    sn.play(lambda deliver: deliver(episode()), SERVICENOW_MAPPING=str(own))
    assert sn.incidents()[0]["caller_id"] == people["viewer"]
    own.write_text("operations:\n  open:\n    short_description: x\n    caller_id: kubernetes-system\n")
    other = episode(id=f"{'1' * 26}-a", problem_key="1" * 26)
    sn.play(lambda deliver: deliver(other), SERVICENOW_MAPPING=str(own), SERVICENOW_CALLER="tidings")
    assert sn.incidents()[1]["caller_id"] == people["tidings"]
    assert "The caller 'kubernetes-system' was not found." in sn.notes(sn.incidents()[1])[0]


def test_a_name_that_begins_as_json_does_is_a_name(sn: Instance, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("operations: {open: {short_description: x, cmdb_ci: '{{ \"{\" }}{{ episode.object.name }}'}}")
    assert not ci_of(sn, episode(), SERVICENOW_MAPPING=str(mapping))


def test_a_mapping_may_name_one_item_for_all(sn: Instance, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("operations:\n  open:\n    short_description: x\n    cmdb_ci: Shop\n")
    shop = sn.app.insert("cmdb_ci", {"name": "Shop"})
    assert ci_of(sn, episode(), SERVICENOW_MAPPING=str(own)) == shop


def test_f11_a_mandatory_field_is_named_in_the_dead_letter_and_the_log(
    sn: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    """F11: sink 400/422 for one field: Rejected, DLQ extension names stage+field; no retry storm."""
    sn.app.options = Options(mandatory=("business_service", "due_date"))
    outcome = sn.play(lambda deliver: deliver(episode())).outcome
    reason = "a data policy wants fields that are empty: Business service, Due date (403)"
    assert outcome == Rejected("servicenow_incident", reason)
    assert "Business service" in str([record.__dict__ for record in caplog.records])


def test_a_business_rule_is_named_and_what_it_quotes_of_the_event_is_not(sn: Instance) -> None:
    sn.app.options = Options(business_rule="Change freeze")
    outcome = sn.play(lambda deliver: deliver(episode(summary="hunter2 leaked"))).outcome
    assert outcome == Rejected("servicenow_incident", "the business rule 'Change freeze' stopped it (403)")


@pytest.mark.parametrize("detail", ["not so: The following fields are mandatory: hunter2", "hunter2", ""])
def test_words_that_are_not_theirs_by_form_are_not_repeated(sn: Instance, detail: str) -> None:
    body = f'{{"error": {{"message": "Operation Failed", "detail": "{detail}"}}}}'
    sn.app.faults.set([Rule(do="status", status=403, body=body, operation="create")])
    outcome = sn.play(lambda deliver: deliver(episode())).outcome
    assert outcome == Rejected("servicenow_incident", "not allowed by rights, data policy or business rule (403)")


@pytest.mark.parametrize("state", ["6", "7", "8"])
def test_a_merged_ticket_is_followed_as_long_as_its_parent_is_worked_on(sn: Instance, state: str) -> None:
    parent = sn.app.insert("incident", {"short_description": "major incident", "state": "2"})

    async def main(deliver: Delivering) -> None:
        await deliver(episode())
        ours = sn.incidents()[1]["sys_id"]
        sn.app.change("incident", ours, {"state": state, "close_code": "Duplicate", "parent_incident": parent})
        before = sn.incidents()
        await deliver(episode(2, transition="updated", severity="critical"))
        assert sn.incidents() == before
        assert isinstance((await deliver(resolved(3))).outcome, Done)
        assert isinstance((await deliver(episode(4, transition="reopened", reopened=1))).outcome, Done)
        assert isinstance((await deliver(resolved(5, reopened=1))).outcome, Done)

    sn.play(main)
    assert len(sn.incidents()) == 2, "no new ticket"
    kept = sn.incidents()[0]
    assert (kept["state"], kept["correlation_id"], kept["short_description"]) == ("2", "", "major incident")
    notes = sn.notes(kept)
    assert len(notes) == 3
    assert notes[0].startswith("Pod shop/api-0 keeps crashing\nThe problem ended after 1 h, 1 occurrence")
    assert sn.incidents()[1]["state"] == state


def test_a_mapping_that_tells_nothing_tells_a_merged_tickets_parent_nothing(sn: Instance, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("operations:\n  open:\n    short_description: x\n")
    parent = sn.app.insert("incident", {"short_description": "major incident", "state": "2"})

    async def main(deliver: Delivering) -> Any:
        await deliver(episode())
        sn.app.change("incident", sn.incidents()[1]["sys_id"], {"state": "8", "parent_incident": parent})
        return (await deliver(resolved())).outcome

    assert isinstance(sn.play(main, SERVICENOW_MAPPING=str(own)), Done)
    assert sn.notes(sn.incidents()[0]) == []


def test_once_the_parent_is_done_a_problem_that_comes_back_has_a_ticket_again(sn: Instance) -> None:
    parent = sn.app.insert("incident", {"short_description": "major incident", "state": "2"})

    async def main(deliver: Delivering) -> None:
        await deliver(episode())
        ours = sn.incidents()[1]["sys_id"]
        sn.app.change("incident", ours, {"state": "7", "close_code": "Duplicate", "parent_incident": parent})
        sn.app.change("incident", parent, {"state": "7", "close_code": "Known error"})
        await deliver(episode(4, transition="reopened", reopened=1))

    sn.play(main)
    assert len(sn.incidents()) == 3
    assert [row["state"] for row in sn.incidents()][2] == "1"

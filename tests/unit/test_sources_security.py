"""Flows, alerts of ACS and reports of scanners: what is one problem, what ends it, and what is not carried on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.model import Observation, Verdict
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.sources.context import Context
from shared.sources.registry import decode_payload
from tests.support.specimens import body, changed, observations, specimens

RULES = load_shipped()
CONTEXT = Context("prod", datetime(2026, 8, 21, tzinfo=UTC))
GONE = Context("prod", datetime(2026, 8, 21, tzinfo=UTC), operation="delete")
PAYLOADS = {(item.dialect, item.file): body(item.payload) for item in specimens()}


def _judged(payload: Any, context: Context = CONTEXT) -> tuple[Observation, Verdict]:
    found = decode_payload(payload, context)
    assert isinstance(found, list)
    (seen,) = found
    return seen, classify(seen, RULES)


# --- Hubble ---

FLOW = PAYLOADS["hubble", "dropped-on-the-way-in"]
PORTS = ("flow", "l4", "TCP")


@settings(deadline=None)
@given(st.integers(1, 65535), st.integers(1, 254), st.sampled_from(["x2x9k", "b7q4z", "m5h2c"]))
def test_ports_of_clients_addresses_and_pods_of_one_workload_never_split_a_problem(
    port: int, host: int, pod: str
) -> None:
    other = changed(FLOW, (*PORTS, "source_port"), port)
    other = changed(other, ("flow", "IP", "source"), f"10.128.2.{host}")
    other = changed(other, ("flow", "source", "pod_name"), f"web-7c9d6b5f4-{pod}")
    other = changed(other, ("flow", "time"), f"2026-08-20T09:{host % 60:02}:07.510175415Z")
    assert _judged(other)[1].problem_key == _judged(FLOW)[1].problem_key


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((*PORTS, "destination_port"), 6379),
        (("flow", "drop_reason_desc"), "AUTH_REQUIRED"),
        (("flow", "source", "namespace"), "test"),
        (("flow", "traffic_direction"), "EGRESS"),
        (("flow", "destination", "namespace"), "db-test"),
    ],
)
def test_another_port_reason_peer_or_direction_is_another_problem(place: tuple[str, ...], value: Any) -> None:
    assert _judged(changed(FLOW, place, value))[1].problem_key != _judged(FLOW)[1].problem_key


def test_all_pods_of_the_workload_that_a_flow_names_share_the_problem() -> None:
    named = {"namespace": "db", "workloads": [{"kind": "StatefulSet", "name": "pg"}]}
    keys = {
        _judged(changed(FLOW, ("flow", "destination"), {**named, "pod_name": pod}))[1].problem_key
        for pod in ("pg-0", "pg-1")
    }
    assert len(keys) == 1


def test_a_reply_is_told_by_the_port_of_the_service() -> None:
    reply = changed(
        changed(FLOW, ("flow", "is_reply"), item=True),
        ("flow", "l4", "TCP"),
        {"source_port": 5432, "destination_port": 44916},
    )
    assert _judged(reply)[0].message.endswith("TCP/5432")


@settings(deadline=None)
@given(
    st.sampled_from(["FORWARDED", "REDIRECTED", "TRACED", "TRANSLATED", "VERDICT_UNKNOWN", "", None, 3, ["DROPPED"]])
)
def test_a_flow_that_passed_holds_no_observation_and_is_not_refused(verdict: Any) -> None:
    assert decode_payload(changed(FLOW, ("flow", "verdict"), verdict), CONTEXT) == []


@settings(deadline=None)
@given(st.sets(st.sampled_from(sorted(FLOW["flow"]))))
def test_fields_that_a_mask_removes_leave_what_can_be_said(removed: set[str]) -> None:
    flow = {key: value for key, value in FLOW["flow"].items() if key not in removed}
    found = decode_payload({**FLOW, "flow": {"Type": "L3_L4", **flow}}, CONTEXT)
    assert isinstance(found, list)
    assert len(found) == ("verdict" in flow)


# --- ACS ---

ALERT = PAYLOADS["acs", "alert-with-extra-fields"]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["environment", "team", "shift"]), st.text(max_size=9)))
def test_an_alert_is_the_same_whatever_is_configured_beside_it(extra: dict[str, str]) -> None:
    assert _judged({**extra, "alert": ALERT["alert"]})[0].identity == _judged(ALERT)[0].identity


def test_each_state_of_an_alert_is_an_observation_and_resolved_ends_the_others() -> None:
    states = {state: _judged(changed(ALERT, ("alert", "state"), state)) for state in ("ACTIVE", "SNOOZED", "RESOLVED")}
    assert len({seen.identity for seen, _ in states.values()}) == 3
    assert states["ACTIVE"][0].identity == _judged(ALERT)[0].identity, "its type's zero value is left out"
    assert states["ACTIVE"][1].condition in states["RESOLVED"][1].ends
    assert states["ACTIVE"][1].part == states["RESOLVED"][1].part
    assert states["RESOLVED"][1].phase == "recovery"


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low"])
def test_an_alert_is_as_grave_as_its_policy(severity: str) -> None:
    payload = changed(ALERT, ("alert", "policy", "severity"), f"{severity.upper()}_SEVERITY")
    assert _judged(payload)[1].severity == severity


# --- scanners ---

REPORT = PAYLOADS["trivy", "vulnerability-report"]
IMAGE = PAYLOADS["quay", "image-manifest-vuln"]
CLEAN = {"criticalCount": 0, "highCount": 0, "mediumCount": 0, "lowCount": 0, "unknownCount": 0}


def test_a_report_is_one_observation_however_many_findings_it_has_and_stays_small() -> None:
    one = REPORT["report"]["vulnerabilities"][1]
    many = [{**one, "vulnerabilityID": f"CVE-2026-{number}"} for number in range(5000)]
    seen, verdict = _judged(changed(REPORT, ("report", "vulnerabilities"), many))
    assert len(json.dumps(seen.original)) < 4096
    assert len(seen.original["worstFixable"]) == 5
    assert verdict.problem_key == _judged(REPORT)[1].problem_key


@pytest.mark.parametrize("operation", ["add", "update"])
def test_a_report_is_the_same_observation_whichever_verb_reports_it(operation: str) -> None:
    context = Context("prod", CONTEXT.received, operation=operation, event_id="another", sender="another")
    assert _judged(REPORT, context)[0].identity == _judged(REPORT)[0].identity
    assert _judged(REPORT, GONE)[0].identity != _judged(REPORT)[0].identity


@pytest.mark.parametrize(
    "later",
    [
        (changed(REPORT, ("report", "summary"), CLEAN), CONTEXT),
        (changed(REPORT, ("report", "summary"), {**CLEAN, "mediumCount": 3}), CONTEXT),
        (REPORT, GONE),
        (changed(IMAGE, ("status",), {}), CONTEXT),
        (IMAGE, GONE),
    ],
)
def test_a_later_report_that_holds_nothing_grave_ends_the_problem(later: tuple[Any, Context]) -> None:
    first = _judged(IMAGE if later[0]["kind"] == "ImageManifestVuln" else REPORT)[1]
    seen, last = _judged(*later)
    assert first.phase == "problem"
    assert (last.phase, last.part) == ("recovery", first.part)
    assert first.condition in last.ends
    assert seen.object == _judged(IMAGE if later[0]["kind"] == "ImageManifestVuln" else REPORT)[0].object


def test_two_containers_of_a_workload_are_two_problems() -> None:
    labels = {**REPORT["metadata"]["labels"], "trivy-operator.container.name": "sidecar"}
    assert _judged(changed(REPORT, ("metadata", "labels"), labels))[1].problem_key != _judged(REPORT)[1].problem_key


def test_f41_what_was_found_in_an_image_does_not_leave() -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    No value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept. Here the secrets are what
    a scanner found, under members that no list of names knows.
    """
    found = {"target": "/app/hunter2", "title": "hunter2", "match": "hunter2", "ruleID": "generic"}
    report = changed(PAYLOADS["trivy", "exposed-secret-report"], ("report", "secrets"), [found])
    assert "hunter2" not in observations(report)[0].model_dump_json()

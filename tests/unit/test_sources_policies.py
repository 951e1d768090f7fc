"""A violation is one problem, of a resource and what it breaks, whichever of an engine's ways tells it."""

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
from tests.support.specimens import observations

RULES = load_shipped()
CONTEXT = Context("prod", datetime(2026, 8, 21, tzinfo=UTC))
POD = {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web"}


def _judged(payload: Any, context: Context = CONTEXT) -> list[tuple[Observation, Verdict]]:
    found = decode_payload(payload, context)
    assert isinstance(found, list)
    return [(seen, classify(seen, RULES)) for seen in found]


def _keys(*payloads: Any) -> set[str]:
    return {verdict.problem_key for payload in payloads for _, verdict in _judged(payload)}


# --- Kyverno ---


def _kyverno_event(regarding: dict[str, Any], note: str, related: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default", "uid": note},
        "eventTime": "2026-08-20T09:41:07.113482Z",
        "reportingController": "kyverno-admission",
        "reason": "PolicyViolation",
        "type": "Warning",
        "regarding": regarding,
        "related": related,
        "note": note,
    }


def _result(verdict: str = "fail", policy: str = "require-labels") -> dict[str, Any]:
    return {
        "source": "kyverno",
        "policy": policy,
        "rule": "check-labels",
        "result": verdict,
        "severity": "medium",
        "message": "validation error: label owner is required",
        "timestamp": {"seconds": 1787218867, "nanos": 0},
    }


def _report(*results: dict[str, Any], version: str = "1") -> dict[str, Any]:
    return {
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport",
        "metadata": {"name": "r", "namespace": "shop", "uid": "u", "resourceVersion": version},
        "scope": POD,
        "results": list(results),
    }


POLICY = {"kind": "ClusterPolicy", "name": "require-labels", "apiVersion": "kyverno.io/v1"}
ON_POLICY = _kyverno_event(POLICY, "Pod shop/web: [check-labels] fail; validation error: label owner is required", POD)
BLOCKED = _kyverno_event(POLICY, "Pod shop/web: [check-labels] fail (blocked); validation error: label owner", POD)
ON_RESOURCE = _kyverno_event(POD, "policy require-labels/check-labels fail: validation error: label owner is required")
POSTED = {
    **{key: item for key, item in _result().items() if key not in ("result", "timestamp")},
    "status": "fail",
    "priority": "warning",
    "resource": {**POD, "uid": "p"},
    "creationTimestamp": "2026-08-20T11:41:07+02:00",
}


@pytest.mark.parametrize("never", ["1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00", "0001-01-01T00:00:00Z", None])
def test_a_violation_that_comes_back_is_a_new_one_where_policy_reporter_knows_no_time(never: str | None) -> None:
    """Results without a timestamp have the beginning of 1970 for it: each would be the first one, seen again."""
    sent = {"policy": "p", "rule": "r", "status": "fail", "resource": POD, "creationTimestamp": never}
    first = _judged(sent)[0][0]
    later = Context("prod", datetime(2026, 8, 21, 9, tzinfo=UTC))
    again = _judged(sent, later)[0][0]
    assert first.identity != again.identity
    assert (first.time, again.time) == (CONTEXT.received, later.received)


def test_both_events_a_report_and_policy_reporter_tell_of_one_problem() -> None:
    keys = _keys(ON_POLICY, BLOCKED, ON_RESOURCE, _report(_result()), POSTED)
    assert len(keys) == 1
    assert keys != {""}


def test_a_result_that_a_report_holds_and_policy_reporter_posts_is_one_observation() -> None:
    assert _judged(_report(_result()))[0][0].identity == _judged(POSTED)[0][0].identity


def test_a_policy_of_a_namespace_is_the_same_in_a_report_that_names_the_namespace() -> None:
    assert len(_keys(_report(_result()), _report(_result(policy="shop/require-labels")))) == 1


def test_an_event_that_does_not_say_which_resource_stays_with_its_policy() -> None:
    ((seen, verdict),) = _judged(_kyverno_event(POLICY, "Pod shop/web: [check-labels] fail (blocked); no"))
    assert seen.object.path == "ClusterPolicy/require-labels"
    assert verdict.rule == "kyverno-blocked-request"


def test_a_passed_rule_ends_its_own_violation_and_no_other() -> None:
    ((_, failed),) = _judged(_report(_result()))
    ((_, passed),) = _judged(_report(_result("pass")))
    ((_, other),) = _judged(_report(_result("pass", policy="another")))
    assert failed.condition in passed.ends
    assert (passed.phase, passed.part) == ("recovery", failed.part)
    assert other.part != failed.part


def test_a_report_that_is_deleted_ends_what_it_held() -> None:
    gone = Context("prod", CONTEXT.received, operation="delete")
    ((_, failed), *_) = _judged(_report(_result()))
    ((seen, verdict),) = _judged(_report(_result(), _result("pass", policy="another")), gone)
    assert (verdict.phase, verdict.part) == ("recovery", failed.part)
    assert failed.condition in verdict.ends
    assert seen.time == CONTEXT.received


@settings(deadline=None)
@given(st.lists(st.sampled_from(["fail", "warn", "error", "pass", "skip", "nonsense"]), max_size=30))
def test_each_result_that_says_something_is_one_observation_and_its_report_holds_it_alone(said: list[str]) -> None:
    judged = _judged(_report(*(_result(verdict, policy=f"p{place}") for place, verdict in enumerate(said))))
    assert len(judged) == sum(verdict not in ("skip", "nonsense") for verdict in said)
    assert all(len(seen.original["results"]) == 1 for seen, _ in judged)
    assert all(verdict.known for _, verdict in judged)


def test_results_without_a_time_are_told_apart_by_the_version_of_their_report() -> None:
    bare = {"policy": "p", "rule": "a", "result": "fail"}
    one, again, later = (
        {seen.identity for seen, _ in _judged(_report(bare, {**bare, "rule": "b"}, version=version))}
        for version in ("1", "1", "2")
    )
    assert len(one) == 2
    assert one == again
    assert not one & later


def test_a_policy_that_cannot_be_evaluated_is_one_problem_however_many_resources_it_meets() -> None:
    reports = [{**_report(_result("error")), "scope": {**POD, "name": name}} for name in ("web", "api", "db")]
    judged = [pair for report in reports for pair in _judged(report)]
    assert {seen.object.path for seen, _ in judged} == {"ClusterPolicy/require-labels"}
    assert len({verdict.problem_key for _, verdict in judged}) == 1
    assert len({seen.identity for seen, _ in judged}) == 3


def test_a_combined_event_on_the_policy_is_the_resources_too() -> None:
    combined = _kyverno_event(POLICY, f"(combined from similar events): {BLOCKED['note']}", POD)
    assert _keys(combined) == _keys(BLOCKED)


def test_a_sign_of_life_holds_nothing() -> None:
    assert _judged({"event": "heartbeat", "time": "2026-08-20T09:41:07Z", "cluster": "prod"}) == []


# --- Gatekeeper ---


CONSTRAINT = {
    "constraint_group": "constraints.gatekeeper.sh",
    "constraint_api_version": "v1beta1",
    "constraint_kind": "K8sRequiredLabels",
    "constraint_name": "must-have-owner",
    "constraint_action": "deny",
}
RESOURCE = {
    "resource_group": "apps",
    "resource_api_version": "v1",
    "resource_kind": "Deployment",
    "resource_namespace": "shop",
    "resource_name": "web",
}


def _gatekeeper_event(
    namespace: str = "gatekeeper-system",
    uid: str = "",
    annotations: dict[str, str] | None = None,
    said: str = "Resource Namespace: shop, ",
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "web.1", "namespace": namespace, "uid": "e", "annotations": annotations},
        "involvedObject": {"kind": "Deployment", "namespace": namespace, "name": "web", "uid": uid},
        "reason": "AuditViolation",
        "message": f"{said}Constraint: must-have-owner, Message: you must provide labels",
        "type": "Warning",
        "lastTimestamp": "2026-08-20T09:40:00Z",
        "source": {"component": "gatekeeper-audit"},
    }


EXPORTED = {
    "id": "2026-08-20T09:40:00Z",
    "eventType": "violation_audited",
    "group": "constraints.gatekeeper.sh",
    "version": "v1beta1",
    "kind": "K8sRequiredLabels",
    "name": "must-have-owner",
    "message": "you must provide labels",
    "enforcementAction": "deny",
    "resourceGroup": "apps",
    "resourceAPIVersion": "v1",
    "resourceKind": "Deployment",
    "resourceNamespace": "shop",
    "resourceName": "web",
}
UID = "Deployment/shop/web/K8sRequiredLabels//must-have-owner"
IN_EVERY_WAY = [
    _gatekeeper_event(annotations={**CONSTRAINT, **RESOURCE}),
    _gatekeeper_event(uid=UID),
    _gatekeeper_event(uid=UID, said="(combined from similar events): Resource Namespace: shop, "),
    _gatekeeper_event(),
    _gatekeeper_event(namespace="shop", said=""),
    EXPORTED,
    {**EXPORTED, "eventType": "violation"},
]


def test_all_ways_in_which_gatekeeper_tells_of_a_violation_are_one_problem_of_the_resource() -> None:
    judged = [pair for payload in IN_EVERY_WAY for pair in _judged(payload)]
    assert {seen.object.path for seen, _ in judged} == {"Deployment/shop/web"}
    assert len({verdict.problem_key for _, verdict in judged}) == 1
    assert {verdict.rule for _, verdict in judged} == {"gatekeeper-audit-violation"}


def test_the_constraint_is_what_the_resource_is_related_to() -> None:
    first = _judged(IN_EVERY_WAY[0])[0][0]
    assert first.object.api_version == "apps/v1"
    assert first.related is not None
    assert (first.related.path, first.related.api_version) == (
        "K8sRequiredLabels/must-have-owner",
        "constraints.gatekeeper.sh/v1beta1",
    )


def test_two_constraints_or_two_namespaces_are_two_problems() -> None:
    other = {**EXPORTED, "name": "must-have-team"}
    elsewhere = {**EXPORTED, "resourceNamespace": "test"}
    assert len(_keys(EXPORTED, other, elsewhere)) == 3


@pytest.mark.parametrize("uid", ["", "a/b", "/////", "Deployment/shop//K8s//c", "Deploy\n/shop/web/K8s//c"])
def test_a_uid_that_names_nothing_is_not_believed(uid: str) -> None:
    ((seen, _),) = _judged(_gatekeeper_event(uid=uid))
    assert seen.object.path == "Deployment/shop/web"


def test_each_audit_tells_again_and_says_which_one_it_is() -> None:
    later = {**EXPORTED, "id": "2026-08-20T09:41:00Z"}
    (first, again, second) = (_judged(payload)[0][0] for payload in (EXPORTED, dict(EXPORTED), later))
    assert first.identity == again.identity != second.identity
    assert second.annotations["auditTimestamp"] == "2026-08-20T09:41:00Z"
    marks = [{"id": "2026-08-20T09:41:00Z", "message": f"audit is {word}"} for word in ("started", "completed")]
    told = [_judged(mark)[0] for mark in marks]
    assert {seen.annotations["auditTimestamp"] for seen, _ in told} == {"2026-08-20T09:41:00Z"}
    assert [(seen.reason, verdict.phase) for seen, verdict in told] == [
        ("AuditStarted", "info"),
        ("AuditCompleted", "info"),
    ]


@pytest.mark.parametrize(
    ("action", "dry", "reason"),
    [
        ("deny", False, "FailedAdmission"),
        ("warn", False, "WarningAdmission"),
        ("dryrun", False, "DryrunViolation"),
        ("deny", True, "DryrunViolation"),
    ],
)
def test_a_request_is_told_as_gatekeepers_own_events_tell_it(action: str, dry: bool, reason: str) -> None:  # noqa: FBT001
    record = {**EXPORTED, "eventType": "violation_admission", "enforcementAction": action, "dryRun": dry}
    assert observations(record)[0].reason == reason

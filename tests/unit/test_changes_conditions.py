"""Conditions that become observations: each row begins and ends, and is the same problem as the Event about it."""

from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from shared.changes.conditions import CONDITIONS, EXPIRY_ANNOTATIONS, Condition
from shared.events.model import Observation, Verdict
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.rules.specimen import build
from tests.support.objects import NOW, Object, taken, thing, told

ROWS = [(row, kind) for row in CONDITIONS for kind in row.kinds]
LATER = "2026-11-24T09:59:58Z"
WITHOUT_END = {"out-of-memory"}


@cache
def rules() -> RuleSet:
    return load_shipped(None)


def verdict(observation: Observation) -> Verdict:
    return classify(observation, rules())


def date(days: float) -> str:
    return f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def state(row: Condition, kind: str, version: int, *, bad: bool) -> Object:
    """Return an object for which a row of the table is bad, or good."""
    if row.how == "condition":
        status = row.bad[0] if bad else {"True": "False", "False": "True"}[row.bad[0]]
        reason = row.reasons[0] if row.reasons and bad else "AsExpected"
        item = {"type": row.at, "status": status, "reason": reason, "message": "so it is", "lastTransitionTime": LATER}
        return thing(kind, version, status={"conditions": [item]})
    if row.how == "value":
        member = row.at.partition(".")[2]
        return thing(kind, version, status={member: row.bad[0] if bad else row.good[0]})
    if row.how == "expiry":
        end = date(3 if bad else 300)
        notes = {EXPIRY_ANNOTATIONS[0]: end} if kind == "Secret" else {}
        return thing(kind, version, {"annotations": notes}, status={"notAfter": end, "renewalTime": date(-1)})
    waiting = {"waiting": {"reason": row.bad[0], "message": "it is so"}}
    terminated = {"terminated": {"reason": row.bad[0], "finishedAt": LATER}}
    shown = waiting if row.how == "waiting" else terminated
    one = {"name": "web", "restartCount": 4, "state": shown if bad else {"running": {}}}
    return thing(kind, version, status={"phase": "Running", "containerStatuses": [one]})


def of_reason(found: list[Observation], reason: str) -> Observation:
    (one,) = [item for item in found if item.reason == reason]
    return one


@pytest.mark.parametrize(("row", "kind"), ROWS, ids=lambda value: getattr(value, "name", value))
def test_a_condition_that_begins_is_a_known_problem_and_its_end_ends_it(row: Condition, kind: str) -> None:
    good, bad, again = (state(row, kind, number, bad=number == 2) for number in (1, 2, 3))
    began = of_reason(told(good, bad), row.reasons[0] if row.began == "*" else row.began)
    said = verdict(began)
    assert (began.type, said.phase, said.known) == ("Warning", "problem", True)
    if row.name in WITHOUT_END:
        assert [one.reason for one in told(good, bad, again)] in ([], [""])
        return
    ended = of_reason(told(good, bad, again), row.ended)
    recovery = verdict(ended)
    assert (ended.type, recovery.phase, recovery.known) == ("Normal", "recovery", True)
    ends = recovery.ends if said.about == "object" else recovery.owner_ends
    assert {said.condition, f"{said.condition}/*"} & set(ends)
    assert said.part in {"", recovery.part} or f"{said.condition}/*" in ends


@pytest.mark.parametrize(("row", "kind"), ROWS, ids=lambda value: getattr(value, "name", value))
def test_a_condition_that_stays_is_told_once(row: Condition, kind: str) -> None:
    assert told(state(row, kind, 1, bad=True), state(row, kind, 2, bad=True)) == []


EVENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("node-ready", "Node", {"reason": "NodeNotReady", "component": "node-controller"}),
    ("disk-pressure", "Node", {"reason": "NodeHasDiskPressure", "component": "kubelet"}),
    ("memory-pressure", "Node", {"reason": "NodeHasInsufficientMemory", "component": "kubelet"}),
    ("pid-pressure", "Node", {"reason": "NodeHasInsufficientPID", "component": "kubelet"}),
    (
        *("crash-loop", "Pod"),
        {
            "reason": "BackOff",
            "type": "Warning",
            "component": "kubelet",
            "field_path": "spec.containers{web}",
            "message": "Back-off restarting failed container web in pod web_shop(1)",
        },
    ),
    (
        *("image-pull", "Pod"),
        {
            "reason": "BackOff",
            "component": "kubelet",
            "field_path": "spec.containers{web}",
            "message": 'Back-off pulling image "web:2"',
        },
    ),
    ("claim-lost", "PersistentVolumeClaim", {"reason": "ClaimLost", "component": "persistentvolume-controller"}),
    ("vm-phase", "VirtualMachineInstance", {"reason": "Stopped", "type": "Warning"}),
    ("job-failed", "Job", {"reason": "BackoffLimitExceeded", "component": "job-controller"}),
    ("certificate-expired", "Certificate", {"reason": "Expired", "component": "cert-manager-certificates-trigger"}),
]


@pytest.mark.parametrize(("name", "kind", "event"), EVENTS, ids=[name for name, _, _ in EVENTS])
def test_a_condition_and_the_event_about_it_are_one_problem(name: str, kind: str, event: dict[str, Any]) -> None:
    (row,) = [row for row in CONDITIONS if row.name == name]
    by_status = next(one for one in told(state(row, kind, 1, bad=True)) if one.reason)
    by_event = build({"kind": kind, "name": "web", "namespace": "shop", "cluster": "c", **event})
    assert isinstance(by_event, Observation)
    assert verdict(by_status).problem_key == verdict(by_event).problem_key != ""


def containers(version: int, **states: Object) -> Object:
    items = [{"name": name, **state} for name, state in states.items()]
    return thing("Pod", version, status={"phase": "Running", "containerStatuses": items})


def killed(at: str, count: int) -> Object:
    return {"restartCount": count, "lastState": {"terminated": {"reason": "OOMKilled", "finishedAt": at}}}


def test_each_kill_for_want_of_memory_is_told_and_none_twice() -> None:
    first, second = killed("2026-11-24T09:50:00Z", 1), killed("2026-11-24T09:55:00Z", 2)
    assert [one.count for one in told(containers(1), containers(2, web=first)) if one.reason] == [1]
    assert told(containers(1), containers(2, web=first), containers(3, web=first)) == []
    (again,) = told(containers(1), containers(2, web=first), containers(3, web=second))
    assert (again.reason, again.count, again.object.field_path) == ("ContainerOOMKilled", 2, "spec.containers{web}")


def test_a_container_that_was_killed_hours_ago_is_no_news() -> None:
    assert [one.reason for one in told(containers(1, web=killed("2026-11-24T06:00:00Z", 1)))] == [""]


def test_two_containers_of_a_pod_have_each_their_own_conditions() -> None:
    waits = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 7}
    found = told(containers(1), containers(2, web=waits, log=waits))
    assert {(one.reason, one.object.field_path, one.count) for one in found} == {
        ("BackOff", "spec.containers{web}", 7),
        ("BackOff", "spec.containers{log}", 7),
    }
    assert len({one.identity for one in found}) == 2


def test_what_an_object_does_not_tell_ends_nothing() -> None:
    row = CONDITIONS[0]
    silent = thing("Node", 2, status={"conditions": [{"type": "Ready", "status": "Perhaps"}]})
    assert told(state(row, "Node", 1, bad=True), silent) == []
    assert [one.reason for one in told(state(row, "Node", 1, bad=True), silent, state(row, "Node", 3, bad=False))] == [
        "NodeReady"
    ]


def test_a_certificate_of_some_hours_is_late_only_once_its_renewal_is() -> None:
    def certificate(version: int, renewal: float) -> Object:
        return thing("Certificate", version, status={"notAfter": date(0.4), "renewalTime": date(renewal)})

    assert [one.reason for one in told(certificate(1, 0.2))] == [""]
    assert [one.reason for one in told(certificate(1, -0.1))] == ["CertificateExpiresSoon"]


def test_the_date_of_a_certificate_in_a_secret_is_told_and_nothing_of_its_value() -> None:
    notes = {EXPIRY_ANNOTATIONS[1]: date(2)}
    (one,) = told(thing("Secret", 1, {"annotations": notes}, type="kubernetes.io/tls", data={"tls.key": "c2VjcmV0"}))
    assert (one.reason, one.message) == ("CertificateExpiresSoon", f"The certificate expires at {date(2)}")
    assert "c2VjcmV0" not in one.model_dump_json()


@pytest.mark.parametrize("row", CONDITIONS, ids=lambda row: row.name)
@pytest.mark.parametrize("junk", [None, 7, "text", [], [None], {"x": [1]}, {"name": {}}], ids=repr)
def test_whatever_stands_in_a_status_is_read_without_a_failure(row: Condition, junk: Any) -> None:
    for kind in row.kinds:
        for status in (junk, {"conditions": junk, "phase": junk, "printableStatus": junk, "containerStatuses": junk}):
            for member in ("notAfter", "containerStatuses"):
                both = (
                    {**status, member: [{"name": "web", "state": junk, "lastState": junk}]}
                    if isinstance(status, dict)
                    else status
                )
                assert taken(None, thing(kind, 1, {"managedFields": junk}, status=both)).answer is not None

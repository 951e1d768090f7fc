"""Alerts of Prometheus: which thing they are about, what makes them the same one, and which Event tells of the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.model import Observation, Verdict
from shared.events.outcome import Rejected
from shared.events.redaction_entropy import without_random
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from tests.support.specimens import decoded, observations

_texts = st.text(max_size=20)
_STARTED = "2026-08-20T09:41:07Z"


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules."""
    return load_shipped()


def notification(labels: dict[str, Any], *, status: str = "firing", **alert: Any) -> dict[str, Any]:
    """Return a notification with one alert."""
    found = {"labels": labels, "status": status, "startsAt": _STARTED, "fingerprint": "a1", "annotations": {}, **alert}
    return {"version": "4", "groupKey": "{}", "status": status, "alerts": [found]}


def seen(labels: dict[str, Any], **alert: Any) -> Observation:
    (found,) = observations(notification(labels, **alert))
    return found


@pytest.mark.parametrize(
    ("labels", "thing"),
    [
        ({"pod": "web-0", "namespace": "shop", "container": "web"}, "Pod/shop/web-0"),
        ({"deployment": "web", "namespace": "shop", "pod": "kube-state-metrics-0"}, "Deployment/shop/web"),
        ({"statefulset": "pg", "namespace": "db"}, "StatefulSet/db/pg"),
        ({"daemonset": "ovnkube-node", "namespace": "ovn"}, "DaemonSet/ovn/ovnkube-node"),
        ({"job_name": "report-1", "namespace": "shop", "job": "kube-state-metrics"}, "Job/shop/report-1"),
        ({"persistentvolumeclaim": "data", "namespace": "db", "node": "worker-3"}, "PersistentVolumeClaim/db/data"),
        ({"persistentvolume": "pv-7", "namespace": "monitoring"}, "PersistentVolume/pv-7"),
        ({"alertname": "KubeNodeNotReady", "node": "worker-3", "pod": "ksm-0", "namespace": "mon"}, "Node/worker-3"),
        ({"alertname": "NodeClockSkewDetected", "instance": "worker-3:9100", "pod": "ne-x"}, "Node/worker-3"),
        ({"alertname": "NodeClockSkewDetected", "instance": "worker-3", "pod": "ne-x"}, "Node/worker-3"),
        ({"pod": "web-0", "node": "worker-3", "namespace": "shop"}, "Pod/shop/web-0"),
        ({"exported_namespace": "jobs", "exported_pod": "w", "pod": "exporter", "namespace": "mon"}, "Pod/jobs/w"),
        ({"alertname": "ClusterOperatorDown", "name": "dns", "namespace": "cvo"}, "ClusterOperator/dns"),
        ({"alertname": "TargetDown", "service": "web", "namespace": "shop", "job": "web"}, "Service/shop/web"),
        ({"namespace": "shop"}, "Namespace/shop"),
        ({"alertname": "KubeAPIDown"}, "Cluster/by-default"),
    ],
)
def test_the_labels_name_the_thing(labels: dict[str, Any], thing: str) -> None:
    assert seen(labels).object.path == thing


@given(st.dictionaries(_texts, _texts, max_size=4), _texts, _texts)
def test_an_alert_is_the_same_one_however_often_it_is_repeated(labels: dict[str, str], before: str, after: str) -> None:
    labels.pop("cluster", None)
    labels.pop("managed_cluster", None)
    first = seen(labels, annotations={"description": before}, generatorURL=before)
    again = seen(labels, annotations={"description": after}, generatorURL=after)
    assert first.identity == again.identity
    others = [
        seen(labels, status="resolved"),
        seen(labels, startsAt="2026-08-20T10:00:00Z"),
        seen(labels, fingerprint="a2"),
    ]
    assert len({first.identity, *(other.identity for other in others)}) == 4


@given(st.integers(0, 2**64 - 1) | st.integers(0, 10**16 - 1).map(lambda digits: int(f"{digits:016}", 16)))
def test_a_fingerprint_is_no_secret_whatever_it_looks_like(number: int) -> None:
    fingerprint = f"{number:016x}"  # as Prometheus writes it
    alert = seen({"alertname": "TargetDown"}, fingerprint=fingerprint)
    assert without_random(alert, 1.0).original["fingerprint"] == fingerprint


def test_without_a_fingerprint_the_labels_are_one() -> None:
    labels = {"alertname": "QueueTooLong", "queue": "mail"}
    first, again = (seen(dict(pairs), fingerprint=None) for pairs in (labels.items(), reversed(labels.items())))
    other = seen({**labels, "queue": "print"}, fingerprint=None)
    assert first.original["fingerprint"] == again.original["fingerprint"] != other.original["fingerprint"]


@pytest.mark.parametrize("alerts", [None, [], ["x"], {}, [{}, 7]])
def test_a_notification_without_alerts_is_refused(alerts: Any) -> None:
    assert isinstance(decoded({"groupKey": "{}", "alerts": alerts or 0}), Rejected)


def event(kind: str, name: str, reason: str, message: str = "", **thing: Any) -> Observation:
    (found,) = observations(
        {"involvedObject": {"kind": kind, "name": name, **thing}, "reason": reason, "message": message}
    )
    return found


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (
            {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "web-0", "container": "web"},
            event("Pod", "web-0", "BackOff", "Back-off restarting failed container web in pod web-0_shop(1)",
                  namespace="shop", fieldPath="spec.containers{web}"),
        ),
        ({"alertname": "KubeNodeNotReady", "node": "worker-3"}, event("Node", "worker-3", "NodeNotReady")),
        (
            {"alertname": "KubeNodePressure", "node": "worker-3", "condition": "DiskPressure"},
            event("Node", "worker-3", "NodeHasDiskPressure"),
        ),
        (
            {"alertname": "KubeJobFailed", "namespace": "shop", "job_name": "report-1"},
            event("Job", "report-1", "BackoffLimitExceeded", namespace="shop"),
        ),
    ],
)  # fmt: skip
def test_an_alert_and_the_event_about_the_same_are_one_problem(
    labels: dict[str, Any], told: Observation, ruleset: RuleSet
) -> None:
    alert, of_event = classify(seen(labels), ruleset), classify(told, ruleset)
    assert alert.problem_key == of_event.problem_key != ""
    assert _ends(classify(seen(labels, status="resolved"), ruleset), of_event)


@pytest.mark.parametrize(
    ("name", "severity"),
    [("TargetDown", "warning"), ("SomethingOfOurs", "page"), ("etcdNoLeader", "critical"), ("SomethingOfOurs", "")],
)
def test_a_resolved_alert_ends_its_own_problem_and_no_other(name: str, severity: str, ruleset: RuleSet) -> None:
    labels = {"alertname": name, "severity": severity, "namespace": "shop"}
    firing, other, resolved = (
        classify(seen(labels, **alert), ruleset) for alert in ({}, {"fingerprint": "a2"}, {"status": "resolved"})
    )
    assert firing.problem_key != other.problem_key
    assert _ends(resolved, firing)
    assert not _ends(resolved, other)


def _ends(recovery: Verdict, problem: Verdict) -> bool:
    """Return True where a recovery on the same thing ends a problem."""
    assert recovery.phase == "recovery"
    own = problem.condition in recovery.ends and recovery.part == problem.part
    return own or f"{problem.condition}/*" in recovery.ends

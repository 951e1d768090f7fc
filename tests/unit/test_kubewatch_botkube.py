"""Kubewatch and Botkube: identities that their ids do not give, and problems that are those of the Events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from tests.support.specimens import decoded, observations

_OBJECT = {"metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"}}


def change(obj: Any, *, number: str = "1755682800-42", operation: str = "update", minute: int = 41) -> dict[str, Any]:
    """Return a CloudEvent of Kubewatch."""
    return {
        "specversion": "1.0",
        "type": "KUBERNETES_TOPOLOGY_CHANGE",
        "source": "https://github.com/aantn/kubewatch",
        "subject": "",
        "id": number,
        "time": f"2026-08-20T09:{minute:02}:07.113482913Z",
        "data": {
            "operation": operation,
            "kind": "Deployment",
            "apiVersion": "apps/v1",
            "obj": obj,
            "clusterUid": "TODO",
        },
    }


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules."""
    return load_shipped()


def only(payload: Any) -> Observation:
    (found,) = observations(payload)
    return found


@given(st.text(min_size=1, max_size=10, alphabet="0123456789-"), st.integers(0, 59))
def test_a_change_is_the_same_one_whatever_its_id(number: str, minute: int) -> None:
    assert only(change(_OBJECT, number=number, minute=minute)).identity == only(change(_OBJECT)).identity


def test_one_id_may_be_of_several_changes() -> None:
    later = {"metadata": {**_OBJECT["metadata"], "resourceVersion": "8"}}
    bare = {"metadata": {"name": "web", "namespace": "shop"}}
    payloads = [
        change(_OBJECT),
        change(later),
        change(_OBJECT, operation="delete"),
        change(bare),
        change({"metadata": {"name": "web-2", "namespace": "shop"}}),
        change(bare, operation="delete"),
        change(bare, minute=42),
    ]
    assert len({only(payload).identity for payload in payloads}) == len(payloads)


def test_a_change_is_that_of_any_other_source_of_objects() -> None:
    direct = {"specversion": "1.0", "type": "dev.knative.apiserver.resource.update", "source": "s", "id": "1"}
    data = {"kind": "Deployment", "apiVersion": "apps/v1", **_OBJECT}
    assert only({**direct, "data": data}).identity == only(change(_OBJECT)).identity


@pytest.mark.parametrize("obj", [None, {}, {"metadata": {}}, 7])
def test_a_change_without_its_object_is_refused(obj: Any) -> None:
    found = decoded(change(obj))
    assert isinstance(found, Rejected)
    assert found.reason == "a topology change must hold the object that changed"


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("pod", "Pod"),
        ("daemon set", "DaemonSet"),
        ("configmap", "ConfigMap"),
        ("ingress", "Ingress"),
        ("cluster role", "ClusterRole"),
        ("HorizontalPodAutoscaler", "HorizontalPodAutoscaler"),
        ("certificates", "certificates"),
    ],
)
def test_kinds_of_the_first_releases_are_those_of_kubernetes(kind: str, read: str) -> None:
    meta = {"kind": kind, "name": "x", "namespace": "shop", "reason": "Created"}
    assert only({"eventmeta": meta, "text": "", "time": ""}).object.kind == read


@pytest.mark.parametrize("meta", [{}, {"kind": "Pod", "name": "x"}, {"kind": "Pod", "name": "x", "reason": "BackOff"}])
def test_a_webhook_that_says_no_change_is_refused(meta: dict[str, Any]) -> None:
    assert isinstance(decoded({"eventmeta": {"kind": "Pod", "name": "", **meta}}), Rejected)


def test_botkubes_error_is_the_problem_of_the_event(ruleset: RuleSet) -> None:
    message = "Back-off restarting failed container web in pod web-0_shop(1f0e)"
    data = {"Kind": "Pod", "Name": "web-0", "Namespace": "shop", "Messages": [message], "Type": "error",
            "Reason": "BackOff", "Level": "error", "TimeStamp": "2024-06-11T10:15:30Z", "Count": 14}  # fmt: skip
    later = {"source": "k8s-err-events", "data": data, "timeStamp": "0001-01-01T00:00:00Z"}
    earlier = {
        "meta": {"kind": "Pod", "name": "web-0", "namespace": "shop"},
        "status": {"type": "error", "level": "error", "reason": "BackOff", "messages": [message]},
        "timestamp": "2022-11-03T10:15:30Z",
    }
    event = {
        "involvedObject": {
            "kind": "Pod", "namespace": "shop", "name": "web-0", "fieldPath": "spec.containers{web}",
        },
        "reason": "BackOff", "message": message, "type": "Warning",
    }  # fmt: skip
    keys = {classify(only(payload), ruleset).problem_key for payload in (later, earlier, event)}
    assert len(keys) == 1
    assert "" not in keys


@given(data=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_botkubes_other_sources_may_send_any_object(ruleset: RuleSet, data: dict[str, str]) -> None:
    seen = only({"source": "prometheus", "data": data, "timeStamp": "0001-01-01T00:00:00Z"})
    assert (seen.reason, seen.object.kind) == ("prometheus", "Cluster")
    assert classify(seen, ruleset).phase == "info"


def test_what_botkube_recommends_is_kept_beside_the_message() -> None:
    data = {"Kind": "Pod", "Name": "web-0", "Reason": "Failed", "Type": "error", "Messages": ["Error: ErrImagePull"],
            "Recommendations": ["Name a tag."], "Warnings": ["No limits."]}  # fmt: skip
    seen = only({"source": "s", "data": data, "timeStamp": "0001-01-01T00:00:00Z"})
    assert seen.message == "Error: ErrImagePull"
    assert seen.annotations == {"recommendations": "Name a tag.", "warnings": "No limits."}

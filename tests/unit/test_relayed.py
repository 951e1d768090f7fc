"""One Event has one identity, whoever passed it on; and what is no observation is refused in clear words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.outcome import Rejected
from shared.sources.context import Context
from shared.sources.otlp import value
from shared.sources.registry import decode_payload
from tests.support.specimens import RECEIVED, decoded, observations

_names = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_times = st.datetimes().map(lambda time: f"{time.isoformat(timespec='seconds')}Z")


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Return a core/v1 Event as the API server has it."""
    name = draw(_names)
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": f"{name}.17f3", "namespace": "shop", "uid": str(draw(st.uuids())), "resourceVersion": "7"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": name, "fieldPath": "spec.containers{web}"},
        "reason": draw(st.sampled_from(["BackOff", "Started", "FailedMount"])),
        "message": draw(st.text(max_size=60)),
        "type": "Warning",
        "source": {"component": "kubelet", "host": "worker-3"},
        "firstTimestamp": draw(st.none() | _times),
        "lastTimestamp": draw(st.none() | _times),
        "count": draw(st.none() | st.integers(0, 99)),
        "series": draw(st.none() | st.fixed_dictionaries({"count": st.integers(0, 99)})),
    }


def senders(event: dict[str, Any]) -> dict[str, Any]:
    """Return an Event as each of those sends it that pass Events on, by their dialects."""
    bare = {key: value for key, value in event.items() if key not in {"kind", "apiVersion"}}
    managed = {**event["metadata"], "managedFields": [{"manager": "kubelet"}]}
    cloud_event = {"specversion": "1.0", "id": "7", "source": "https://10.96.0.1:443", "time": "2026-08-20T23:59:00Z"}
    return {
        "kubernetes-event": {**cloud_event, "type": "dev.knative.apiserver.resource.update", "data": event},
        "event-exporter": {**bare, "clusterName": ""},
        "fluent-bit": {"date": 1787218867.1, **bare, "metadata": managed},
        "eventrouter": {"verb": "UPDATED", "event": bare, "old_event": {**bare, "count": 1}},
        "k8sobjects": {"type": "MODIFIED", "object": event},
        "kubewatch": {
            **cloud_event,
            "type": "KUBERNETES_TOPOLOGY_CHANGE",
            "subject": "",
            "data": {"operation": "update", "kind": "Event", "apiVersion": "v1", "obj": bare, "oldObj": None},
        },
    }


@given(events())
def test_an_event_is_the_same_one_from_every_source(event: dict[str, Any]) -> None:
    seen = {name: observations(payload)[0] for name, payload in senders(event).items()}
    assert {name: item.dialect for name, item in seen.items()} == {name: name for name in seen}
    assert len({item.identity for item in seen.values()}) == 1
    assert len({(item.object, item.reason, item.message, item.count, item.fingerprint) for item in seen.values()}) == 1


@given(events(), st.integers(100, 200))
def test_an_event_that_was_counted_on_is_another_one(event: dict[str, Any], count: int) -> None:
    before, after = senders(event), senders({**event, "count": count, "series": None})
    for name in before:
        assert observations(before[name])[0].identity != observations(after[name])[0].identity


@given(events())
def test_a_collector_around_it_changes_nothing(event: dict[str, Any]) -> None:
    routed, watched = {"verb": "ADDED", "event": event}, {"type": "ADDED", "object": event}
    export = {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": any_value(watched)}, {"body": any_value(event)}]}]}]
    }
    payloads = [event, {"date": 1787218867.1, "stream": "stdout", "log": json.dumps(routed)}, export]
    assert len({seen.identity for payload in payloads for seen in observations(payload)}) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "DELETED", "object": {"involvedObject": {"kind": "Pod", "name": "web-0"}, "metadata": {}}},
        {"eventmeta": {"kind": "Backoff", "name": "shop/web-0.17f3", "reason": "Deleted"}},
    ],
    ids=["k8sobjects", "kubewatch"],
)
def test_an_event_that_the_cluster_forgot_tells_nothing(payload: dict[str, Any]) -> None:
    assert observations(payload) == []


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"date": 1.5, "log": "GET /health 200"}, "a line of a log, which is no observation"),
        ({"stream": "stdout", "log": "{not json"}, "a line of a log, which is no observation"),
        ({"date": 1.5, "log": "{" * 99}, "a line of a log, which is no observation"),
        ({"date": 1.5, "log": '{"level":"info","msg":"ready"}'}, "a line of a log, which is no observation"),
        ({"log_type": "application", "message": "x", "kubernetes": {}}, "a container's log, which is no observation"),
        (
            {"log_type": "infrastructure", "message": "x", "kubernetes": {}},
            "a container's log, which is no observation",
        ),
        ({"type": "BOOKMARK", "object": {"metadata": {}}}, "no dialect recognises the payload"),
        ({"type": "ADDED", "object": {"metadata": {"name": "nothing"}}}, "no dialect recognises the payload"),
    ],
)
def test_what_is_no_observation_is_refused_in_words(payload: dict[str, Any], words: str) -> None:
    found = decoded(payload)
    assert isinstance(found, Rejected)
    assert words in found.reason


def test_a_line_in_a_line_in_a_line_ends() -> None:
    line: dict[str, Any] = {"date": 1.5, "log": "the end"}
    for _ in range(12):
        line = {"date": 1.5, "log": json.dumps(line)}
    assert isinstance(decoded(line), Rejected)


def test_openshifts_collector_names_the_cluster_by_a_label_or_at_least_by_its_id() -> None:
    record = {"log_type": "audit", "log_source": "ovn", "message": "x", "openshift": {"cluster_id": "419a"}}
    labelled = {**record, "openshift": {"cluster_id": "419a", "labels": {"cluster": "prod-eu1"}}}

    def cluster(payload: Any, context: Context) -> str:
        found = decode_payload(payload, context)
        assert isinstance(found, list)
        return found[0].cluster

    assert cluster(labelled, Context("ours", RECEIVED)) == "prod-eu1"
    assert cluster(labelled, Context("ours", RECEIVED, named=True)) == "ours"
    assert cluster(record, Context("ours", RECEIVED)) == "419a", "better one that nobody knows than another one's"


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def any_value(told: Any) -> dict[str, Any]:
    """Return a value as OTLP's JSON writes it."""
    if told is None:
        return {}
    if isinstance(told, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": any_value(item)} for key, item in told.items()]}}
    if isinstance(told, list):
        return {"arrayValue": {"values": [any_value(item) for item in told]}}
    names = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {names[type(told)]: str(told) if type(told) is int else told}


@given(_json)
def test_what_opentelemetry_wraps_is_what_was_in_it(told: Any) -> None:
    assert value(any_value(told)) == told


def test_a_whole_number_that_is_too_long_for_one_stays_a_text() -> None:
    assert value({"intValue": "9" * 18}) == int("9" * 18)
    assert value({"intValue": "9" * 19}) == "9" * 19


def test_a_record_that_cannot_be_read_refuses_its_export() -> None:
    event = {"involvedObject": {"kind": "Pod", "name": "web-0"}, "metadata": {"uid": "u"}}
    bodies = [{"type": "ADDED", "object": event}, "a line of a log"]
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": any_value(body)} for body in bodies]}]}]}
    assert isinstance(decoded(export), Rejected)
    assert isinstance(decoded({"resourceLogs": []}), Rejected)

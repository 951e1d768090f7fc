"""What collectors put around a record is taken off again, whatever stands there."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sources.wrapped import Inner, unwrapped

RECORD = {"auditID": "a", "stage": "Panic"}
TEXT = orjson.dumps(RECORD).decode()


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


@pytest.mark.parametrize(
    ("payload", "cluster"),
    [
        ({"date": 1.5, "log": TEXT}, None),
        ({"date": 1.5, "log": f"  {TEXT}\n", "cluster": "prod"}, "prod"),
        ({"message": TEXT, "host": "cp-1", "source_type": "file"}, None),
        ({"message": TEXT, "kubernetes": {"pod_name": "router-0"}, "openshift": {"cluster_id": "u-1"}}, "u-1"),
        ({"body": {"stringValue": TEXT}}, None),
        ({"body": {"stringValue": TEXT}, "attributes": [_attribute("openshift.cluster.uid", "u-1")]}, "u-1"),
        (
            {
                "body": {"stringValue": TEXT},
                "attributes": [
                    _attribute("openshift.cluster.uid", "u-1"),
                    _attribute("openshift.label.cluster", "prod"),
                ],
            },
            "prod",
        ),
    ],
)
def test_a_text_that_is_a_record_is_unwrapped(payload: Any, cluster: str | None) -> None:
    assert unwrapped(payload) == [Inner(RECORD, cluster)]


def test_an_export_holds_many() -> None:
    record = {"body": {"stringValue": TEXT}}
    scopes = [{"logRecords": [record, record]}, {"logRecords": [record]}]
    resource = {"attributes": [_attribute("k8s.cluster.name", "prod")]}
    export = {"resourceLogs": [{"resource": resource, "scopeLogs": scopes}, {"scopeLogs": scopes[1:]}]}
    assert unwrapped(export) == [*[Inner(RECORD, "prod")] * 3, Inner(RECORD, None)]


@pytest.mark.parametrize(
    "payload",
    [
        RECORD,
        {"log": "plain words"},
        {"log": "{broken"},
        {"log": "[1]"},
        {"log": '{"a":' * 70 + "1" + "}" * 70},
        {"log": '{"a":"' + "x" * (1 << 20) + '"}'},
        {"log": "\ud800{"},
        {"message": TEXT, "auditID": "b"},
        {"message": TEXT, "involvedObject": {"kind": "Pod", "name": "web"}},
        {"message": TEXT, "kubernetes": {"event": {"involvedObject": {}}}},
        {"message": TEXT, "rule": "shell", "output_fields": {}},
        {"resourceLogs": []},
        "text",
        None,
    ],
)
def test_what_is_no_wrapped_record_stays_as_it_is(payload: Any) -> None:
    assert unwrapped(payload)[0].record is payload


def test_viaq_names_the_cluster_on_the_record_itself() -> None:
    openshift = {"cluster_id": "u-1", "labels": {"cluster": "prod"}}
    assert unwrapped({**RECORD, "openshift": openshift})[0].cluster == "prod"
    assert unwrapped({**RECORD, "openshift": {"cluster_id": "u-1"}})[0].cluster == "u-1"


_json = st.recursive(
    st.none() | st.text(max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "log",
                    "body",
                    "stringValue",
                    "resourceLogs",
                    "scopeLogs",
                    "logRecords",
                    "attributes",
                    "key",
                    "value",
                    "resource",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_json)
def test_unwrapping_is_total_and_never_empty(payload: Any) -> None:
    assert unwrapped(payload)


@pytest.mark.parametrize("kind", ["application", "infrastructure"])
def test_a_container_cannot_speak_for_the_api_server(kind: str) -> None:
    printed = {"log_type": kind, "message": TEXT, "kubernetes": {"pod_name": "web-0"}}
    assert unwrapped(printed) == [Inner(printed, None)]
    assert unwrapped({**printed, "log_type": "audit"}) == [Inner(RECORD, None)]

"""Decoders: what producers send becomes the same observation, whoever sends it, and garbage raises nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode as decode_http
from shared.events.model import Classified, Observation, Verdict, classified_data, policy_time
from shared.events.outcome import Ignored, Rejected
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.sources.context import Context
from shared.sources.dialects import DIALECTS
from shared.sources.registry import decode, decode_payload

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
CONTEXT = Context(cluster="c", received=NOW)

CORE = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"uid": "e1", "name": "web.1", "namespace": "shop", "resourceVersion": "9"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop", "fieldPath": "spec.containers{web}"},
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "type": "Warning",
    "count": 7,
    "firstTimestamp": "2026-11-23T20:00:00Z",
    "lastTimestamp": "2026-11-23T20:59:00Z",
    "source": {"component": "kubelet", "host": "worker-3"},
}
NEW = {
    "kind": "Event",
    "apiVersion": "events.k8s.io/v1",
    "metadata": {"uid": "e1", "name": "web.1", "namespace": "shop", "resourceVersion": "9"},
    "regarding": {"kind": "Pod", "name": "web", "namespace": "shop", "fieldPath": "spec.containers{web}"},
    "reason": "BackOff",
    "note": "Back-off restarting failed container",
    "type": "Warning",
    "deprecatedCount": 7,
    "deprecatedFirstTimestamp": "2026-11-23T20:00:00Z",
    "deprecatedLastTimestamp": "2026-11-23T20:59:00Z",
    "deprecatedSource": {"component": "kubelet", "host": "worker-3"},
    "reportingController": "kubelet",
}

NODE = {
    "kind": "Node",
    "apiVersion": "v1",
    "metadata": {
        "name": "n",
        "uid": "u",
        "resourceVersion": "5",
        "creationTimestamp": "2026-11-23T20:00:00.5+01:00",
        "ownerReferences": [{"kind": "Machine", "name": "m", "controller": True, "apiVersion": "x/v1", "uid": "o"}],
        "labels": {"a": "b", "token": "x"},
    },
}
OPERATIONS = ("add", "update", "delete", "other")
SHIPPED_RULES = load_shipped()


def one(payload: Any, context: Context = CONTEXT) -> Observation:
    found = decode_payload(payload, context)
    assert isinstance(found, list), found
    (observation,) = found
    return observation


def test_both_apis_of_one_event_give_the_same_observation() -> None:
    old, new = one(CORE), one(NEW)
    differing = {"original", "masked"}
    assert old.model_dump(exclude=differing) == new.model_dump(exclude=differing)
    assert (old.count, old.host, old.object.field_path) == (7, "worker-3", "spec.containers{web}")
    assert old.time == datetime(2026, 11, 23, 20, 59, tzinfo=UTC)


def test_a_series_counts_where_the_count_is_null() -> None:
    event = {
        **CORE,
        "count": None,
        "lastTimestamp": None,
        "firstTimestamp": None,
        "eventTime": "2026-11-23T20:00:00.5Z",
    }
    event["series"] = {"count": 3, "lastObservedTime": "2026-11-23T20:30:00Z"}
    seen = one(event)
    assert (seen.count, seen.time.minute) == (3, 30)
    assert one({**event, "series": None}).count == 1


def test_the_verb_and_the_sending_never_change_an_identity() -> None:
    event = CloudEvent("1", "s", "dev.knative.apiserver.resource.add", time=NOW, data=CORE)
    again = CloudEvent("2", "s", "dev.knative.apiserver.resource.delete", time=NOW + timedelta(hours=1), data=CORE)
    first, second = (decode(item, cluster="c", now=NOW) for item in (event, again))
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert first[0].identity == second[0].identity
    raised = one({**CORE, "count": 8})
    assert raised.identity != first[0].identity


def test_an_objects_identity_is_its_version_and_whether_it_is_gone() -> None:
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n", "uid": "u", "resourceVersion": "5"}}
    kinds = ("add", "update", "delete")
    added, updated, deleted = (one(node, Context("c", NOW, operation=kind)).identity for kind in kinds)
    assert added == updated != deleted


def test_the_clusters_name_is_the_senders_attribute_before_the_setting() -> None:
    event = CloudEvent("1", "s", "dev.knative.apiserver.resource.add", time=NOW, data=CORE)
    named = decode(event.with_extensions(cluster="prod"), cluster="setting", now=NOW)
    unnamed = decode(event, cluster="setting", now=NOW)
    assert isinstance(named, list)
    assert isinstance(unnamed, list)
    assert (named[0].cluster, unnamed[0].cluster) == ("prod", "setting")


@pytest.mark.parametrize("sent", ["1970-01-01T00:00:00Z", "2300-01-01T00:00:00Z", None])
def test_a_sending_time_that_cannot_be_is_replaced_by_receipt(sent: str | None) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "dev.knative.apiserver.resource.add"}
    if sent:
        headers["ce-time"] = sent
    event = decode_http(headers, json.dumps(CORE).encode())
    assert isinstance(event, CloudEvent)
    found = decode(event, cluster="c", now=NOW)
    assert isinstance(found, list)
    assert found[0].received == NOW


@pytest.mark.parametrize("shown", ["1970-01-01T00:00:00Z", "2300-01-01T00:00:00Z", "2026-11-23T15:00:00Z"])
def test_a_skewed_event_time_is_shown_but_policy_goes_by_receipt(shown: str) -> None:
    seen = one({**CORE, "lastTimestamp": shown})
    assert seen.time.isoformat().startswith(shown[:19])
    assert policy_time(seen) == NOW


def test_a_reference_says_what_was_touched_and_that_nothing_of_it_is_known() -> None:
    event = CloudEvent("1", "s", "dev.knative.apiserver.ref.delete", data={"kind": "Pod", "name": "a"})
    (seen,) = cast("list[Observation]", decode(event, cluster="c", now=NOW))
    assert (seen.object.path, seen.operation, seen.dialect) == ("Pod/a", "delete", "apiserver-reference")
    assert "nothing of it is known" in seen.message
    assert classify(seen, SHIPPED_RULES).ends == ("*",), "what is gone has no problem any more"
    (again,) = cast("list[Observation]", decode(event, cluster="c", now=NOW + timedelta(hours=1)))
    assert again.identity == seen.identity
    nothing = CloudEvent("2", "s", "dev.knative.apiserver.ref.add", data={"kind": "Pod"})
    assert isinstance(decode(nothing, cluster="c", now=NOW), Rejected)


def test_foreign_types_are_ignored_and_unknown_payloads_refused() -> None:
    assert isinstance(decode(CloudEvent("1", "s", "com.example.x"), cluster="c", now=NOW), Ignored)
    assert isinstance(decode_payload({"a": 1}, CONTEXT), Rejected)
    assert isinstance(decode_payload({"kind": "Event", "involvedObject": {}}, CONTEXT), Rejected)


def test_an_observation_is_read_back_and_redacted_again() -> None:
    data = one(CORE).model_dump(mode="json")
    data["message"] = "with --password=hunter2"
    found = decode(CloudEvent("1", "s", "dev.tidings.observed.v1", data=data), cluster="c", now=NOW)
    assert isinstance(found, list)
    assert "hunter2" not in found[0].message
    assert isinstance(decode(CloudEvent("1", "s", "dev.tidings.observed.v1", data={}), cluster="c", now=NOW), Rejected)


def test_a_large_object_keeps_its_head_alone() -> None:
    huge = {"kind": "ConfigMap", "metadata": {"name": "n", "uid": "u"}, "data": {"x": "y" * 300_000}}
    assert one(huge).original == {"kind": "ConfigMap", "metadata": {"name": "n", "uid": "u"}, "truncated": True}


def test_f42_what_is_cut_does_not_look_less_like_a_secret() -> None:
    """F42: URL userinfo in message. masked by default list."""
    message = f"{'x' * 16_360} https://robot:hunter2@host/"  # the limit falls between the password and its `@`
    assert "hunt" not in one({**CORE, "message": message}).message
    assert "hunt" not in one({**CORE, "reason": message[-50:].rjust(1040, "x")}).reason
    assert len(one({**CORE, "message": "token=a1 " * 5000}).message) == 16_384


def test_the_head_of_a_large_object_is_small_whatever_it_is_called() -> None:
    huge = {"kind": "ConfigMap", "metadata": {"name": "n" * 300_000, "uid": ["u"] * 90_000}}
    assert one(huge).original == {
        "kind": "ConfigMap", "metadata": {"name": "n" * 1024, "uid": ""}, "truncated": True,
    }  # fmt: skip


_finite = st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | _finite | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CORE, *NEW, "x"]), inner, max_size=5),
    max_leaves=12,
)
_field = st.sampled_from(sorted({*CORE, *NEW, "series", "eventTime", "related"}))


@given(st.sampled_from([CORE, NEW, {"kind": "Pod", "metadata": {"name": "a"}}]), _field, _json)
def test_garbage_in_any_field_raises_nothing(payload: dict[str, Any], field: str, garbage: Any) -> None:
    for dialect in DIALECTS:
        found = dialect.decode({**payload, field: garbage}, CONTEXT)
        assert isinstance(found, Rejected) or all(isinstance(item, Observation) for item in found)


@given(st.sampled_from([CORE, NEW, NODE]), st.dictionaries(_field, _json, max_size=6), st.sampled_from(OPERATIONS))
def test_what_is_built_unchecked_is_what_a_check_would_have_built(
    payload: dict[str, Any], garbage: dict[str, Any], operation: str
) -> None:
    """Decoders and rules check each value as they read it; `trusted` may only spare the second check."""
    found = decode_payload({**payload, **garbage}, Context("c", NOW, operation=operation))
    for seen in found if isinstance(found, list) else []:
        checked = Observation.model_validate(seen.model_dump(), strict=True)
        assert checked == seen
        assert list(checked.__dict__) == list(seen.__dict__)
        assert checked.model_fields_set == seen.model_fields_set
        assert seen.__pydantic_extra__ is None
        assert seen.__pydantic_private__ is None
        verdict = classify(seen, SHIPPED_RULES)
        assert Verdict.model_validate(verdict.model_dump(), strict=True) == verdict
        assert list(verdict.__dict__) == list(Verdict.model_fields)
        whole = Classified(observation=seen, verdict=verdict).model_dump(mode="json")
        assert classified_data(seen, verdict) == whole
        assert json.dumps(classified_data(seen, verdict)) == json.dumps(whole), "in the same order"


@given(_json)
def test_garbage_as_a_whole_raises_nothing(garbage: Any) -> None:
    for dialect in DIALECTS:
        dialect.recognises(garbage)
        assert isinstance(dialect.decode(garbage, CONTEXT), Rejected | list)


def test_everything_that_a_real_source_sent_is_read(shared_data: Path) -> None:
    seen = []
    for line in (shared_data / "data/recorded/apiserversource-resource.jsonl").read_text().splitlines():
        record = json.loads(line)
        headers = {name.lower(): value for name, value in record["headers"].items()}
        event = decode_http(headers, json.dumps(record["body"]).encode())
        assert isinstance(event, CloudEvent)
        found = decode(event, cluster="", now=NOW)
        assert isinstance(found, list)
        seen += found
    assert len(seen) == 26
    assert {item.cluster for item in seen} == {"prod-eu1"}
    assert "managedFields" not in json.dumps([item.original for item in seen])
    secret = next(item for item in seen if item.object.kind == "Secret")
    assert set(secret.original["data"].values()) == {"[masked]"}
    assert max(item.count for item in seen if item.reason == "BackOff") == 7
    assert max(item.count for item in seen if item.reason == "FailedScheduling") == 3


def test_f42_no_field_of_an_event_but_names_carries_a_secret_on() -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    payload = {
        "kind": "Event",
        "involvedObject": {"kind": "Pod", "name": "web-0", "fieldPath": "password=hunter2"},
        "source": {"component": "token=hunter2", "host": "password=hunter2"},
        "type": "password=hunter2",
        "action": "password=hunter2",
        "reason": "password=hunter2",
        "message": "password=hunter2",
    }
    decoded = decode_payload(payload, CONTEXT)
    assert isinstance(decoded, list)
    assert "hunter2" not in decoded[0].model_dump_json()


def test_why_a_value_was_masked_is_still_said_where_an_observation_is_read_and_nothing_else_is() -> None:
    masked: dict[str, Any] = {
        "data.password": "secret",
        "spec.token=hunter2": "key",
        "data.pin": "hunter2",
        "x": ["key"],
    }
    data = one({"kind": "Pod", "metadata": {"name": "web-0"}}).model_dump(mode="json") | {"masked": masked}
    found = decode(CloudEvent("1", "s", "dev.tidings.observed.v1", data=data), cluster="c", now=NOW)
    assert isinstance(found, list)
    assert found[0].masked == {"data.password": "secret", "spec.token=[masked]": "key"}
    for other in (None, [], "x", {"a": None}):
        assert isinstance(
            decode(
                CloudEvent("1", "s", "dev.tidings.observed.v1", data={**data, "masked": other}), cluster="c", now=NOW
            ),
            list,
        )


@pytest.mark.parametrize("text", ["password=hunter2", "--token hunter2sEcReT", "x\tpwd = hunter2"])
@pytest.mark.parametrize(
    "also", [{}, {"extra": "sent with token=abcdefgh1234"}, {"env": [{"name": "A", "value": "b"}]}]
)
def test_f42_nor_does_it_however_the_rest_of_the_event_looks(text: str, also: dict[str, Any]) -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.

    Whether one look at the whole told that, or each text had to be searched.
    """
    references = [{"kind": "Set", "name": "s", "controller": True, "fieldPath": text}]
    payload = {
        "kind": "Event",
        "metadata": {"annotations": {"note": text}},
        "involvedObject": {"kind": "Pod", "name": "web-0", "fieldPath": text, "ownerReferences": references,
                           "labels": {"password": "hunter2", "b": text}},
        "related": {"kind": "Pod", "name": "b", "fieldPath": text},
        "reportingComponent": text,
        "deprecatedSource": {"host": text},
        **dict.fromkeys(("type", "action", "reason", "note"), text),
        **also,
    }  # fmt: skip
    assert "hunter2" not in one(payload).model_dump_json()


@pytest.mark.parametrize(("count", "read"), [(7.0, 7), (7, 7), (7.5, 1), (1e300, 2**31 - 1), (True, 1), ("7", 1)])
def test_a_whole_number_is_one_however_a_collector_wrote_it(count: Any, read: int) -> None:
    """Lua within Fluent Bit makes `7.0` of it, and each recurrence would be the first one, seen again."""
    event = {"metadata": {"uid": "e"}, "involvedObject": {"kind": "Node", "name": "worker-3"}, "count": count}
    found = decode_payload(event, CONTEXT)
    assert isinstance(found, list)
    assert found[0].count == read

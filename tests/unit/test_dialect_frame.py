"""The frame of the dialects: forms, the maker of observations, layouts, and how the registry dispatches."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevent import UNREAD, CloudEvent
from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources import dialects, fields, registry
from shared.sources.context import Context
from shared.sources.dialects import Dialect
from shared.sources.forms import has_form, told_apart, value_at
from shared.sources.observed import Told, observed
from shared.sources.registry import decode, decode_payload
from shared.sources.unread import unread_event

NOW = datetime(2026, 8, 21, tzinfo=UTC)
CONTEXT = Context("c", NOW)
EVENT = {"involvedObject": {"kind": "Pod", "name": "web"}, "metadata": {"uid": "e-1"}, "reason": "BackOff"}
_json: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("form", "payload", "expected"),
    [
        ("a b.c", {"a": 0, "b": {"c": ""}}, True),
        ("a b.c", {"a": 1, "b": {"d": 1}}, False),
        ("a b.c", {"a": 1, "b": "text"}, False),
        ("a|b", {"b": 1}, True),
        ("a", {"a": None}, False),
        ("audit.linux", {"audit.linux": {}}, True),
        ("x.audit.linux", {"x": {"audit.linux": {}}}, True),
        ("kind=Event|EventList", {"kind": "EventList"}, True),
        ("kind=Event|EventList", {"kind": "Pod"}, False),
        ("kind=Event", {"kind": ["Event"]}, False),
        ("a !b|c", {"a": 1}, True),
        ("a !b|c", {"a": 1, "c": 1}, False),
        ("a", ["a"], False),
    ],
)
def test_a_form_is_told_by_its_marks(form: str, payload: Any, expected: bool) -> None:  # noqa: FBT001
    assert has_form(payload, form) is expected


def test_the_closest_form_is_told_with_what_it_has_and_lacks() -> None:
    forms = [("falco", "rule priority output_fields"), ("two", "rule !log|tag kind=A|B"), ("two", "x y")]
    assert told_apart({"rule": 1, "priority": 1}, forms) == (
        "closest is falco: it has rule, priority, but no output_fields"
    )
    assert told_apart({"rule": 1, "tag": 1, "kind": "A"}, forms[1:]) == (
        "closest is two: it has rule, kind A or B, but also log or tag"
    )
    assert told_apart({"other": 1}, forms) == ""
    assert told_apart([], forms) == ""


@given(_json, st.text(alphabet="ab.", max_size=6))
def test_a_path_into_garbage_raises_nothing(payload: Any, path: str) -> None:
    value_at(payload, path)


@given(st.dictionaries(st.sampled_from(Told._fields), _json), _json)
def test_the_maker_is_total_and_builds_what_a_check_would_have_built(told: dict[str, Any], inside: Any) -> None:
    for name in ("time", "first_time", "operation", "identity"):  # those a dialect has read already
        told.pop(name, None)
    seen = observed("mine", CONTEXT, {"inside": inside}, Told(**{"thing": None, **told}))
    assert Observation.model_validate(seen.model_dump(), strict=True) == seen
    assert list(seen.__dict__) == list(Observation.model_fields)


def test_the_maker_masks_what_it_is_told() -> None:
    payload = {"text": "with password=hunter2sEnTiNeL", "labels": {"api_token": "hunter2sEnTiNeL", "a": "b"}}
    text = payload["text"]
    told = Told({"kind": "Pod", "name": "web"}, reason=text, message=text, labels=payload["labels"], host=text)
    seen = observed("mine", CONTEXT, payload, told)
    assert "hunter2" not in seen.model_dump_json()
    assert seen.labels["a"] == "b"
    assert "key" in seen.masked.values()


def test_f42_what_is_told_is_masked_where_it_stands_elsewhere_than_in_the_payload() -> None:
    """F42: URL userinfo in message. masked by default list."""
    url = "https://u:hunter2@host/"
    told = Told({"kind": "Pod", "name": "p", "fieldPath": url}, reason=url, message=url, type=url, host=url, action=url)
    seen = observed("made-up", Context("c", datetime(2026, 8, 21, tzinfo=UTC)), {"a": "harmless"}, told)
    assert "hunter2" not in seen.model_dump_json()


def test_what_names_no_object_is_about_the_cluster_and_an_id_makes_the_identity() -> None:
    one, other = (observed("mine", CONTEXT, {"a": 1}, Told(None, identity=(part, 1))) for part in ("x", "y"))
    assert one.object.path == "Cluster/c"
    assert one.identity != other.identity
    again = observed("mine", CONTEXT, {"a": 2}, Told(None, identity=("x", 1)))
    assert again.identity == one.identity
    sent = Context("c", NOW, sender="s", event_id="1")
    assert (
        observed("mine", sent, {"a": 1}, Told(None)).identity == observed("mine", sent, {"a": 2}, Told(None)).identity
    )


LAYOUT = {name: name for name in fields.KNOWN}


@given(st.dictionaries(st.sampled_from(fields.KNOWN), _json | st.sampled_from(["7", "Pod", "2026-08-20T09:41:07Z"])))
def test_a_layout_of_garbage_raises_nothing(payload: dict[str, Any]) -> None:
    found = fields.decode(payload, CONTEXT, LAYOUT)
    for seen in found if isinstance(found, list) else []:
        assert Observation.model_validate(seen.model_dump(), strict=True) == seen


def test_a_layout_reads_texts_as_what_they_are() -> None:
    payload = {"kind": "Pod", "name": "web", "count": "12", "time": "2026-08-20T09:41:07Z", "operation": "delete"}
    found = fields.decode(payload, CONTEXT, LAYOUT)
    assert isinstance(found, list)
    assert (found[0].count, found[0].time.day, found[0].operation) == (12, 20, "delete")
    assert isinstance(fields.decode({"kind": "Pod"}, CONTEXT, LAYOUT), Rejected)


def test_the_cluster_that_the_edge_gave_goes_before_the_payloads_own() -> None:
    assert CONTEXT.of_cluster("other").cluster == "other"
    assert CONTEXT.of_cluster("").cluster == CONTEXT.of_cluster(None).cluster == "c"
    assert Context("c", NOW, named=True).of_cluster("other").cluster == "c"


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Dialect:
    """A dialect of a CloudEvent type and of a kind of objects, read by the exporter's decoder."""
    mine = dialects._later("event-exporter", "special", types=("com.example.v1",), kinds=("x.io/Report",))
    monkeypatch.setattr(dialects, "DIALECTS", (*dialects.DIALECTS[:2], mine))
    monkeypatch.setattr(dialects, "_CLAIMED", frozenset(mine.kinds))
    monkeypatch.setattr(dialects, "_CLAIMED_KINDS", frozenset({"Report"}))
    monkeypatch.setattr(registry, "_BY_TYPE", dict.fromkeys(mine.types, mine))
    return mine


def test_objects_of_a_claimed_kind_go_to_the_dialect_that_claims_it(reports: Dialect) -> None:
    named = {"metadata": {"name": "r"}}
    claimed = {"kind": "Report", "apiVersion": "x.io/v1", **named}
    assert [item.name for item in dialects.DIALECTS if item.recognises(claimed)] == [reports.name]
    for other in ({**claimed, "apiVersion": "y.io/v1"}, {**claimed, "kind": "Pod"}, {**claimed, "apiVersion": 1}):
        assert [item.name for item in dialects.DIALECTS if item.recognises(other)] == ["apiserver-resource"]


@pytest.mark.usefixtures("reports")
def test_a_cloudevent_of_a_declared_type_goes_to_its_dialect_whatever_it_looks_like() -> None:
    found = decode(CloudEvent("1", "s", "com.example.v1", time=NOW, data=EVENT), cluster="c", now=NOW)
    assert isinstance(found, list)
    assert found[0].dialect == "event-exporter"
    assert isinstance(decode(CloudEvent("1", "s", "com.example.v1", data=1), cluster="c", now=NOW), Rejected)


def test_what_was_unread_is_refused_with_its_reason_and_read_once_somebody_can() -> None:
    for why, reason in (
        ("json", "not valid JSON"),
        ("large", "larger"),
        ("limits", "too deep"),
        ("dialect", "no dial"),
    ):
        letter = unread_event(why, None, "/webhook", CONTEXT)  # type: ignore[arg-type] # each of them is one
        refusal = decode(letter, cluster="c", now=NOW)
        assert isinstance(refusal, Rejected)
        assert reason in refusal.reason
    found = decode(unread_event("dialect", EVENT, "/webhook", CONTEXT), cluster="c", now=NOW)
    direct = decode_payload(EVENT, CONTEXT)
    assert isinstance(found, list)
    assert isinstance(direct, list)
    assert found[0].identity == direct[0].identity


@given(_json)
def test_an_unread_event_of_whoever_sends_it_raises_nothing_and_tells_nothing(data: Any) -> None:
    for sent in (data, {"why": data, "payload": data}, {"why": "hunter2sEnTiNeL", "payload": {"hunter2sEnTiNeL": 1}}):
        found = decode(CloudEvent("1", "s", UNREAD, data=sent), cluster="c", now=NOW)
        assert not isinstance(found, Rejected) or "hunter2" not in found.reason

"""What a newer release adds to events within a version changes nothing of what this one reads of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.archive.record import from_line, to_line
from shared.bus.codec import from_kafka, from_nats, from_rabbitmq, to_file, to_kafka, to_nats, to_rabbitmq
from shared.bus.protocol import Record
from shared.cli.schema import SCHEMAS
from shared.delivery.claim import Memory
from shared.delivery.claim import Record as Claim
from shared.events.cloudevent import CloudEvent
from shared.events.codec import from_json
from shared.events.delivery import DeliveryReport
from shared.events.letter import LetterMark
from shared.events.listed import Listed
from shared.events.model import Frozen, ObjectRef
from shared.local.broker.records import event_of
from tests.support.changes import running
from tests.support.records import classified
from tests.support.tickets import START, episode

THING = ObjectRef(kind="Node", name="worker-1")
EPISODE = episode(
    owner=THING,
    history=[{"time": START, "reason": "BackOff", "message": "again"}],
    affected=[{"kind": "Pod", "name": "a", "severity": "high", "since": START}],
    cause={"kind": "group"},
    suspects=[{"id": "c-1", "time": START, "what": "image"}],
    timeline=[{"revision": 1, "time": START, "what": "opened"}],
)
REPORT = DeliveryReport.model_validate(
    {
        "destination": "webhook", "operation": "open", "key": "k", "result": "shadow", "cluster": "c", "time": START,
        "fields": {"title": "t"}, "requests": [{"method": "POST", "url": "https://x", "body": {"a": 1}}],
    }
)  # fmt: skip
MARK = LetterMark(act="retried", partition=0, offset=1, letter="d", time=START)
LISTED = Listed(
    cluster="c", api_version="v1", kind="Pod", resource_version="7", objects=1, changed=0, gone=0, complete=True,
    started=START, ended=START,
)  # fmt: skip
CLAIM = Claim(token=1, phase="free", since=0.0, until=1.0, memory=Memory(revision=2, written={"a": "b"}))
PAYLOADS: dict[str, Frozen] = {
    "observation": classified(owner=THING, related=THING).observation,
    "verdict": classified().verdict,
    "classified": classified(owner=THING),
    "episode": EPISODE,
    "change": running(owner=THING),
    "delivery": REPORT,
    "dead-letter": MARK,
    "listed": LISTED,
}
OF_PEOPLE = {"outcome", "rules", "rules-test", "mapping", "layouts", "policy", "hooks", "settings"}
"""Schemas of what is no event."""

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
ADDED = st.dictionaries(st.text("abc", min_size=1, max_size=6).map("new_{}".format), JSON, min_size=1, max_size=3)


def grown(value: Any, schema: Any, root: Any, added: dict[str, Any]) -> Any:
    """Return a payload with members more wherever the schema has an object of named members."""
    for one in schema.get("anyOf", []):
        if value is not None and one.get("type") != "null":
            return grown(value, one, root, added)
    if "$ref" in schema:
        return grown(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, added)
    if isinstance(value, list):
        return [grown(one, schema.get("items", {}), root, added) for one in value]
    if "properties" in schema and isinstance(value, dict):
        known = schema["properties"]
        return {**{name: grown(one, known.get(name, {}), root, added) for name, one in value.items()}, **added}
    return value


def test_every_payload_is_tried() -> None:
    assert PAYLOADS.keys() == SCHEMAS.keys() - OF_PEOPLE


@pytest.mark.parametrize("name", [*PAYLOADS, "claim"])
@settings(max_examples=20)
@given(added=ADDED)
def test_what_a_newer_release_adds_is_ignored_at_any_depth_and_nothing_else_is_lost(
    name: str, added: dict[str, Any]
) -> None:
    payload = PAYLOADS.get(name, CLAIM)
    model, schema, written = type(payload), payload.model_json_schema(), payload.model_dump(mode="json")
    more = grown(written, schema, schema, added)
    assert added.items() <= more.items()
    assert model.model_validate(more) == payload
    assert model.model_validate(more).model_dump(mode="json") == written


@settings(max_examples=50)
@given(added=ADDED, attribute=st.text("abcdefgh", min_size=1, max_size=20), value=st.text("abc 1", min_size=1))
def test_what_carries_and_keeps_events_keeps_what_it_does_not_know(
    added: dict[str, Any], attribute: str, value: str
) -> None:
    """By every bus, the local broker's file and the archive, members of the data and attributes alike."""
    value = value.strip() or "1"
    data = {"episode": EPISODE.model_dump(mode="json"), **added}
    event = CloudEvent("1", "s", "dev.tidings.problem.opened.v2", extensions={attribute: value}, data=data)
    headers, content_type, body = to_rabbitmq(event)
    record = Record("topic", 0, 1, datetime(2026, 1, 1, tzinfo=UTC), event, b"")
    assert from_nats(*to_nats(event)) == event
    assert from_kafka(*to_kafka(event)) == event
    assert from_rabbitmq(headers, content_type, body) == event
    assert from_json(to_file(event)) == event_of(to_file(event)) == event
    assert from_line("topic", to_line(record)).event == event

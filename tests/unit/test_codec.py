"""CloudEvents over HTTP: what is taken, what is refused, and that nothing is lost on the way."""

import string
from datetime import UTC, datetime

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevent import CloudEvent, ReadEvent
from shared.events.codec import (
    NotAnEvent,
    decode,
    decode_batch,
    decode_reply,
    encode_batch,
    encode_binary,
    encode_structured,
    from_json,
    from_mapping,
    refusal_of,
    to_json,
    to_mapping,
)

BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "content-type": "application/json"}

_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters), inner, max_size=3),
    max_leaves=8,
)
_events = st.builds(
    CloudEvent,
    id=_text,
    source=_text,
    type=_text,
    subject=st.just("") | _text,
    time=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    extensions=st.dictionaries(st.sampled_from(["cluster", "namespace", "x1"]), st.just("") | _text, max_size=3),
    datacontenttype=st.just("application/json"),
    dataschema=st.just(""),
    data=_json,
)


@given(_events)
def test_an_event_survives_binary_mode(event: CloudEvent) -> None:
    headers, body = encode_binary(event)
    for name, value in headers:
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()
    assert decode(dict(headers), body) == event


@given(_events)
def test_an_event_survives_structured_mode_and_storage(event: CloudEvent) -> None:
    headers, body = encode_structured(event)
    assert decode(dict(headers), body) == event
    assert from_json(to_json(event)) == event


@given(st.lists(_events, max_size=4))
def test_a_batch_survives(events: list[CloudEvent]) -> None:
    headers, body = encode_batch(events)
    assert decode_batch(dict(headers), body) == events


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5), st.binary(max_size=200))
def test_nothing_that_a_sender_can_send_raises(headers: dict[str, str], body: bytes) -> None:
    for media in ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json", ""):
        for start in ({}, BINARY):
            found = decode_batch({**start, **headers, "content-type": media}, body)
            assert isinstance(found, NotAnEvent | list)


def test_the_sdk_reads_what_we_write_and_we_read_what_it_writes() -> None:
    event = CloudEvent(
        "1", "/s", "t", "sub", datetime(2026, 1, 2, tzinfo=UTC), extensions={"cluster": "a b%ü"}, data={"a": 1}
    )
    for headers, body in (encode_binary(event), encode_structured(event)):
        seen = from_http_event(HTTPMessage(dict(headers), body))
        assert (seen.get_id(), seen.get_source(), seen.get_type()) == ("1", "/s", "t")
        assert seen.get_extension("cluster") == "a b%ü"
        assert seen.get_data() == {"a": 1}
    attributes = {"id": "1", "source": "/s", "type": "t", "specversion": "1.0", "cluster": "a b%ü"}
    theirs = SdkEvent(attributes=attributes, data={"a": 1})
    for message in (to_binary_event(theirs), to_structured_event(theirs)):
        lower = {name.lower(): value for name, value in message.headers.items()}
        read = decode(lower, message.body if isinstance(message.body, bytes) else message.body.encode())
        assert isinstance(read, CloudEvent)
        assert read.extensions == {"cluster": "a b%ü"}
        assert read.data == {"a": 1}


def test_an_empty_extension_header_is_a_value_of_its_own() -> None:
    event = decode({**BINARY, "ce-namespace": ""}, b"{}")
    assert isinstance(event, CloudEvent)
    assert event.extensions == {"namespace": ""}
    assert event.attribute("namespace") == ""
    assert event.attribute("absent") is None


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 400),
        ({**BINARY, "ce-id": ""}, b"{}", 400),
        ({name: value for name, value in BINARY.items() if name != "ce-id"}, b"{}", 400),
        ({**BINARY, "ce-specversion": "0.3"}, b"{}", 400),
        ({**BINARY, "ce-time": "yesterday"}, b"{}", 400),
        ({**BINARY, "ce-bad_name": "x"}, b"{}", 400),
        ({**BINARY, "ce-x": "a%0d%0ab"}, b"{}", 400),
        ({**BINARY, "ce-x": "y" * 5000}, b"{}", 400),
        (BINARY, b"{", 400),
        (BINARY, b'{"a": NaN}', 400),
        (BINARY, b"[" * 70 + b"]" * 70, 400),
        (BINARY, b'{"a": ' + b"1" * 70 + b"}", 400),
        (BINARY, b'{"a": "' + b"x" * 1_048_600 + b'"}', 413),
        ({**BINARY, "content-type": "text/plain"}, b"\xff", 415),
        ({"content-type": "application/cloudevents+json"}, b"[]", 400),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion":"1.0","id":["x"]}', 400),
        ({"content-type": "application/cloudevents+avro"}, b"", 415),
        ({"content-type": "application/cloudevents-batch+json"}, b"[]", 415),
    ],
)
def test_what_is_wrong_is_refused_with_its_status(headers: dict[str, str], body: bytes, status: int) -> None:
    refusal = decode(headers, body)
    assert isinstance(refusal, NotAnEvent)
    assert refusal.status == status


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2300-01-01T00:00:00Z", "2026-11-23T20:08:33.777031807Z"])
def test_any_real_timestamp_is_taken(time: str) -> None:
    assert isinstance(decode({**BINARY, "ce-time": time}, b"{}"), CloudEvent)


def test_one_bad_item_spoils_no_other_of_a_batch() -> None:
    good = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
    body = orjson.dumps([good, {"id": 1}, good])
    found = decode_batch({"content-type": "application/cloudevents-batch+json"}, body)
    assert isinstance(found, list)
    assert [isinstance(item, CloudEvent) for item in found] == [True, False, True]


def test_an_answer_is_a_reply_nothing_or_a_failure() -> None:
    assert decode_reply({}, b"") is None
    assert isinstance(decode_reply({"content-type": "text/html"}, b"OK"), NotAnEvent)
    headers, body = encode_structured(CloudEvent("1", "s", "t"))
    assert decode_reply(dict(headers), body) == CloudEvent("1", "s", "t")


def test_data_in_base64_is_text() -> None:
    headers = {"content-type": "application/cloudevents+json"}
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data_base64": "aGk="}
    read = decode(headers, orjson.dumps(event))
    assert isinstance(read, CloudEvent)
    assert read.data == "hi"
    assert isinstance(decode(headers, orjson.dumps({**event, "data": 1})), NotAnEvent)
    assert isinstance(decode(headers, orjson.dumps({**event, "data_base64": "?"})), NotAnEvent)


def test_an_attribute_that_would_become_the_data_is_refused() -> None:
    """`data` is the JSON format's own member: stored and read again, the header would be the event's data."""
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-data": "forged"}
    assert isinstance(decode(headers, b""), NotAnEvent)


_odd = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
_any_events = st.builds(
    CloudEvent,
    id=_odd,
    source=_odd,
    type=_odd,
    subject=_odd | st.just("x" * 5000),
    time=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    datacontenttype=st.sampled_from(["application/json", "", "application/cloudevents+json"]),
    dataschema=_odd,
    extensions=st.dictionaries(st.sampled_from(["cluster", "Bad", "time", "id", "data", "x" * 80, "x\n"]), _odd)
    | st.integers(50, 70).map(lambda count: {f"x{number}": "" for number in range(count)})
    | st.integers(5, 15).map(lambda count: {f"x{number}": "é" * 100 for number in range(count)}),
    data=st.none() | st.just({"a": 1}),
)


@given(_any_events)
def test_an_event_of_ours_is_refused_exactly_where_it_could_not_be_read_again(event: CloudEvent) -> None:
    core = {"time", "id", "data"} & event.extensions.keys()
    again = from_mapping(to_mapping(event))
    readable = isinstance(again, CloudEvent) and not core
    assert (refusal_of(event) is None) is readable
    if readable:
        assert again == event._replace(datacontenttype=event.datacontenttype or again.datacontenttype)


@given(_any_events)
def test_an_event_that_was_read_is_not_checked_again_and_would_pass(event: CloudEvent) -> None:
    read = from_mapping(to_mapping(event))
    if isinstance(read, ReadEvent):
        assert refusal_of(CloudEvent(*read)) is None


@pytest.mark.parametrize(
    "time", [None, "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5Z", "2026-03-01T10:00:00.123456789Z"]
)
def test_whatever_is_at_a_limit_is_checked_again_where_it_grows_by_being_written(time: str | None) -> None:
    for media in ({}, {"datacontenttype": "text/plain"}):
        for filling in range(4000, 4096):
            extensions = {name: "x" * size for name, size in (("a", 4096), ("b", 4096), ("c", filling))}
            attributes = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", **media, **extensions}
            read = from_mapping(attributes if time is None else {**attributes, "time": time})
            if isinstance(read, ReadEvent):
                assert refusal_of(CloudEvent(*read)) is None
        many = {f"x{number}": "" for number in range(60 - (time is not None))}
        read = from_mapping({"specversion": "1.0", "id": "1", "source": "s", "type": "t", **media, **many})
        assert isinstance(read, NotAnEvent) or refusal_of(read) == refusal_of(CloudEvent(*read))


def test_what_is_made_of_an_event_that_was_read_is_checked() -> None:
    read = decode(BINARY, b"{}")
    assert isinstance(read, ReadEvent)
    for made in (read._replace(type=""), read.with_extensions(**{"Not a name": "x"})):
        assert not isinstance(made, ReadEvent)
        assert refusal_of(made) is not None
    assert read == CloudEvent(*read)


def test_an_extension_that_is_no_text_is_refused() -> None:
    assert refusal_of(CloudEvent("1", "s", "t", extensions={"count": 7})) is not None  # type: ignore[dict-item]


def test_a_content_type_is_sent_as_it_came_and_refused_where_it_cannot_be_one() -> None:
    event = CloudEvent("1", "s", "t", datacontenttype='text/x; a="b%c"', data="x")
    headers, body = encode_binary(event)
    assert dict(headers)["content-type"] == event.datacontenttype
    assert decode(dict(headers), body) == event
    refused = NotAnEvent(400, "datacontenttype must be a media type")
    assert decode({**BINARY, "content-type": "text/µ"}, b"x") == refused
    assert refusal_of(event._replace(datacontenttype="text/µ")) == refused

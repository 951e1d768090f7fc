"""CloudEvents in the bindings of NATS, Kafka and RabbitMQ: what goes out comes back, and what others send is read."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.bindings.rabbitmq import to_binary_event as sdk_to_rabbitmq
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.codec import (
    UNWRITABLE,
    from_kafka,
    from_nats,
    from_rabbitmq,
    key_of,
    message_id,
    to_kafka,
    to_nats,
    to_rabbitmq,
    token,
)
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent, encode_structured

_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
_data = st.dictionaries(st.sampled_from(["a", "b"]), st.text(st.characters(exclude_categories=("Cs",))), max_size=2)
EVENTS = st.builds(
    CloudEvent,
    id=_text,
    source=_text,
    type=_text,
    subject=st.just("") | _text,
    time=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    extensions=st.dictionaries(st.sampled_from(["partitionkey", "kind"]), st.just("") | _text, max_size=2),
    datacontenttype=st.just("application/json"),
    dataschema=st.just(""),
    data=_data | st.integers(-(2**53), 2**53) | st.lists(st.none(), max_size=2),
)


def nats(event: CloudEvent) -> CloudEvent | NotAnEvent:
    return from_nats(*to_nats(event))


def kafka(event: CloudEvent) -> CloudEvent | NotAnEvent:
    return from_kafka(*to_kafka(event))


def rabbitmq(event: CloudEvent) -> CloudEvent | NotAnEvent:
    return from_rabbitmq(*to_rabbitmq(event))


@pytest.mark.parametrize("through", [nats, kafka, rabbitmq])
@given(event=EVENTS)
def test_what_goes_out_comes_back(through: Callable[[CloudEvent], CloudEvent], event: CloudEvent) -> None:
    assert through(event) == event


@given(event=EVENTS)
def test_what_others_put_there_in_structured_mode_is_read(event: CloudEvent) -> None:
    headers, body = encode_structured(event)
    media = dict(headers)["content-type"]
    assert from_nats(dict(headers), body) == event
    assert from_kafka([("content-type", media.encode())], body) == event
    assert from_rabbitmq({}, media, body) == event


@given(event=EVENTS)
def test_a_nats_header_is_one_line_of_printable_ascii(event: CloudEvent) -> None:
    headers, _ = to_nats(event)
    assert all(value.isascii() and value.isprintable() for value in headers.values())


@pytest.mark.parametrize("write", [to_nats, to_kafka, to_rabbitmq])
def test_what_could_not_be_read_again_is_not_written(write: Callable[[CloudEvent], object]) -> None:
    for bad in (CloudEvent("1", "s", "t", data=2**64), CloudEvent("", "s", "t"), CloudEvent("1", "s\n", "t")):
        with pytest.raises(UNWRITABLE):
            write(bad)


def test_a_nats_message_without_headers_is_the_json_format() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":1}}'
    assert from_nats(None, body) == CloudEvent("1", "s", "t", data={"a": 1})


def test_what_the_cloudevents_sdk_puts_into_kafka_is_read_and_the_other_way_round() -> None:
    attributes = {
        "id": "1",
        "source": "s",
        "type": "t",
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "partitionkey": "ä k",
        "time": datetime(2026, 3, 1, tzinfo=UTC),
    }
    message = to_binary_event(SdkEvent(attributes, {"a": 1}), JSONFormat())
    read = from_kafka(message.headers.items(), message.value or b"")
    expected = CloudEvent("1", "s", "t", time=attributes["time"], extensions={"partitionkey": "ä k"}, data={"a": 1})
    assert read == expected
    headers, value = to_kafka(expected)
    theirs = from_binary_event(KafkaMessage(dict(headers), None, value), JSONFormat())
    assert theirs.get_data() == {"a": 1}
    assert theirs.get_extension("partitionkey") == "ä k"


def test_what_the_cloudevents_sdk_puts_into_rabbitmq_is_read() -> None:
    attributes = {"id": "1", "source": "s", "type": "t", "specversion": "1.0", "time": datetime(2026, 3, 1, tzinfo=UTC)}
    message = sdk_to_rabbitmq(SdkEvent({**attributes, "datacontenttype": "application/json"}, [1]), JSONFormat())
    read = from_rabbitmq(message.headers, message.content_type or "", message.body)
    assert read == CloudEvent("1", "s", "t", time=datetime(2026, 3, 1, tzinfo=UTC), data=[1])


def test_both_spellings_of_amqp_1_0_are_read() -> None:
    for sign in ("_", ":"):
        headers = {f"cloudEvents{sign}{name}": text for name, text in (("id", "1"), ("source", "s"), ("type", "t"))}
        headers[f"cloudEvents{sign}specversion"] = "1.0"
        read = from_rabbitmq({**headers, "x-death": [{}]}, "application/json", b"{}")
        assert read == CloudEvent("1", "s", "t", data={})


@pytest.mark.parametrize("read", [from_kafka([], b"{}"), from_rabbitmq({}, "", b"hello"), from_nats({}, b"hello")])
def test_what_is_no_event_is_said_to_be_none(read: object) -> None:
    assert isinstance(read, NotAnEvent)


@pytest.mark.parametrize("name", ["ce_", "ce_content-type", "ce_a-b", "ce_data", f"ce_{'a' * 65}"])
def test_a_header_of_a_record_that_can_be_no_attribute_is_refused(name: str) -> None:
    headers, body = to_kafka(CloudEvent("1", "s", "t", data={}))
    read = from_kafka([*headers, (name, b"x")], body)
    assert isinstance(read, NotAnEvent)
    assert "attribute names" in read.reason


def test_the_same_event_is_one_by_source_and_id_together() -> None:
    one = CloudEvent("1", "s", "t")
    assert message_id(one) == message_id(one._replace(type="other"))
    assert message_id(one) != message_id(one._replace(source="other"))
    assert message_id(CloudEvent("b", "a", "t")) != message_id(CloudEvent("", "ab", "t"))


def test_a_dead_letter_is_one_for_each_subscriber_and_each_retry() -> None:
    one = CloudEvent("a", "s", "t")
    letters = [one.with_extensions(knativeerrordest=name) for name in ("webhook", "splunk")]
    again = letters[0].with_extensions(tidingsretry="1")
    assert len({message_id(each) for each in (one, *letters, again)}) == 4
    assert message_id(letters[0]) == message_id(letters[0].with_extensions(knativeerrorcode="503"))


def test_a_key_is_one_token_of_a_subject_whatever_is_in_it() -> None:
    assert token("scope-1") == "scope-1"
    assert key_of(CloudEvent("1", "s", "t")) == "-"
    for key in ("a.b", "*", ">", "a b", "", "ä", "x" * 500):
        assert token(key).isalnum()

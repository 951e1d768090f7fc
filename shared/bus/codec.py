"""CloudEvents on the wire of each bus: the specification's NATS and Kafka bindings (v1.0.2), Knative's of RabbitMQ.

Written in binary mode, where attributes are headers that a bus can show and filter; structured mode is read as well.
NATS percent-encodes header values as HTTP does; the others carry UTF-8 as it is.

The specification's AMQP binding is of AMQP 1.0; for 0-9-1, which RabbitMQ speaks, there is Knative's
(https://github.com/knative-extensions/eventing-rabbitmq, cloudevents-protocol-spec). Both are read.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import orjson

from shared.events.cloudevent import RETRY, CloudEvent
from shared.events.codec import NotAnEvent, decode, decode_attributes, encode_binary, encode_data, refusal_of, to_json
from shared.events.context_attributes import attributes_of

_KAFKA = "ce_"
_WORD = 64  # characters: longer names are not remembered
_RABBITMQ = "ce-"
_RABBITMQ_READ = (_RABBITMQ, "cloudEvents_", "cloudEvents:")  # AMQP 1.0 has both
UNWRITABLE = (ValueError, orjson.JSONEncodeError)
"""What `to_…` raise for an event that could not be read again, or whose data is no JSON."""

_ATTEMPT = ("knativeerrordest", RETRY)
_CONTENT_TYPE = "content-type"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_UNKEYED = "-"


def message_id(event: CloudEvent) -> str:
    """Return what makes two events the same one: the specification says source and id together.

    As a dead letter an event is one for each subscriber that could not be told, and so it is for each retry.
    """
    attempt = [event.extensions[name] for name in _ATTEMPT if name in event.extensions]
    text = "\0".join((event.source, event.id, *attempt))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def key_of(event: CloudEvent) -> str:
    """Return the partition key as an attribute names it; `-` where the event has none."""
    return event.extensions.get("partitionkey") or _UNKEYED


def token(key: str) -> str:
    """Return a key as one token of a subject: as it is where it can be one, else a hash of it."""
    return key if _TOKEN.fullmatch(key) else hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]


def to_file(event: CloudEvent) -> bytes:
    """Return what the embedded bus keeps: the JSON format."""
    _check(event)
    return to_json(event)


def to_nats(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Return headers and payload of a NATS message."""
    _check(event)
    headers, body = encode_binary(event)
    return dict(headers), body


def from_nats(headers: Mapping[str, str] | None, body: bytes) -> CloudEvent | NotAnEvent:
    """Decode a NATS message; without headers, as older clients send, its payload is the JSON format."""
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    if _CONTENT_TYPE not in lowered and "ce-specversion" not in lowered:
        lowered[_CONTENT_TYPE] = "application/cloudevents+json"
    return decode(lowered, body)


def to_kafka(event: CloudEvent) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return headers and value of a Kafka record."""
    _check(event)
    attributes = attributes_of(event)
    media = attributes.pop("datacontenttype")
    headers = [(f"{_KAFKA}{name}", value.encode("utf-8", "replace")) for name, value in attributes.items()]
    if event.data is not None:
        headers.append((_CONTENT_TYPE, media.encode(errors="replace")))
    return headers, encode_data(event)


def from_kafka(headers: Iterable[tuple[str, bytes]], body: bytes) -> CloudEvent | NotAnEvent:
    """Decode a Kafka record."""
    texts = {
        name: value.decode(errors="replace") if value else ""
        for header, value in headers
        if (name := _known(header) if len(header) <= _WORD else _name_of(header))
    }
    return _decoded(texts, texts.pop(_CONTENT_TYPE, ""), body)


def _name_of(header: str) -> str:
    """Return the attribute that a record's header holds, or the content type's own name; nothing for all others."""
    name = header.lower()
    attribute = name.removeprefix(_KAFKA)
    if attribute != name:
        return name if attribute in ("", _CONTENT_TYPE) else attribute  # no attributes' names: refused as what they are
    return name if name == _CONTENT_TYPE else ""


_known = lru_cache(maxsize=256)(_name_of)  # each record of a topic has the same ones


def to_rabbitmq(event: CloudEvent) -> tuple[dict[str, str], str, bytes]:
    """Return headers, content type and body of a RabbitMQ message."""
    _check(event)
    attributes = attributes_of(event)
    media = attributes.pop("datacontenttype")
    return {f"{_RABBITMQ}{name}": value for name, value in attributes.items()}, media, encode_data(event)


def from_rabbitmq(headers: Mapping[str, object], content_type: str, body: bytes) -> CloudEvent | NotAnEvent:
    """Decode a RabbitMQ message; headers that are no text are not ours."""
    texts = {name: value for name, value in headers.items() if isinstance(value, str)}
    attributes = {
        name[len(prefix) :]: value
        for prefix in _RABBITMQ_READ
        for name, value in texts.items()
        if name.startswith(prefix)
    }
    return _decoded(attributes, content_type, body)


def _check(event: CloudEvent) -> None:
    if (refusal := refusal_of(event)) is not None:
        raise ValueError(refusal.reason)


def _decoded(attributes: dict[str, str], content_type: str, body: bytes) -> CloudEvent | NotAnEvent:
    if content_type.lower().startswith("application/cloudevents"):
        return decode({_CONTENT_TYPE: content_type}, body)
    if not attributes:
        return NotAnEvent(400, "not a CloudEvent: neither its attributes nor application/cloudevents+json")
    attributes.pop("datacontenttype", None)
    return decode_attributes(attributes, content_type, body)

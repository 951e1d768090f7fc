"""CloudEvents 1.0 over HTTP: binary, structured and batch; and as JSON for storage.

Follows the specification's HTTP protocol binding and JSON format, v1.0.2 (https://github.com/cloudevents/spec). Written
here, because the SDK's two major versions exclude each other between our hosts
(docs/decisions/0002-own-cloudevents-codec.md). Nothing here raises for what a sender can send: a
refusal is a value with a constant text.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import orjson

from shared.events.cloudevent import CloudEvent, ReadEvent
from shared.events.context_attributes import CONTEXT, PLAIN, attributes_of, problem_of, to_header
from shared.events.limits import DEFAULT, Limits, exceeded
from shared.events.times import parse_time

Headers = Mapping[str, str]
"""Header names in lower case. A header that came twice is one value here, joined by the host."""

_TEXT = frozenset({str})
_REQUIRED = frozenset({"id", "source", "type"})
_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_JSON = re.compile(r"^[a-z0-9.!#$&^_+-]+/(?:[a-z0-9.!#$&^_+-]*\+)?json$")
_TIMES = frozenset({0, 20, 27, 30})  # characters: none, without a fraction, with microseconds, with nanoseconds


class NotAnEvent(NamedTuple):
    """Why a message was refused: `status` is the HTTP status for it, `reason` a constant text."""

    status: Literal[400, 413, 415]
    reason: str


def decode(headers: Headers, body: bytes, limits: Limits = DEFAULT) -> CloudEvent | NotAnEvent:
    """Decode one event in binary or structured mode; a batch is refused with 415."""
    media = _media_type(headers)
    if media == _BATCH:
        return NotAnEvent(415, "one event a request: batches are not taken here")
    if media == _STRUCTURED:
        parsed = _parse(body, limits)
        return parsed if isinstance(parsed, NotAnEvent) else from_mapping(parsed)
    if media.startswith("application/cloudevents"):
        return NotAnEvent(415, "only the JSON format of CloudEvents is taken")
    if "ce-specversion" not in headers:
        return NotAnEvent(400, "not a CloudEvent: no ce-specversion header and not application/cloudevents+json")
    return _decode_binary(headers, body, limits)


def decode_batch(headers: Headers, body: bytes, limits: Limits = DEFAULT) -> list[CloudEvent | NotAnEvent] | NotAnEvent:
    """Decode a batch item by item, or one event as a list of one; a bad item spoils no other."""
    if _media_type(headers) != _BATCH:
        single = decode(headers, body, limits)
        return single if isinstance(single, NotAnEvent) else [single]
    parsed = _parse(body, limits)
    if isinstance(parsed, NotAnEvent):
        return parsed
    if not isinstance(parsed, list):
        return NotAnEvent(400, "a batch must be a JSON array")
    return [from_mapping(item) for item in parsed]


def decode_reply(headers: Headers, body: bytes) -> CloudEvent | NotAnEvent | None:
    """Decode a subscriber's answer: None where there is nothing to publish."""
    if not body and "ce-specversion" not in headers:
        return None
    return decode(headers, body)


def from_mapping(value: Any) -> CloudEvent | NotAnEvent:
    """Decode the JSON format's object."""
    if not isinstance(value, dict):
        return NotAnEvent(400, "a CloudEvent must be a JSON object")
    attributes: dict[str, str] = {}
    for name, item in value.items():
        if name in {"data", "data_base64"} or item is None:
            continue
        text = _attribute_text(item)
        if text is None:
            return NotAnEvent(400, "a CloudEvent attribute must be a string, a number or a boolean")
        attributes[name] = text
    data = value.get("data")
    if "data_base64" in value:
        if "data" in value:
            return NotAnEvent(400, "data and data_base64 exclude each other")
        try:
            data = base64.b64decode(value["data_base64"], validate=True).decode("utf-8")
        except (binascii.Error, TypeError, ValueError):
            return NotAnEvent(400, "data_base64 must be base64 of UTF-8 text")
    return _build(attributes, data)


def refusal_of(event: CloudEvent) -> NotAnEvent | None:
    """Return why an event that was made in this process could not be read again once it is written, if so.

    Its data is not looked at: that takes the bytes.
    """
    if isinstance(event, ReadEvent):
        return None
    attributes = attributes_of(event)
    if not _TEXT.issuperset(map(type, attributes.values())):
        return NotAnEvent(400, "a CloudEvent attribute must be a string")
    problem = problem_of(attributes) or ("" if CONTEXT.isdisjoint(event.extensions) else "an extension has a core name")
    return NotAnEvent(400, problem) if problem else None


def to_mapping(event: CloudEvent) -> dict[str, Any]:
    """Return the event in the JSON format."""
    value: dict[str, Any] = attributes_of(event)
    if event.data is not None:
        value["data"] = event.data
    return value


def to_json(event: CloudEvent) -> bytes:
    """Return the event in the JSON format as bytes: what is stored, and the body of structured mode."""
    return orjson.dumps(to_mapping(event))


def from_json(body: bytes) -> CloudEvent:
    """Return the event that `to_json` wrote. Raises ValueError for what it cannot have written.

    What was written had been checked: that its attributes can be an event's is not asked again.
    """
    value = orjson.loads(body)
    if not isinstance(value, dict) or not value.keys() >= _REQUIRED:
        raise ValueError("not an event that was written here")
    data = value.pop("data", None)
    if not _TEXT.issuperset(map(type, value.values())):
        raise ValueError("an attribute is no text")
    event = _built(value, data)
    if isinstance(event, NotAnEvent):
        raise ValueError(event.reason)  # noqa: TRY004 - the content is wrong, not its Python type
    return event


def encode_structured(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of structured mode: one header, cheaper than seventeen."""
    return [("content-type", f"{_STRUCTURED}; charset=utf-8")], to_json(event)


def encode_batch(events: Sequence[CloudEvent]) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of batch mode."""
    return [("content-type", f"{_BATCH}; charset=utf-8")], orjson.dumps([to_mapping(event) for event in events])


def encode_binary(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of binary mode, as the Kafka dispatcher sends; values are percent-encoded (F46)."""
    attributes = attributes_of(event)
    media = attributes.pop("datacontenttype")
    if PLAIN.fullmatch("".join(attributes.values())):  # nearly always, and one question is cheaper than seventeen
        headers = [(f"ce-{name}", value) for name, value in attributes.items()]
    else:
        headers = [(f"ce-{name}", to_header(value)) for name, value in attributes.items()]
    if event.data is None:
        return headers, b""
    # The one header whose value is never percent-encoded, as far as it can be one.
    headers.append(("content-type", media if media.isascii() and media.isprintable() else to_header(media)))
    return headers, encode_data(event)


def encode_data(event: CloudEvent) -> bytes:
    """Return the data as binary mode of any protocol carries it: JSON, or the text that it is."""
    if event.data is None:
        return b""
    if isinstance(event.data, str) and not _JSON.match(event.datacontenttype.partition(";")[0].strip().lower()):
        return event.data.encode()
    return orjson.dumps(event.data)


def _decode_binary(headers: Headers, body: bytes, limits: Limits) -> CloudEvent | NotAnEvent:
    attributes = {
        name[3:]: unquote(value, errors="replace") if "%" in value else value
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    attributes.pop("datacontenttype", None)
    return decode_attributes(attributes, headers.get("content-type", ""), body, limits)


def decode_attributes(
    attributes: dict[str, str], content_type: str, body: bytes, limits: Limits = DEFAULT
) -> CloudEvent | NotAnEvent:
    """Decode binary mode of any protocol, once its attributes have their own names; `attributes` is used up."""
    media = content_type.partition(";")[0].strip().lower()
    if content_type:
        attributes["datacontenttype"] = content_type
    data: Any = None
    if body:
        if not media or _JSON.match(media):
            data = _parse(body, limits)
            if isinstance(data, NotAnEvent):
                return data
        else:
            if len(body) > limits.body:
                return NotAnEvent(413, "too large")
            try:
                data = body.decode("utf-8")
            except UnicodeDecodeError:
                return NotAnEvent(415, "data must be JSON or UTF-8 text")
    return _build(attributes, data)


def _build(attributes: dict[str, str], data: Any) -> CloudEvent | NotAnEvent:
    problem = problem_of(attributes)
    if problem:
        return NotAnEvent(400, problem)
    # Written again it has a content type, and its time may get longer: neither may take it over a limit.
    as_it_is = "datacontenttype" in attributes and len(attributes.get("time", "")) in _TIMES
    return _built(attributes, data, ReadEvent if as_it_is else CloudEvent)


def _built(attributes: dict[str, str], data: Any, kind: type[CloudEvent] = CloudEvent) -> CloudEvent | NotAnEvent:
    """Build the event; `attributes` becomes its extensions, the core ones taken out."""
    take = attributes.pop
    said = take("time", "")
    time = parse_time(said) if said else None
    if said and time is None:
        return NotAnEvent(400, "time must be an RFC 3339 timestamp")
    take("specversion", "")
    return kind(
        id=take("id"),
        source=take("source"),
        type=take("type"),
        subject=take("subject", ""),
        time=time,
        datacontenttype=take("datacontenttype", "application/json"),
        dataschema=take("dataschema", ""),
        extensions=attributes,
        data=data,
    )


def _parse(body: bytes, limits: Limits) -> Any:
    excess = exceeded(body, limits)
    if excess is not None:
        return NotAnEvent(413 if excess == "too large" else 400, f"the JSON is refused: {excess}")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NotAnEvent(400, "the body is not valid JSON")


def _attribute_text(item: Any) -> str | None:
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    return str(item) if isinstance(item, int) else None


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()

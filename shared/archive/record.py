"""A record of a bus as one line of a segment: where it lay, when it came, and the event in the JSON format. Pure.

What somebody put on the bus that is no CloudEvent is kept as the bytes it was, with the reason: an archive that left it
out would not be whole.
"""

import base64
import binascii
from typing import Any

import orjson

from shared.bus.protocol import Record
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent, from_mapping, to_mapping
from shared.events.times import parse_time, to_text


def to_line(record: Record) -> bytes:
    """Return a record as JSON, without the end of the line."""
    value: dict[str, Any] = {"partition": record.partition, "offset": record.offset, "at": to_text(record.at)}
    if isinstance(record.event, CloudEvent):
        value["event"] = to_mapping(record.event)
    else:
        value["refused"] = {"status": record.event.status, "reason": record.event.reason}
        value["body"] = base64.b64encode(record.body).decode()
    return orjson.dumps(value)


def from_line(topic: str, line: bytes) -> Record:
    """Return the record that `to_line` wrote. Raises ValueError for what it cannot have written."""
    try:
        value = orjson.loads(line)
        partition, offset, at = value["partition"], value["offset"], parse_time(value["at"])
        event, body = _event(value)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError("it is no record of a segment") from error
    if not isinstance(partition, int) or not isinstance(offset, int) or at is None:
        raise ValueError("it is no record of a segment")
    return Record(topic, partition, offset, at, event, body)


def _event(value: dict[str, Any]) -> tuple[CloudEvent | NotAnEvent, bytes]:
    if "event" in value:
        event = from_mapping(value["event"])
        return event, orjson.dumps(value["event"])
    refused = value["refused"]
    return NotAnEvent(refused["status"], str(refused["reason"])), base64.b64decode(value["body"], validate=True)

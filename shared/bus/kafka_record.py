"""A record of Kafka as the protocol has it."""

from typing import Any

from shared.bus.codec import from_kafka
from shared.bus.protocol import Record
from shared.events.times import of_milliseconds


def record_of(one: Any) -> Record:
    """Return a consumed record as the protocol has it; aiokafka gives what was never set as None."""
    body = one.value or b""
    at = of_milliseconds(one.timestamp)
    return Record(one.topic, one.partition, one.offset, at, from_kafka(one.headers, body), body)

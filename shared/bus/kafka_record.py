"""A record of Kafka as the protocol has it."""

from datetime import UTC, datetime
from typing import Any

from shared.bus.codec import from_kafka
from shared.bus.protocol import Record


def record_of(one: Any) -> Record:
    """Return a consumed record as the protocol has it; aiokafka gives what was never set as None."""
    body = one.value or b""
    at = datetime.fromtimestamp(one.timestamp / 1000, UTC)
    return Record(one.topic, one.partition, one.offset, at, from_kafka(one.headers, body), body)

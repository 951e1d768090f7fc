"""A record of Kafka: as the protocol has it, and which partition is its key's."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from aiokafka.partitioner import murmur2

from shared.bus.codec import from_kafka
from shared.bus.protocol import Record
from shared.events.times import of_milliseconds

_KEYS = 65_536  # the objects of some clusters, in about 10 MB


def partition_of(key: bytes, partitions: Sequence[int], _available: Sequence[int]) -> int:
    """Return a key's partition as Java's client chooses it: what others write by the same key goes there too."""
    return partitions[(_hash(key) & 0x7FFFFFFF) % len(partitions)]


# In Python it takes as long as encoding the event.
_hash: Callable[[bytes], int] = lru_cache(_KEYS)(murmur2)


def record_of(one: Any) -> Record:
    """Return a consumed record as the protocol has it; aiokafka gives what was never set as None."""
    body = one.value or b""
    at = of_milliseconds(one.timestamp)
    return Record(one.topic, one.partition, one.offset, at, from_kafka(one.headers, body), body)

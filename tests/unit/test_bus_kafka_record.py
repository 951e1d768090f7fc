"""A key's partition is the one that every other client of Kafka chooses for it."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.kafka_record import partition_of

_keys = st.binary(min_size=1, max_size=200)


@given(_keys, st.integers(1, 64))
def test_a_key_goes_where_others_send_it(key: bytes, partitions: int) -> None:
    there = list(range(partitions))
    theirs = DefaultPartitioner()(key, there, there)  # type: ignore[no-untyped-call]
    assert [partition_of(key, there, there) for _ in range(2)] == [theirs, theirs]

"""Records as a bus's client gives them: whatever others wrote into them, they become the protocol's."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from aio_pika import IncomingMessage
from aiokafka import ConsumerRecord
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.bus import kafka_record, rabbitmq_record
from shared.bus.codec import to_kafka, to_rabbitmq
from shared.bus.protocol import Record
from tests.support.buses.use import event

ABSURD = [2**62, -(2**62), 10**15, 253_402_300_800_000]  # the last is the first millisecond of the year 10000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of_kafka(milliseconds: int) -> Record:
    headers, body = to_kafka(event(7))
    record: ConsumerRecord[bytes, bytes] = ConsumerRecord(
        "t", 3, 5, milliseconds, 0, b"k1", body, None, 2, len(body), headers
    )
    return kafka_record.record_of(record)


def of_rabbitmq(milliseconds: int) -> Record:
    headers, media, body = to_rabbitmq(event(7))
    properties = Basic.Properties(content_type=media, headers={**headers, rabbitmq_record.AT: milliseconds})
    header = ContentHeader(body_size=len(body), properties=properties)
    message = DeliveredMessage(Basic.Deliver("tag", 1, False, "t", ""), header, body, None)  # type: ignore[arg-type]  # noqa: FBT003 - AMQP's own order
    return rabbitmq_record.record_of("t", IncomingMessage(message))


@pytest.mark.parametrize("read", [of_kafka, of_rabbitmq])
def test_a_record_has_the_time_that_its_publisher_wrote(read: Callable[[int], Record]) -> None:
    found = read(1_772_323_200_250)
    assert (found.event, found.at) == (event(7), datetime(2026, 3, 1, 0, 0, 0, 250_000, UTC))


@pytest.mark.parametrize("milliseconds", ABSURD)
@pytest.mark.parametrize("read", [of_kafka, of_rabbitmq])
def test_a_time_that_no_date_can_have_costs_the_record_no_more_than_its_time(
    read: Callable[[int], Record], milliseconds: int
) -> None:
    found = read(milliseconds)
    assert (found.event, found.at) == (event(7), _EPOCH)

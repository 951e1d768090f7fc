"""A message of RabbitMQ as the protocol has it."""

from aio_pika.abc import AbstractIncomingMessage

from shared.bus.codec import from_rabbitmq
from shared.bus.protocol import Record
from shared.events.times import of_milliseconds

AT = "tidings-at"
"""Header: when it was published, in milliseconds since 1970. The protocol's own timestamp has whole seconds."""


def record_of(topic: str, message: AbstractIncomingMessage) -> Record:
    """Return a message; one of a queue has no offset, which is -1 then."""
    offset, at = message.headers.get("x-stream-offset"), message.headers.get(AT)
    when = of_milliseconds(at) if isinstance(at, int) else message.timestamp
    event = from_rabbitmq(message.headers, message.content_type or "", message.body)
    place = offset if isinstance(offset, int) else -1
    return Record(topic, 0, place, when or of_milliseconds(0), event, message.body)

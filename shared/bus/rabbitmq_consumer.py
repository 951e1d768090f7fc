"""One member of a group at its quorum queue.

A message whose consumers crash over it again and again goes to the exchange of dead letters after `_DELIVERIES`: the
queue counts that by itself. What is only given back is held here meanwhile, and is no such try.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pamqp.common import FieldTable

from shared.bus.held import Held
from shared.bus.protocol import BusUnavailableError, Delivery, deadline
from shared.bus.rabbitmq_link import TROUBLE, RabbitmqLink, ended, unavailable
from shared.bus.rabbitmq_record import record_of
from shared.bus.troubles import Troubles

DEAD_LETTERS = "dead-letters"

_Item = tuple[AbstractIncomingMessage, AbstractChannel]
"""A message, and the channel by which it came."""

_log = logging.getLogger("tidings.bus")

_PAUSE_SECONDS = 0.5
_DELIVERIES = 20
_QUEUE: FieldTable = {
    "x-queue-type": "quorum",
    "x-delivery-limit": _DELIVERIES,
    "x-dead-letter-exchange": DEAD_LETTERS,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # without it, dead letters go at most once
}


class GroupConsumer:
    """A channel of its own; when it breaks, another one, and what was not ended comes again there."""

    def __init__(self, link: RabbitmqLink, topic: str, group: str, in_flight: int) -> None:
        self._link = link
        self._topic = topic
        self._name = queue_of(topic, group)
        self._held: Held[_Item] = Held(in_flight, self._is_ours)
        self._channel: AbstractChannel | None = None
        self._troubles = Troubles()

    async def open(self) -> None:
        """Make the group's queue where it is not there, and begin to consume."""
        channel = await (await self._link.connection()).channel()
        async with contextlib.AsyncExitStack() as failed:
            failed.push_async_callback(ended, channel)
            await channel.set_qos(self._held.most)
            exchange = await channel.declare_exchange(self._topic, ExchangeType.FANOUT, durable=True, passive=True)
            queue = await channel.declare_queue(self._name, durable=True, arguments=_QUEUE)
            await queue.bind(exchange)
            await queue.consume(partial(self._came, channel))
            failed.pop_all()
        self._channel = channel

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Iterate for ever."""
        while True:
            while (given := self._held.give()) is not None:
                yield self._delivery(*given)
            if self._channel is None or self._channel.is_closed:
                await self._open_again()
            else:
                await self._held.change()

    async def leave(self) -> None:
        """Close the channel: what has not ended goes back to the queue."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await ended(channel)

    async def _open_again(self) -> None:
        try:
            async with deadline():
                await self.open()
        except (*TROUBLE, BusUnavailableError) as error:
            why = str(unavailable(error))
            if self._troubles.is_new(why):
                _log.warning("%s cannot be consumed now: %s", self._topic, why)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _came(self, channel: AbstractChannel, message: AbstractIncomingMessage) -> None:
        before = message.headers.get("x-delivery-count", 0)
        self._held.add((message, channel), 1 + (before if isinstance(before, int) else 0))

    def _is_ours(self, item: _Item) -> bool:
        """Return False for one of a channel that is closed: the queue gives it again, to anybody."""
        return not item[1].is_closed

    def _delivery(self, item: _Item, tries: int) -> Delivery:
        message, _ = item

        async def end() -> bool:
            with contextlib.suppress(*TROUBLE):
                await message.ack()
                return True
            return False

        return self._held.delivery(record_of(self._topic, message), item, tries, end)


def queue_of(topic: str, group: str) -> str:
    """Return the name of a group's queue."""
    return f"{topic}.{group}"

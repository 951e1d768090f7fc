"""Publishing to RabbitMQ: confirmed means that it is in the stream.

Two things that RabbitMQ does would break that, and both were seen to lose what it had confirmed:

- After a start it takes what is published as soon as any queue of the exchange is back. Where a group's is and the
  stream is not, the group gets it and the archive never. So a channel is only made once the stream is there.
- Until 4.0 (its pull request 12236) it counts apart what came by a channel and what of that went to a stream, and where
  the stream's leader changes it sends again by the wrong count: the same number of later events is then taken for
  repetitions, which are confirmed and dropped. So each topic has its own channel, on which both counts are the same;
  once something came back on it, they are not, and what is still under way there is not taken for kept.
"""

import asyncio

from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from shared.bus.protocol import BusUnavailableError, Kept, Published, Refused, deadline
from shared.bus.rabbitmq_link import RabbitmqLink, ended

_NOT_READY = "the topic has no queue that takes it now"
_NEVER_MADE = "no queue"
"""How a refusal says that there is no such queue; of one that has yet to come back it names the node or the process."""


class Publisher:
    """The channels by which one process publishes, one for each topic."""

    def __init__(self, link: RabbitmqLink) -> None:
        self._link = link
        self._channels: dict[str, AbstractChannel] = {}
        self._making = asyncio.Lock()

    async def publish(self, topic: str, message: Message) -> Published:
        """Return once all queues of the topic have confirmed it. Raises BusUnavailableError, and `TROUBLE`."""
        channel = await self._channel(topic)
        if channel is None:
            return Refused("no topic")
        exchange = await channel.get_exchange(topic, ensure=False)
        try:
            await exchange.publish(message, "", mandatory=True)
        except PublishError as error:
            # No queue would have it: after a start, its stream has no leader yet. Nothing says that it is for good.
            await self._give_up(topic, channel)
            raise BusUnavailableError(_NOT_READY) from error
        except DeliveryError:  # a queue of it has a limit, set by somebody else, and is at it
            return Refused("full")
        except ChannelAccessRefused:
            return Refused("not allowed")
        if self._channels.get(topic) is not channel:
            raise BusUnavailableError("RabbitMQ sent back what was published just before")
        return Kept()

    async def _channel(self, topic: str) -> AbstractChannel | None:
        """Return the topic's channel, None where there is no such topic."""
        # To publish to an exchange that is not there closes the channel, and with it what others wait for.
        connection = await self._link.connection()
        async with self._making:
            channel = self._channels.get(topic)
            if channel is None or channel.is_closed:
                self._channels.pop(topic, None)
                if not await self._is_ready(topic):
                    return None
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                self._channels[topic] = channel
        return channel

    async def _is_ready(self, topic: str) -> bool:
        """Return False where there is no such topic. Raises BusUnavailableError while its stream is not back."""
        if not await self._link.has_exchange(topic):
            return False
        try:
            async with self._link.channel() as channel, deadline():
                await channel.declare_queue(topic, passive=True)
        except ChannelNotFoundEntity as error:
            if _NEVER_MADE not in str(error):  # an exchange of others may have any queues
                raise BusUnavailableError(_NOT_READY) from error
        return True

    async def _give_up(self, topic: str, channel: AbstractChannel) -> None:
        if self._channels.get(topic) is channel:
            del self._channels[topic]
            await ended(channel)

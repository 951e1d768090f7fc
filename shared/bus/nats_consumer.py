"""One member of a group at a durable pull consumer: it asks for as many as it may have, and for no more.

What it has is its own for as long as it lives and says so: events may wait here for their turn, or for a destination
that asked for patience, and longer than the server would leave them to one who is silent.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from nats import errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from shared.bus.codec import from_nats
from shared.bus.nats_link import NatsLink, unavailable
from shared.bus.protocol import BusUnavailableError, Delivery, Record
from shared.bus.troubles import Troubles

_log = logging.getLogger("tidings.bus")

_FETCH_SECONDS = 2.0
_PAUSE_SECONDS = 0.5
_PAGE = 32
_MAX_ACK_PENDING = 10_000


class GroupConsumer:
    """Built for one subscription of one topic."""

    def __init__(self, link: NatsLink, topic: str, group: str, ack_seconds: float) -> None:
        self._link = link
        self._topic = topic
        self._ack_seconds = ack_seconds
        self._config = api.ConsumerConfig(
            durable_name=group,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ack_seconds,
            max_ack_pending=_MAX_ACK_PENDING,
        )
        self._source: JetStreamContext.PullSubscription | None = None
        self._mine: dict[int, tuple[Msg, float]] = {}  # with when it was given
        self._ended = asyncio.Event()
        self._left = False
        self._troubles = Troubles()
        self._keeping = asyncio.create_task(self._keep_for_ever())

    async def bind(self) -> JetStreamContext.PullSubscription:
        """Make the group where it is not there, and a subscription of ours to it, the only one of this consumer."""
        await self._unbind()
        stream = await self._link.jetstream()
        await stream.add_consumer(self._topic, self._config)
        group = self._config.durable_name
        self._source = await stream.pull_subscribe_bind(consumer=group, stream=self._topic)
        return self._source

    async def deliveries(self, in_flight: int) -> AsyncIterator[Delivery]:
        """Iterate for ever; at most so many have not ended."""
        while not self._left:
            if len(self._mine) >= in_flight:
                self._ended.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_FETCH_SECONDS):
                        await self._ended.wait()
                self._forget()
                continue
            page = await self._fetch(in_flight - len(self._mine))
            for delivery in [self._delivery(message) for message in page]:  # all are in hand from now on
                yield delivery

    async def leave(self) -> None:
        """Give back what has not ended, so that the others need not wait for it."""
        self._left = True
        self._keeping.cancel()
        with contextlib.suppress(OSError, errors.Error, TimeoutError):
            for message, _ in self._mine.values():
                await message.nak()
        await self._unbind()

    async def _unbind(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with contextlib.suppress(OSError, errors.Error, TimeoutError):
                await source.unsubscribe()

    async def _fetch(self, most: int) -> list[Msg]:
        try:
            client = await self._link.client()
            source = self._source
            if source is None or source._nc is not client:  # noqa: SLF001 - it was made for a connection that ended
                source = await self.bind()
            with contextlib.suppress(TimeoutError):  # nothing new, or the connection broke: then the next try says so
                return await source.fetch(min(most, _PAGE), timeout=_FETCH_SECONDS)
        except (OSError, errors.Error, BusUnavailableError) as error:
            why = str(unavailable(error))
            if self._troubles.is_new(why):
                _log.warning("%s cannot be consumed now: %s", self._topic, why)
            await self._unbind()
            await asyncio.sleep(_PAUSE_SECONDS)
        return []

    def _delivery(self, message: Msg) -> Delivery:
        place = message.metadata.sequence.consumer
        self._mine[place] = (message, time.monotonic())

        def end() -> bool:
            self._ended.set()
            return self._mine.pop(place, None) is not None

        async def ack() -> bool:
            with contextlib.suppress(OSError, errors.Error):
                await message.ack()
                return end()
            end()
            return False

        async def again(after: float) -> None:
            if end():
                with contextlib.suppress(OSError, errors.Error):  # else it comes again by itself
                    await message.nak(delay=after or None)

        return Delivery(record_of(self._topic, message), message.metadata.num_delivered, ack, again)

    async def _keep_for_ever(self) -> None:
        """Tell the server of each that is still in hand, well before its time is over."""
        while True:
            await asyncio.sleep(self._ack_seconds / 3)
            for place, (message, _) in list(self._mine.items()):
                with contextlib.suppress(OSError, errors.Error):
                    if message._client.is_connected:  # noqa: SLF001 - else it would wait there, and count as said
                        await message.in_progress()
                        if place in self._mine:
                            self._mine[place] = (message, time.monotonic())

    def _forget(self) -> None:
        """Forget what the server gives again by now: its time is over, whoever has it."""
        before = time.monotonic() - self._ack_seconds
        self._mine = {place: kept for place, kept in self._mine.items() if kept[1] > before}


def record_of(topic: str, message: Msg) -> Record:
    """Return a message of a stream as the protocol has it."""
    meta = message.metadata
    event = from_nats(message.headers, message.data)
    return Record(topic, 0, meta.sequence.stream, meta.timestamp, event, message.data)

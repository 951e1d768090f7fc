"""One member of a Kafka group: what it holds, what comes again, and how far each of its partitions is.

Kafka commits one offset for each partition, and knows no single event: so what is given back waits here, in memory, and
what is committed is the lowest offset that has not ended. After a crash everything from there on comes again. Where all
has ended it is how far was read: a transaction of others leaves offsets that no record has.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from shared.bus.held import Held
from shared.bus.kafka_link import unavailable
from shared.bus.kafka_record import record_of
from shared.bus.progress import Progress
from shared.bus.protocol import Delivery
from shared.bus.troubles import Troubles

_Item = tuple[Any, Progress]
"""A record, and its partition's progress as long as that is ours."""

_log = logging.getLogger("tidings.bus")

_PAUSE_SECONDS = 0.5
_COMMIT_SECONDS = 0.2
_COMMIT_DEADLINE = 5.0
_PAGE = 200
_REBALANCE = (
    CommitFailedError,
    RebalanceInProgressError,
    IllegalGenerationError,
    IllegalStateError,
    UnknownMemberIdError,
)


class GroupConsumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Built around a consumer that was not started yet; it subscribes it."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, in_flight: int) -> None:
        self._consumer = consumer
        self._topic = topic
        self._progress: dict[TopicPartition, Progress] = {}
        self._held: Held[_Item] = Held(in_flight, self._is_ours)
        self._committed: dict[TopicPartition, int] = {}
        self._settled: set[TopicPartition] = set()
        """What is ours for sure: from the word that it goes on, what was fetched of it counts for nothing."""
        self._troubles = Troubles()
        self._committing = asyncio.create_task(self._commit_for_ever())
        consumer.subscribe([topic], listener=self)

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Iterate for ever. Raises BusUnavailableError for what another consumer may get over, and this one cannot."""
        while True:
            while (given := self._held.give()) is not None:
                yield self._delivery(*given)
            if (room := self._held.room()) > 0:
                await self._fetch(min(room, _PAGE))
            else:
                await self._held.change()

    async def leave(self) -> None:
        """Commit what has ended, and nothing after."""
        self._committing.cancel()
        await self._commit(self._consumer.assignment())

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Commit how far they are, and forget what of them has not ended: others are given it."""
        gone = set(revoked)
        await self._commit(gone)
        self._settled -= gone
        for place in gone:
            self._progress.pop(place, None)
            self._committed.pop(place, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note that they are ours; their first record says where they begin, and may have come before that."""
        self._settled.update(assigned)

    async def _fetch(self, most: int) -> None:
        try:
            found = await self._consumer.getmany(timeout_ms=int(self._held.pause() * 1000), max_records=most)
        except KafkaError as error:
            if not error.retriable:
                raise unavailable(error) from error  # nor would a later try of this client fare better
            if self._troubles.is_new(type(error).__name__):
                _log.warning("%s cannot be consumed now: %s", self._topic, unavailable(error))
            await asyncio.sleep(_PAUSE_SECONDS)
            return
        for place, records in found.items():
            progress = self._progress.setdefault(place, Progress(records[0].offset))
            for one in records:
                progress.begin(one.offset)
                self._held.add((one, progress), 1)

    def _is_ours(self, item: _Item) -> bool:
        """Return False where its partition has gone to somebody else meanwhile."""
        one, progress = item
        return self._progress.get(TopicPartition(one.topic, one.partition)) is progress

    def _delivery(self, item: _Item, tries: int) -> Delivery:
        one, progress = item

        async def end() -> bool:
            return progress.end(one.offset)

        return self._held.delivery(record_of(one), item, tries, end)

    async def _commit_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_SECONDS)
            await self._commit(self._consumer.assignment())

    async def _commit(self, places: Iterable[TopicPartition]) -> None:
        """Commit how far these are, where that is news."""
        try:
            async with asyncio.timeout(_COMMIT_DEADLINE):
                ours = self._consumer.assignment()  # one that is not would have all of them refused
                lows = {place: await self._low(place) for place in places if place in ours & self._settled}
                known = {place: low for place, low in lows.items() if low is not None}
                news = {place: low for place, low in known.items() if self._committed.get(place) != low}
                if news:
                    await self._consumer.commit(news)
                    self._committed |= news
        except (OSError, KafkaError, TimeoutError) as error:
            # What was not committed comes again; a rebalance that is under way is no trouble.
            if not isinstance(error, _REBALANCE) and self._troubles.is_new(f"commit: {type(error).__name__}"):
                _log.warning("how far a group of %s is cannot be committed now: %s", self._topic, unavailable(error))

    async def _low(self, place: TopicPartition) -> int | None:
        """Return the lowest offset that is still needed; what was fetched up to the position has been noted by now.

        None where the position is not known: it is waited for by nobody, for a partition may be without a leader for
        days, and the others are committed meanwhile.
        """
        progress = self._progress.get(place)
        if progress is not None and progress.open:
            return progress.low()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):  # what is known is told without waiting
                position: int = await self._consumer.position(place)
                return position
        return None

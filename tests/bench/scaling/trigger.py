"""A Trigger of the Kafka Broker: consumers that take records from partitions and hand them to a function.

As the dispatcher does it (its UnorderedConsumerVerticle and OrderedConsumerVerticle, read in its sources): an
unordered consumer asks for up to `max.poll.records` more while fewer than so many are in flight, so that there may be
nearly twice as many; an ordered one has one record of each partition in flight. A record that waits for its next try is
in flight all the while.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.bench.scaling.clock import Clock
from tests.bench.scaling.record import Delivery, Record
from tests.bench.scaling.service import Service

IN_FLIGHT = 50


@dataclass(frozen=True, slots=True)
class Spec:
    """What a Trigger says: how often to try again, how long to wait, and whether a partition keeps its order.

    Linear: delay, 2 x delay, …; exponential: 2 x delay, 4 x delay, …; seconds.
    """

    retry: int = 100
    backoff: Literal["linear", "exponential"] = "linear"
    delay: float = 10.0
    ordered: bool = False

    def wait(self, tries: int) -> float:
        """Return the seconds before the next try, after so many."""
        return self.delay * (tries if self.backoff == "linear" else 2.0**tries)


@dataclass(slots=True)
class _Consumer:
    """What waits at one consumer, or (ordered) in one partition, and how many are in flight."""

    waiting: deque[Record]
    flying: int = 0


class Trigger:
    """The Trigger while it runs: `offered`, `taken` and `dead` are counted, `lag` is what is not done with."""

    def __init__(  # noqa: PLR0913 -- what a Trigger is made of
        self,
        clock: Clock,
        service: Service,
        spec: Spec,
        done: Callable[[Record], None],
        *,
        partitions: int,
        consumers: int = 1,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self.offered = self.taken = self.dead = 0
        self.service = service
        self._clock = clock
        self._spec = spec
        self._done = done
        self._most = 1 if spec.ordered else in_flight
        self._consumers = [
            _Consumer(deque()) for _ in range(partitions if spec.ordered else min(consumers, partitions))
        ]

    @property
    def lag(self) -> int:
        """Return how many records are not done with: they wait, are in flight, or wait for another try."""
        return self.offered - self.taken - self.dead

    @property
    def flying(self) -> int:
        """Return how many are in flight."""
        return sum(consumer.flying for consumer in self._consumers)

    @property
    def room(self) -> int:
        """Return with how many in flight no consumer asks for more."""
        return self._most * len(self._consumers)

    def offer(self, record: Record) -> None:
        """Take a record that passes the filter."""
        self.offered += 1
        consumer = self._consumers[record.partition % len(self._consumers)]
        consumer.waiting.append(record)
        self._poll(consumer)

    def _poll(self, consumer: _Consumer) -> None:
        if consumer.flying >= self._most:
            return
        for _ in range(min(self._most, len(consumer.waiting))):
            consumer.flying += 1
            record = consumer.waiting.popleft()
            self.service.request(Delivery(record, self._answered))

    def _answered(self, delivery: Delivery, ok: bool) -> None:  # noqa: FBT001 -- an answer
        record = delivery.record
        delivery.tries += 1
        if not ok and delivery.tries <= self._spec.retry:
            delivery.left = record.calls
            self._clock.after(self._spec.wait(delivery.tries), self.service.request, delivery)
            return
        if ok:
            self.taken += 1
            self._done(record)
        else:
            self.dead += 1
        consumer = self._consumers[record.partition % len(self._consumers)]
        consumer.flying -= 1
        self._poll(consumer)

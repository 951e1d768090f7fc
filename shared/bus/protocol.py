"""The bus protocol: what keeps events for days, gives them to groups of consumers, and gives them all again.

Small on purpose: what NATS JetStream, Kafka, RabbitMQ and one SQLite file can all promise. Where one cannot, its
`Abilities` say so. Nothing here promises an order among several consumers of a group: the snapshots that Tidings sends
need none (architecture.md §6).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent

MAX_RECORD = 1_048_576
"""Bytes of an event on the wire, where the bus itself has no lower limit."""

MAX_IN_FLIGHT = 32 * 1024 * 1024
"""Bytes of events whose acknowledgement is being waited for; beyond it publishing is refused as full."""

SECONDS = 10.0
"""Most seconds of one call, however many tries a client makes of it."""

FOR_EVER = -1
"""Seconds of retention of a topic that forgets nothing by time."""

Reason = Literal["full", "too large", "invalid", "no topic", "not allowed"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The bus has the event, as durably as its settings say; `duplicate`: it had it before, by its id.

    `offset` is its place in its partition; None where the bus does not say (RabbitMQ).
    """

    partition: int = 0
    offset: int | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The bus will not have it. Only what was `full` is of use to send again."""

    reason: Reason


Published = Kept | Refused


class BusUnavailableError(Exception):
    """The bus cannot be asked now; what was asked may or may not have happened. The text shows no secrets."""


def unavailable(bus: str, error: Exception) -> BusUnavailableError:
    """Return what to raise for what the client of a bus raised."""
    if isinstance(error, BusUnavailableError):
        return error
    if isinstance(error, TimeoutError):
        return BusUnavailableError(f"{bus} did not answer in time")
    return BusUnavailableError(f"{bus} cannot be asked now ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one bus promises beyond the protocol, or cannot: for docs, `doctor` and those who choose.

    `dedupe`: the same event published again within the topic's window is kept once. `limit`: a topic that is full
    refuses; else it drops what is oldest. `order`: the events of one partition key go to one consumer of a group at a
    time, in order. `early`: a group gets also what was published before it existed. `change`: what a topic keeps can be
    asked and changed after it was made.
    """

    dedupe: bool
    limit: bool
    order: bool
    early: bool
    change: bool


class Record(NamedTuple):
    """An event as the bus keeps it. `event` says why where what others put there is none, `body` is what it was.

    A named tuple, as its event is: one is built for each.
    """

    topic: str
    partition: int
    offset: int
    at: datetime
    """When it was published, by the bus's clock or the publisher's, to the millisecond."""
    event: CloudEvent | NotAnEvent
    body: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Where reading begins: at the first event published at `since` or later, or behind a place for each partition.

    Neither: at the oldest. A reader that keeps `after[record.partition] = record.offset` can go on where it ended.
    """

    since: datetime | None = None
    after: Mapping[int, int] = field(default_factory=dict)


OLDEST = Start()


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """An event that one consumer of a group was given, and must end. What is not ended comes again, to any of them.

    `tries` counts how often it was given as far as the bus knows, from 1 on.
    """

    record: Record
    tries: int
    _ack: Callable[[], Awaitable[bool]]
    _again: Callable[[float], Awaitable[None]]

    async def ack(self) -> bool:
        """End it; durable within a second. False where it was no longer ours, and so will be given again."""
        return await self._ack()

    async def again(self, after: float = 0.0) -> None:
        """Have it given again, to any consumer of the group, after so many seconds at the earliest."""
        await self._again(after)


Deliveries = AbstractAsyncContextManager[AsyncIterator[Delivery]]


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the topology: what a bus is to make of it.

    `partitions` matter to Kafka alone. `seconds` of retention. `max_bytes` bounds the whole topic; None leaves it to
    the disk, and to whoever has set a bound on a server. `replicas`: that many at least. `window`: seconds within which
    a bus that can tells the same event from a new one.
    """

    name: str
    partitions: int = 1
    seconds: int = 7 * 86_400
    max_bytes: int | None = None
    replicas: int = 1
    window: int = 120


@dataclass(frozen=True, slots=True)
class State:
    """What a bus says of a topic. `first` and `last`: when the oldest and newest came, None where it does not say."""

    topic: Topic
    events: int
    size: int | None = None
    first: datetime | None = None
    last: datetime | None = None


class Readable(Protocol):
    """What can be read: a bus, or an archive of one."""

    def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        """Iterate from `start` to what is the end now, in the order of each partition; of one partition key, if given.

        Nothing is ended or acknowledged by it. Raises BusUnavailableError.
        """

    async def describe(self, name: str) -> State | None:
        """Return what there is, or None. Raises BusUnavailableError."""

    async def close(self) -> None:
        """End it."""


class Bus(Readable, Protocol):
    """One bus. Its connection is made by the first call and again whenever it broke; every call has a deadline."""

    abilities: Abilities

    async def publish(self, topic: str, event: CloudEvent) -> Published:
        """Return once the bus has it for good. Many calls at a time share round trips. Raises BusUnavailableError."""

    def consume(self, topic: str, group: str, *, in_flight: int = 64) -> Deliveries:
        """Take part in a group, as one that has at most so many deliveries at a time that have not ended.

        The iteration goes on for ever, over restarts of the bus. Raises BusUnavailableError at its start.
        """

    async def behind(self, topic: str, group: str) -> int:
        """Return how many events a group has still to end; of one that is not there, how many it would be given.

        RabbitMQ leaves out what a consumer was given, and Kafka counts what is no record, too: where it is 0, there is
        nothing to wait for. Raises BusUnavailableError.
        """

    async def ensure(self, topic: Topic) -> list[str]:
        """Make the topic, or change what can be changed; return in words what was done, empty where all was right.

        Raises BusUnavailableError.
        """

    async def close(self) -> None:
        """End it; what was published and not answered may or may not be there."""


class Room:
    """Bytes on their way to the bus: bounded, so that a slow bus is an answer to the sender and no heap of events."""

    def __init__(self, most: int = MAX_IN_FLIGHT) -> None:
        self._left = most

    def take(self, size: int) -> bool:
        """Return False where it does not fit now."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Have it again."""
        self._left += size


def deadline(seconds: float = SECONDS) -> asyncio.Timeout:
    """Return what ends a call that takes too long, with TimeoutError."""
    return asyncio.timeout(seconds)

"""NATS JetStream: a stream for each topic, a subject for each partition key, a durable pull consumer for each group.

What a stream acknowledges is on its way to the disk, and there within `sync_interval` (2 minutes, unless the server
says otherwise): with three replicas a machine may go, on one server a loss of power may cost that much.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import orjson
from nats import errors
from nats.aio.client import Client
from nats.js import api
from nats.js import errors as refusals

from shared.bus.codec import UNWRITABLE, key_of, message_id, to_nats, token
from shared.bus.nats_consumer import GroupConsumer
from shared.bus.nats_link import NatsLink, unavailable
from shared.bus.nats_publisher import Publisher, head_of
from shared.bus.nats_reader import records
from shared.bus.protocol import (
    FOR_EVER,
    OLDEST,
    SECONDS,
    Abilities,
    BusUnavailableError,
    Delivery,
    Kept,
    Published,
    Record,
    Refused,
    Room,
    Start,
    State,
    Topic,
)
from shared.events.cloudevent import CloudEvent
from shared.events.times import parse_time
from shared.settings.nats import NatsSettings

_ACK_SECONDS = 60.0
_NANO = 1_000_000_000
_UNBOUNDED = -1
_ID, _EXPECTED = api.Header.MSG_ID.value, api.Header.EXPECTED_STREAM.value
_NO_STREAM = 10059
_TOO_LARGE = frozenset({10054})
_FULL = frozenset({10023, 10028, 10047, 10076, 10077, 10122})
"""Error codes of the server (errors.json of nats-server): no resources, storage or place left in the stream."""


class NatsBus:
    """A bus of streams. `ack_seconds`: how long a delivery may go without its end before it is given again."""

    abilities = Abilities(dedupe=True, limit=True, order=False, early=True, change=True)

    def __init__(self, settings: NatsSettings, *, ack_seconds: float = _ACK_SECONDS) -> None:
        self._publisher = Publisher()
        self._link = NatsLink(settings, self._publisher.end)
        self._ack_seconds = ack_seconds
        self._room = Room()
        self._subjects: dict[str, str] = {}
        """By which subjects a stream is written that has others than ours."""

    async def publish(self, topic: str, event: CloudEvent) -> Published:
        """Return once the stream has it."""
        try:
            headers, body = to_nats(event)
        except UNWRITABLE:
            return Refused("invalid")
        headers[_ID] = message_id(event)
        headers[_EXPECTED] = topic
        head = head_of(headers)
        size = len(head) + len(body)
        client = await self._link.client()
        if size > client.max_payload:
            return Refused("too large")
        if not self._room.take(size):
            return Refused("full")
        try:
            made = await self._sent(client, topic, token(key_of(event)), head, body)
        except refusals.APIError as error:
            return _refusal(error)
        except (OSError, errors.Error, TimeoutError) as error:
            raise unavailable(error) from error
        finally:
            self._room.give_back(size)
        return Refused("no topic") if made is None else Kept(offset=made["seq"], duplicate=made.get("duplicate", False))

    async def _sent(self, client: Client, topic: str, key: str, head: bytes, body: bytes) -> Mapping[str, Any] | None:
        """Return the stream's acknowledgement, None where there is no such stream."""
        subjects = self._subjects.get(topic) or f"{topic}.>"
        try:
            return await self._publisher.publish(client, _subject(subjects, key), head, body)
        except errors.NoRespondersError:
            theirs = await self._other_subjects(topic, subjects)
        return None if theirs is None else await self._publisher.publish(client, _subject(theirs, key), head, body)

    @asynccontextmanager
    async def consume(self, topic: str, group: str, *, in_flight: int = 64) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Take part in a group, over restarts of the server."""
        consumer = GroupConsumer(self._link, topic, group, self._ack_seconds)
        try:
            try:
                await consumer.bind()
            except (OSError, errors.Error, TimeoutError) as error:
                raise unavailable(error) from error
            yield consumer.deliveries(in_flight)
        finally:
            await consumer.leave()

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        """Iterate what is there now, by a consumer of its own that the server forgets."""
        try:
            async with aclosing(records(self._link, topic, start, f"{topic}.{token(key)}" if key else None)) as found:
                async for record in found:
                    yield record
        except (OSError, errors.Error, TimeoutError) as error:
            raise unavailable(error) from error

    async def behind(self, topic: str, group: str) -> int:
        """Return what the consumer has pending, and what of it waits for its acknowledgement."""
        try:
            stream = await self._link.jetstream()
            try:
                info = await stream.consumer_info(topic, group, timeout=SECONDS)
            except refusals.NotFoundError:
                found = await self._info(topic)
                return 0 if found is None else int(found["state"]["messages"])
        except (OSError, errors.Error, TimeoutError) as error:
            raise unavailable(error) from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def ensure(self, topic: Topic) -> list[str]:
        """Make the stream, or change what differs."""
        wanted = stream_of(topic)
        try:
            info = await self._info(topic.name)
            stream = await self._link.jetstream()
            if info is None:
                await stream.add_stream(wanted)
                return ["made"]
            found = api.StreamConfig.from_response(info["config"])
            wanted = _at_least(wanted, found)
            names = ("subjects", "max_age", "max_bytes", "num_replicas", "duplicate_window", "discard")
            pairs = {name: (getattr(found, name), getattr(wanted, name)) for name in names}
            changes = {name: new for name, (old, new) in pairs.items() if old != new}
            if changes:
                await stream.update_stream(found.evolve(**changes))
        except (OSError, errors.Error, TimeoutError) as error:
            raise unavailable(error) from error
        return [f"{name}: {pairs[name][0]} to {new}" for name, new in changes.items()]

    async def describe(self, name: str) -> State | None:
        """Return what the server says of the stream."""
        try:
            info = await self._info(name)
        except (OSError, errors.Error, TimeoutError) as error:
            raise unavailable(error) from error
        if info is None:
            return None
        config, state = info["config"], info["state"]
        topic = Topic(
            name,
            partitions=0,
            seconds=config.get("max_age", 0) // _NANO or FOR_EVER,
            max_bytes=config["max_bytes"] if config.get("max_bytes", -1) > 0 else None,
            replicas=config["num_replicas"],
            window=config.get("duplicate_window", 0) // _NANO,
        )
        there = state["messages"] > 0
        first, last = ((parse_time(state[end]) if there else None) for end in ("first_ts", "last_ts"))
        return State(topic, state["messages"], state["bytes"], first, last)

    async def close(self) -> None:
        """End the connection."""
        await self._link.close()

    async def _info(self, name: str) -> Mapping[str, Any] | None:
        """Return what the server says of a stream as it says it: nats-py leaves the times out."""
        client = await self._link.client()
        async with self._link.within():
            answer = orjson.loads((await client.request(f"$JS.API.STREAM.INFO.{name}", timeout=SECONDS)).data)
        if "error" in answer:
            if answer["error"].get("err_code") == _NO_STREAM:
                return None
            raise refusals.APIError.from_error(answer["error"])
        found: Mapping[str, Any] = answer
        return found

    async def _other_subjects(self, topic: str, tried: str) -> str | None:
        """Return by which subjects a stream of others is written, where nobody answered to those that were tried.

        None where there is no such stream. Raises BusUnavailableError where nobody answers for it just now, as while a
        cluster elects.
        """
        found = await self._info(topic)
        if found is None:
            return None
        subjects, ours = found["config"].get("subjects") or [topic], f"{topic}.>"
        theirs: str = ours if ours in subjects else subjects[0]
        if theirs == tried:
            raise BusUnavailableError("the stream has nobody who answers for it now")
        self._subjects[topic] = theirs
        return theirs


def stream_of(topic: Topic) -> api.StreamConfig:
    """Return the stream of a topic."""
    return api.StreamConfig(
        name=topic.name,
        subjects=[topic.name, f"{topic.name}.>"],  # the bare name is what others publish to
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW,  # a full stream refuses: what it had accepted is not dropped for it
        max_age=float(topic.seconds),
        max_bytes=topic.max_bytes if topic.max_bytes is not None else _UNBOUNDED,
        num_replicas=topic.replicas,
        duplicate_window=float(topic.window),
        allow_direct=True,
    )


def _at_least(wanted: api.StreamConfig, found: api.StreamConfig) -> api.StreamConfig:
    """Return what is wanted of a stream that is there: nobody's replicas are taken away, nor a bound that we lack."""
    replicas = max(wanted.num_replicas or 1, found.num_replicas or 1)
    unbounded = wanted.max_bytes == _UNBOUNDED
    return wanted.evolve(num_replicas=replicas, max_bytes=found.max_bytes if unbounded else wanted.max_bytes)


def _subject(subjects: str, key: str) -> str:
    """Return the subject for a key among those that a stream takes, as `topic.>`, `a.*.b`, or one alone."""
    return ".".join([key if part in {">", "*"} else part for part in subjects.split(".")])


def _refusal(error: refusals.APIError) -> Refused:
    if error.err_code in _FULL:
        return Refused("full")
    if error.err_code in _TOO_LARGE:
        return Refused("too large")
    if error.err_code == _NO_STREAM:
        return Refused("no topic")
    raise BusUnavailableError(f"the stream does not take it now (NATS error {error.err_code})") from error

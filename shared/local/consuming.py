"""`tidings serve FUNCTION --source BUS`: a function as a plain consumer, with the Broker's rules but without one.

Each event goes through the function's own edge. The answer means what it means to the Broker (`broker.answer`): done
with, try again later, or a dead letter; a reply goes to its topic of the bus. An event is acknowledged only after that.
"""

import asyncio
import contextlib
import logging
import uuid
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from weakref import WeakValueDictionary

from shared.bus.codec import key_of
from shared.bus.coming import Coming
from shared.bus.names import misnamed
from shared.bus.protocol import Bus, BusUnavailableError, Delivery, Kept, Refused
from shared.bus.registry import BUSES, open_bus
from shared.bus.topology import CHANGES, KUBERNETES, SECURITY, topic_of
from shared.bus.troubles import Troubles
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.codec import NotAnEvent
from shared.local.beside import Beside
from shared.local.broker.answer import Ended, Failed, judge
from shared.local.broker.caller import EdgeCaller
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.filters import Test
from shared.local.broker.records import Letter
from shared.local.consumed import Counts
from shared.local.posting import Poster
from shared.local.selection import selection
from shared.runtime.asgi import App
from shared.runtime.edge import Edge
from shared.runtime.hosts import StartError
from shared.settings.environment import SettingsError

_LOG = logging.getLogger("tidings.consumer")
_IN_FLIGHT: Final = 50  # as many as a Trigger has
_LOOK_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 1.0
_SLOWEST: Final = 6  # tries after which a pause grows no longer
_DRAIN_SECONDS: Final = 25.0  # what the edge gives an event, and some more
_PAYLOADS: Final = "/events"
_LEFT_OUT: Final = "its data is left out, which is too large for a letter"
_DEFAULT_TOPICS: Final = f"{KUBERNETES},{SECURITY},{CHANGES}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is consumed, by which group, which of it, and how often it is tried.

    `path` is where the function takes what is no CloudEvent: a producer's own payload. Empty: nowhere.
    """

    name: str
    topics: tuple[str, ...]
    group: str
    passes: Test
    delivery: DeliverySpec
    path: str = ""
    tick: float = 0.0
    """Seconds between two ticks; 0 for a function that has nothing due."""


def around(app: App, edge: Edge, options: Namespace, environ: Mapping[str, str]) -> App:
    """Return the app with a consumer that lives as long as it does. Raises StartError."""
    if options.source not in BUSES:
        raise StartError([f"--source: there is no {options.source}: use one of {', '.join(BUSES)}"], code=2)
    passes = selection(options.filter)
    if isinstance(passes, list):
        raise StartError([f"--filter: {one.message}: {one.suggestion}" for one in passes], code=2)
    if options.path and not edge.takes("POST", options.path):
        raise StartError([f"--path: {options.function} takes no payloads at {options.path}"], code=2)
    try:
        bus = open_bus(options.source, environ)
    except SettingsError as error:
        raise StartError(error.problems) from None
    kafkas = environ.get("KAFKA_TOPICS", "") if options.source == "kafka" else ""
    if not (options.topics or kafkas) and edge.takes("POST", _PAYLOADS):
        wanted = f"--topics: {options.function} takes what others put on a bus: name their topics"
        raise StartError([wanted], code=2)  # ours would go round in a circle
    topics = (options.topics or kafkas or _DEFAULT_TOPICS).split(",")
    name = options.function.replace("-", "_")
    terms = Terms(
        name=name,
        topics=tuple(dict.fromkeys(topic.strip() for topic in topics if topic.strip())),
        group=options.group or f"tidings-{name}",
        passes=passes,
        delivery=DeliverySpec(retry=options.retry, backoff_policy="linear", backoff_delay=options.backoff),
        path=options.path or (_PAYLOADS if edge.takes("POST", _PAYLOADS) else ""),
        tick=options.tick,
    )
    if wrong := misnamed(options.source, terms.topics, terms.group):
        raise StartError(wrong, code=2)
    return Beside(app, Consumer(bus, edge, terms))


class Consumer:
    """Consumes all topics until it is stopped, over restarts of the bus."""

    def __init__(self, bus: Bus, edge: Edge, terms: Terms) -> None:
        self._bus = bus
        self._caller = EdgeCaller(edge)
        self._poster = Poster(edge, terms.path) if terms.path else None
        self._terms = terms
        self._counts = Counts(edge.metrics, terms.group)
        self._stop = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._counting: asyncio.Task[None] | None = None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def start(self) -> None:
        """Begin."""
        self._running = [asyncio.create_task(self._consume(topic)) for topic in self._terms.topics]
        if self._terms.tick > 0:
            self._running.append(asyncio.create_task(self._tick_every(self._terms.tick)))
        self._counting = asyncio.create_task(self._counts.watch(self._bus, self._terms.topics))

    async def stop(self) -> None:
        """Take nothing more, finish what is in flight, give back what waits, leave the groups and close the bus."""
        self._stop.set()
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._bus.close()

    async def _consume(self, topic: str) -> None:
        troubles = Troubles()
        while not self._stop.is_set():
            try:
                async with self._bus.consume(topic, self._terms.group, in_flight=_IN_FLIGHT) as deliveries:
                    coming = Coming(deliveries, self._stop)
                    try:
                        await self._deliver_all(coming)
                    finally:
                        await coming.close()
            except BusUnavailableError as error:
                if troubles.is_new(str(error)):
                    _LOG.warning("a topic cannot be consumed now", extra={"topic": topic, "why": str(error)})
                await self._pause(_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - else the topic has no consumer any more, and nothing says so
                if troubles.is_new(type(error).__name__):
                    _LOG.exception("a topic's consumer failed, and begins again", extra={"topic": topic})
                await self._pause(_PAUSE_SECONDS)

    async def _tick_every(self, seconds: float) -> None:
        """Let the function do what is due: without a broker there is no PingSource that would (decision 0021)."""
        while not self._stop.is_set():
            tick = CloudEvent(id=str(uuid.uuid4()), source="/tidings/serve", type=TICK, time=datetime.now(UTC))
            try:
                while (after := await self._tried(tick, 1)) is not None and not self._stop.is_set():
                    await self._pause(after)
            except Exception:  # noqa: BLE001 - as below
                _LOG.exception("a tick could not be delivered")
            await self._pause(seconds)

    async def _deliver_all(self, coming: Coming) -> None:
        """Deliver until the word to stop. Where the bus breaks, what is in flight may end before that is raised."""
        broken: Exception | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as drain, asyncio.TaskGroup() as tasks:
                try:
                    while not self._stop.is_set():
                        delivery = await coming.take(_LOOK_SECONDS)
                        if delivery is not None:
                            tasks.create_task(self._delivered(delivery))
                except Exception as error:  # noqa: BLE001 - raised below
                    broken = error
                    drain.reschedule(asyncio.get_running_loop().time() + _DRAIN_SECONDS)
        if broken is not None:
            raise broken

    async def _delivered(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except Exception:  # noqa: BLE001 - were a bug of ours to end the consumer, the same event would end it at each start
            _LOG.exception("an event could not be delivered", extra={"topic": delivery.record.topic})
            await delivery.again(self._terms.delivery.delay(1))

    async def _deliver(self, delivery: Delivery) -> None:
        event = delivery.record.event
        if isinstance(event, NotAnEvent):
            await self._posted(delivery, event.reason)
        elif not self._terms.passes(event):
            await delivery.ack()
        elif self._bus.abilities.order:
            await self._in_order(delivery, event)
        else:
            await self._end(delivery, await self._tried(event, delivery.tries))

    async def _posted(self, delivery: Delivery, why: str) -> None:
        """Post what is no event where the function takes such; what it does not take is logged and passed over."""
        record = delivery.record
        if self._poster is not None:
            result = judge(await self._poster.post(record.body))
            if isinstance(result, Ended):
                await delivery.ack()
                return
            if result.again:  # however often: it was not looked at
                await delivery.again(self._terms.delivery.delay(min(delivery.tries, _SLOWEST)))
                return
            why = f"{self._terms.path} answers {result.code}"
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        _LOG.error("nothing of what lies in the topic can be read: it is passed over", extra={**place, "why": why})
        await delivery.ack()

    async def _in_order(self, delivery: Delivery, event: CloudEvent) -> None:
        """Deliver after all that came before with the same key, however often that is tried: as an ordered Trigger."""
        lock = self._locks.setdefault(key_of(event), asyncio.Lock())
        async with lock:
            tries = 1
            while not self._stop.is_set():
                after = await self._tried(event, tries)
                if after is None:
                    await delivery.ack()
                    return
                tries += 1
                await self._pause(after)
            await delivery.again()

    @staticmethod
    async def _end(delivery: Delivery, after: float | None) -> None:
        if after is None:
            await delivery.ack()
        else:
            await delivery.again(after)

    async def _tried(self, event: CloudEvent, tries: int) -> float | None:
        """Call the function once; return None where the event has ended, else the seconds until the next try."""
        spec = self._terms.delivery
        try:
            result = judge(await self._caller.call(event, ""))
            if isinstance(result, Ended):
                self._counts.delivered()
                return None if result.reply is None else await self._replied(result.reply, event, tries)
            if result.again and tries <= spec.retry:
                self._counts.again()
                return spec.delay(tries)
            return await self._buried(result, event, tries)
        except BusUnavailableError:
            return _PAUSE_SECONDS  # it took effect, and the function knows it again

    async def _replied(self, reply: CloudEvent, event: CloudEvent, tries: int) -> float | None:
        topic = topic_of(reply)
        if topic is None:
            return None
        published = await self._bus.publish(topic, reply)
        if isinstance(published, Kept):
            return None
        if published.reason == "full":
            return _PAUSE_SECONDS
        why = f"the bus refuses the reply: {published.reason}"
        return await self._buried(Failed(again=False, why=why), event, tries)

    async def _buried(self, result: Failed, event: CloudEvent, tries: int) -> float | None:
        """Make it a dead letter, as the Broker would; where the bus does not take that, the event stays."""
        letter = Letter(
            trigger=self._terms.group,
            event=event,
            destination=self._terms.name,
            code=result.code,
            data=result.data,
            why=result.why,
            extensions=result.extensions,
            at=0.0,
            tries=tries,
        ).as_event()
        letter = letter.with_extensions(why=result.why, tries=str(tries))  # which nobody else could say
        published = await self._bus.publish(topic_of(letter) or "", letter)
        if published == Refused("too large"):  # the event just fitted, without what a letter adds
            letter = letter._replace(data=None).with_extensions(why=f"{result.why}; {_LEFT_OUT}")
            published = await self._bus.publish(topic_of(letter) or "", letter)
        if isinstance(published, Kept):
            self._counts.buried()
            _LOG.warning("an event became a dead letter", extra={"event_id": event.id, "why": result.why})
            return None
        _LOG.error("a dead letter was refused, its event stays", extra={"event_id": event.id, "why": published.reason})
        return max(_PAUSE_SECONDS, self._terms.delivery.delay(tries))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

"""Whom a replay hands events to: the broker, a destination by its own function as its Trigger would, or a bus."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from shared.bus.protocol import Bus, BusUnavailableError, Kept, Reason
from shared.bus.registry import BUSES, open_bus
from shared.bus.topology import topic_of
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Duplicate, Outcome, Rejected, Retry
from shared.runtime.edge import Edge, EdgeSettings
from shared.runtime.registry import FUNCTIONS, load
from shared.runtime.replay import Hand
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics

BROKER: Final = "broker"
_SHARED = 512  # what shares calls: most events of one
_ALONE = 50  # what has a call of its own: as many as a Trigger has in flight
_NO_TOPIC: Final = Rejected("bus", "no topic of Tidings keeps such an event: send it to the broker")
_REFUSED: Final[dict[Reason, Outcome]] = {
    "full": Retry("the topic is full"),
    "no topic": Retry("its topic is not there: tidings bus apply makes it"),
    "not allowed": Retry("the bus does not let us write"),
    "too large": Rejected("bus", "the event is larger than the bus takes"),
    "invalid": Rejected("bus", "the event cannot be written as the bus has it"),
}
"""What can be mended is no end of an event: it is there for the next run."""


def destinations() -> dict[str, str]:
    """Return the functions that take what a bus keeps, by the name of their destination."""
    known = ((name, one.destination) for name, one in FUNCTIONS.items())
    return {to.label: name for name, to in known if to is not None and to.subject in {"classified", "any"}}


def targets() -> tuple[str, ...]:
    """Return whom what is kept can be handed to."""
    return (BROKER, *destinations(), *BUSES)


def at_once(target: str) -> int:
    """Return how many events a target is handed at a time."""
    return _SHARED if target in BUSES or is_shared(target) else _ALONE


def is_shared(target: str) -> bool:
    """Return whether it is a destination whose events share calls: it takes as many as can be made ready."""
    name = destinations().get(target)
    destination = FUNCTIONS[name].destination if name is not None else None
    return destination is not None and destination.subject == "classified"


@asynccontextmanager
async def opened(target: str, environ: Mapping[str, str]) -> AsyncIterator[Hand]:
    """Give what hands events over, and close it. Raises SettingsError."""
    if target == BROKER:
        async with _broker(environ) as hand:
            yield hand
        return
    if target in BUSES:
        bus = open_bus(target, environ)
        try:
            yield Topics(bus).hand
        finally:
            await bus.close()
        return
    async with alone(target, environ) as hand:
        yield hand


@asynccontextmanager
async def alone(target: str, environ: Mapping[str, str]) -> AsyncIterator[Hand]:
    """Give what hands events to a destination by its function in this process, and close it. Raises SettingsError."""
    metrics = Metrics()
    function = load(destinations()[target], environ, metrics)
    edge = Edge(function, metrics, EdgeSettings(in_flight=at_once(target)))

    async def handed(event: CloudEvent) -> Outcome:
        return (await edge.dispatch(event)).outcome

    await function.start()
    try:
        yield handed
    finally:
        await function.stop()


class Topics:
    """Publishes each event to the topic of a bus that keeps such; `topic_of` says which that is."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def hand(self, event: CloudEvent) -> Outcome:
        """Return how it ended; Done means that the bus has acknowledged it."""
        topic = topic_of(event)
        if topic is None:
            return _NO_TOPIC
        try:
            published = await self._bus.publish(topic, event)
        except BusUnavailableError as error:
            return Retry(str(error))
        if isinstance(published, Kept):
            return Duplicate() if published.duplicate else Done()
        return _REFUSED[published.reason]


@asynccontextmanager
async def _broker(environ: Mapping[str, str]) -> AsyncIterator[Hand]:
    from shared.runtime.sink import HttpPublisher  # the HTTP client, only where it is used

    url = environ.get("K_SINK", "")
    if not url:
        raise SettingsError(["K_SINK is not set: it is the broker's address"])
    sink = HttpPublisher(url)

    async def handed(event: CloudEvent) -> Outcome:
        accepted = await sink.accept([event])
        if accepted == "accepted":
            return Done()
        return Retry("the broker does not take it now") if accepted == "full" else Rejected("broker", accepted)

    try:
        yield handed
    finally:
        await sink.close()

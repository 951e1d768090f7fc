"""Whom a replay hands events to: the broker, or a destination by its own function, just as its Trigger would."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.runtime.edge import Edge, EdgeSettings
from shared.runtime.registry import FUNCTIONS, load
from shared.runtime.replay import Hand
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics

BROKER: Final = "broker"
_SHARED = 512  # what shares calls: most events of one
_ALONE = 50  # what has a call of its own: as many as a Trigger has in flight


def destinations() -> dict[str, str]:
    """Return the functions that take what a bus keeps, by the name of their destination."""
    known = ((name, one.destination) for name, one in FUNCTIONS.items())
    return {to.label: name for name, to in known if to is not None and to.subject in {"classified", "any"}}


def at_once(target: str) -> int:
    """Return how many events a target is handed at a time."""
    name = destinations().get(target)
    destination = FUNCTIONS[name].destination if name is not None else None
    return _SHARED if destination is not None and destination.subject == "classified" else _ALONE


@asynccontextmanager
async def opened(target: str, environ: Mapping[str, str]) -> AsyncIterator[Hand]:
    """Give what hands events over, and close it. Raises SettingsError."""
    if target == BROKER:
        async with _broker(environ) as hand:
            yield hand
        return
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

"""What every ticket function is: an episode in, its one record over there brought to where the snapshot says."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol

import orjson
from pydantic import Field, ValidationError

from shared.delivery.claims import Claims
from shared.delivery.links import Places
from shared.delivery.mapping import Mapping, render
from shared.delivery.plan import mark_of
from shared.delivery.preview import Preview
from shared.delivery.report import report_of
from shared.delivery.telling import context_of
from shared.delivery.ticket import Order, TicketDestination
from shared.delivery.tickets import Delivered, Tickets
from shared.events.cloudevent import PROBLEM_PREFIX, CloudEvent
from shared.events.delivery import DeliveryOperation
from shared.events.episode import Episode
from shared.events.outcome import Duplicate, Ignored, Rejected, label
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.linking import LinkSettings
from shared.runtime.parts import opened_store
from shared.runtime.pseudonyms import PseudonymSettings
from shared.runtime.turns import Turns
from shared.start.later import later
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics


class TicketSettings(LinkSettings, PseudonymSettings):
    """What every ticket function can be told besides where its system is."""

    store: str = Field(
        default="memory:", alias="STORE_URL", description="Where claims are kept, as `sqlite:///data/store.db`."
    )


class TicketSystem(TicketDestination, Protocol):
    """One ticket system with its connections, as its function holds it."""

    def open(self) -> None:
        """Build what is needed to speak to it; nothing is sent. Raises SettingsError for a CA file of no use."""

    async def close(self) -> None:
        """Close all connections."""

    async def check(self) -> list[tuple[bool, str]]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Writes nothing."""

    def preview(self, order: Order, *, over: bool) -> list[Preview]:
        """Return the requests that create a record, or with `over` end it, where nothing is known of it. No I/O."""


class Ticketing:
    """Delivers episodes to one ticket system. A store that it was given is not its to close.

    Args:
        system: the ticket system; its name is the function's.
        mapping: which field of a ticket holds what.
        store: where claims are kept.
        metrics: where deliveries are counted.
        owned: whether the store is this function's to close.
        places: where people see more, for links.
        prefix: of the CloudEvent types that concern it.
    """

    def __init__(  # noqa: PLR0913 - each is one part
        self,
        system: TicketSystem,
        mapping: Mapping,
        store: Store,
        metrics: Metrics,
        *,
        owned: bool,
        places: Places | None = None,
        prefix: str = PROBLEM_PREFIX,
    ) -> None:
        self.name = system.name
        self._system = system
        self._mapping = mapping
        self._store = store
        self._owned = owned
        self._places = places
        self._metrics = metrics
        self._prefix = prefix
        self._open = False
        self._turns = Turns()
        self._tickets = Tickets(system, Claims(store, self.name, metrics), self._fields, metrics)

    async def start(self) -> None:
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        self._system.open()
        later(self._mapping.prepare)
        self._open = True

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Deliver one snapshot; reply with the report of what took effect."""
        if not event.type.startswith(self._prefix):
            return Result(Ignored("not an episode that concerns it"))
        try:
            episode = Episode.model_validate(event.data)
        except ValidationError:
            return Result(Rejected("decode", "the data is not an episode"))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with self._turns.of(episode.id):
            delivered = await self._tickets.deliver(episode, call.deadline)
        self._measure(delivered, episode, loop.time() - begun)
        return Result(delivered.outcome, report_of(delivered, episode, self.name, event))

    def readiness(self) -> Readiness:
        """Return ready once started: a system that is down is the broker's to wait for."""
        return Readiness() if self._open else Readiness(("not started",))

    async def stop(self) -> None:
        """Close what `new` opened and `start` connected."""
        self._open = False
        await self._system.close()
        if self._owned:
            await self._store.close()

    async def check(self) -> list[tuple[bool, str]]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Raises SettingsError."""
        self._system.open()
        try:
            return await self._system.check()
        finally:
            if not self._open:  # asked alone, without `start` and `stop` around it
                await self._system.close()

    def preview(self, subject: Episode) -> list[Preview] | Rejected:
        """Return the requests that this snapshot would cause where the system knows nothing of it yet, or is at rest.

        An open one is shown as the creation, a resolved one as the resolution. No I/O.
        """
        if not subject.ticket:
            return []
        over = subject.state == "resolved"
        fields = self._fields("resolve" if over else "open", subject, 0)
        if isinstance(fields, Rejected):
            return fields
        return self._system.preview(Order(mark_of(subject), fields), over=over)

    def _fields(self, operation: DeliveryOperation, episode: Episode, told: int) -> dict[str, str] | Rejected:
        fields = render(self._mapping, operation, context_of(episode, told, self._places))
        return fields if isinstance(fields, Rejected) else {name: _text(value) for name, value in fields.items()}

    def _measure(self, delivered: Delivered, episode: Episode, seconds: float) -> None:
        metrics, outcome, name = self._metrics, delivered.outcome, self.name
        operation = delivered.memory.operation if delivered.memory is not None else "open"
        metrics.count("tidings_deliveries_total", destination=name, operation=operation, result=label(outcome))
        metrics.observe("tidings_delivery_duration_seconds", seconds, destination=name)
        if isinstance(outcome, Duplicate):
            metrics.count("tidings_duplicates_total", function=name)
        elif delivered.memory is not None and delivered.memory.time is not None:
            lag = (datetime.now(UTC) - (episode.resolved or episode.last_seen)).total_seconds()
            metrics.observe("tidings_end_to_end_lag_seconds", max(lag, 0.0), destination=name)


def kept_in(url: str, given: Store | None) -> tuple[Store, bool]:
    """Return the store, and whether it is the function's own. Raises SettingsError."""
    return (opened_store(url), True) if given is None else (given, False)


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()  # a group: what a reference is looked up by
    return value if isinstance(value, str) else "true" if value is True else str(value)

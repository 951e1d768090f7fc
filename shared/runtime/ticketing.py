"""What every ticket function is: a snapshot in, its one record over there brought to where the snapshot says."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from pydantic import Field, ValidationError

from shared.delivery.claim import Memory
from shared.delivery.claims import Claims
from shared.delivery.delivered import Delivered
from shared.delivery.links import Places
from shared.delivery.mapping import Mapping, render
from shared.delivery.plan import mark_of, note_of, told_as
from shared.delivery.preview import Preview
from shared.delivery.report import report_of
from shared.delivery.subject import EPISODES, Kind, Subject
from shared.delivery.ticket import Order, TicketDestination
from shared.delivery.tickets import Tickets
from shared.destinations.finding import Finding
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryOperation
from shared.events.outcome import Duplicate, Ignored, Rejected, label
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.parts import opened_store
from shared.runtime.pseudonyms import PseudonymSettings
from shared.runtime.turns import Turns
from shared.settings.environment import Environ
from shared.start.later import later
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics


class TicketSettings(PseudonymSettings):
    """What every ticket function can be told besides where its system is."""

    store: str = Field(
        default="memory:",
        alias="STORE_URL",
        description="Where claims are kept, as `sqlite:///data/store.db` or `nats://host/tidings`.",
    )


class TicketSystem(TicketDestination, Protocol):
    """One ticket system with its connections, as its function holds it."""

    def open(self) -> None:
        """Build what is needed to speak to it; nothing is sent. Raises SettingsError for a CA file of no use."""

    async def close(self) -> None:
        """Close all connections."""

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Writes nothing."""

    def preview(self, order: Order, operation: DeliveryOperation) -> list[Preview]:
        """Return the requests that create a record, change, end or reopen it, none of them asked for before. No I/O."""


class Ticketing:
    """Delivers snapshots to one ticket system. A store that it was given is not its to close.

    Args:
        system: the ticket system; its name is the function's.
        mapping: which field of a ticket holds what.
        store: where claims are kept.
        metrics: where deliveries are counted.
        owned: whether the store is this function's to close.
        kind: what it delivers, episodes or changes.
        places: where people see more, for links.
    """

    def __init__(  # noqa: PLR0913 - each is one part
        self,
        system: TicketSystem,
        mapping: Mapping,
        store: Store,
        metrics: Metrics,
        *,
        owned: bool,
        kind: Kind = EPISODES,
        places: Places | None = None,
    ) -> None:
        self.name = system.name
        self._system = system
        self._mapping = mapping
        self._store = store
        self._owned = owned
        self._places = places
        self._metrics = metrics
        self._kind = kind
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
        kind = self._kind
        if not event.type.startswith(kind.prefix):
            return Result(Ignored(f"no {kind.word} that concerns it"))
        try:
            subject: Any = kind.model().model_validate(event.data)
        except ValidationError:
            return Result(Rejected("decode", f"the data is no {kind.word}"))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with self._turns.of(subject.id):
            delivered = await self._tickets.deliver(subject, call.deadline)
        self._measure(delivered, subject, loop.time() - begun)
        return Result(delivered.outcome, report_of(delivered, subject, self.name, event, kind))

    def readiness(self) -> Readiness:
        """Return ready once started: a system that is down is the broker's to wait for."""
        return Readiness() if self._open else Readiness(("not started",))

    async def stop(self) -> None:
        """Close what `new` opened and `start` connected."""
        self._open = False
        await self._system.close()
        if self._owned:
            await self._store.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Raises SettingsError."""
        self._system.open()
        try:
            return await self._system.check()
        finally:
            if not self._open:  # asked alone, without `start` and `stop` around it
                await self._system.close()

    def preview(self, subject: Subject, told: Memory | None = None) -> list[Preview] | Rejected:
        """Return the requests that this snapshot would cause where the system was told that much of it. No I/O.

        Where it was told nothing, one that lasts is shown as the creation, one that is over as the end.
        """
        operation = told_as(subject, told or Memory(), in_doubt=told is None)
        if not subject.ticket or isinstance(operation, Ignored):
            return []
        memory = told or Memory()
        if operation == "update" and memory.noted == note_of(subject):
            return []  # nothing that people need to know changed
        fields = self._fields(operation, subject, memory.told)
        return (
            fields if isinstance(fields, Rejected) else self._system.preview(Order(mark_of(subject), fields), operation)
        )

    def _fields(self, operation: DeliveryOperation, subject: Subject, told: int) -> dict[str, str] | Rejected:
        fields = render(self._mapping, operation, self._kind.context(subject, told, self._places))
        return fields if isinstance(fields, Rejected) else {name: _text(value) for name, value in fields.items()}

    def _measure(self, delivered: Delivered, subject: Subject, seconds: float) -> None:
        metrics, outcome, name = self._metrics, delivered.outcome, self.name
        operation = delivered.memory.operation if delivered.memory is not None else "open"
        metrics.count("tidings_deliveries_total", destination=name, operation=operation, result=label(outcome))
        metrics.observe("tidings_delivery_duration_seconds", seconds, destination=name)
        if isinstance(outcome, Duplicate):
            metrics.count("tidings_duplicates_total", function=name)
        elif delivered.memory is not None and delivered.memory.time is not None:
            lag = (datetime.now(UTC) - (subject.ended or subject.last_seen)).total_seconds()
            metrics.observe("tidings_end_to_end_lag_seconds", max(lag, 0.0), destination=name)


def kept_in(url: str, environ: Environ, given: Store | None) -> tuple[Store, bool]:
    """Return the store, and whether it is the function's own. Raises SettingsError."""
    return (opened_store(url, environ), True) if given is None else (given, False)


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()  # a group: what a reference is looked up by
    return value if isinstance(value, str) else "true" if value is True else str(value)

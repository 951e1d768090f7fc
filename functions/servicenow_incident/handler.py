"""The servicenow_incident function: an episode in, its one incident brought to where the snapshot says."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from shared.delivery.claims import Claims
from shared.delivery.mapping import Mapping, load_mapping, render
from shared.delivery.plan import mark_of
from shared.delivery.preview import Preview
from shared.delivery.report import report_of
from shared.delivery.ticket import Order
from shared.delivery.tickets import Delivered, Tickets
from shared.destinations.servicenow.check import check
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.incidents import Incidents, created, marked, resolved
from shared.destinations.servicenow.record import NEEDED, RESERVED
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.events.cloudevent import PROBLEM_PREFIX, CloudEvent
from shared.events.delivery import DeliveryOperation
from shared.events.episode import Episode
from shared.events.outcome import Duplicate, Ignored, Rejected, label
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.turns import Turns
from shared.settings.environment import Environ, SettingsError, read
from shared.start.later import later
from shared.stores.protocol import Store
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics

NAME: Final = "servicenow_incident"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"


class IncidentSettings(ServiceNowSettings):
    """Settings of this function: the instance's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="SERVICENOW_MAPPING", description="An own mapping file.")
    store: str = Field(
        default="memory:", alias="STORE_URL", description="Where claims are kept, as `sqlite:///data/store.db`."
    )


class ServiceNowIncident:
    """Delivers episodes to the incident table of one instance. A store that it was given is not its to close."""

    name = NAME

    def __init__(
        self, settings: IncidentSettings, mapping: Mapping, store: Store, metrics: Metrics, *, owned: bool
    ) -> None:
        self._settings = settings
        self._mapping = mapping
        self._store = store
        self._owned = owned
        self._metrics = metrics
        self._client = Client(settings, metrics, NAME)
        self._open = False
        self._turns = Turns()
        self._tickets = Tickets(
            Incidents(self._client, NAME, mapping.names), Claims(store, NAME, metrics), self._fields, metrics
        )

    async def start(self) -> None:
        """Build the HTTP client. Raises SettingsError for a CA file that cannot be used."""
        self._connect()
        later(self._mapping.prepare)
        self._open = True

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Deliver one snapshot; reply with the report of what took effect."""
        if not event.type.startswith(PROBLEM_PREFIX):
            return Result(Ignored("not an episode of a problem"))
        try:
            episode = Episode.model_validate(event.data)
        except ValidationError:
            return Result(Rejected("decode", "the data is not an episode"))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with self._turns.of(episode.id):
            delivered = await self._tickets.deliver(episode, call.deadline)
        self._measure(delivered, episode, loop.time() - begun)
        return Result(delivered.outcome, report_of(delivered, episode, NAME, event))

    def readiness(self) -> Readiness:
        """Return ready once started: an instance that is down is the broker's to wait for."""
        return Readiness() if self._open else Readiness(("not started",))

    async def stop(self) -> None:
        """Close what `new` opened and `start` connected."""
        self._open = False
        await self._client.close()
        if self._owned:
            await self._store.close()

    async def check(self) -> list[tuple[bool, str]]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Raises SettingsError."""
        self._connect()
        try:
            return await check(self._client, self._mapping.names)
        finally:
            if not self._open:  # asked alone, without `start` and `stop` around it
                await self._client.close()

    def preview(self, subject: Episode) -> list[Preview] | Rejected:
        """Return the requests that this snapshot would cause where the instance knows nothing of it yet, or is at rest.

        An open one is shown as the creation, a resolved one as the resolution. No I/O.
        """
        if not subject.ticket:
            return []
        over = subject.state == "resolved"
        fields = self._fields("resolve" if over else "open", subject)
        if isinstance(fields, Rejected):
            return fields
        order = Order(mark_of(subject), fields)
        table = f"{self._settings.instance}/api/now/table/{self._settings.table}"
        if over:
            body = resolved(marked(order), {}, self._settings.close_code)
            return [Preview(NAME, "PATCH", f"{table}/{{sys_id}}", body)]
        body = created(order, self._settings.caller, fields.get("assignment_group", ""), "")
        return [Preview(NAME, "POST", table, body)]

    def _connect(self) -> None:
        try:
            self._client.open()
        except (OSError, ssl.SSLError):
            raise SettingsError(["SERVICENOW_CA_FILE is not a PEM bundle that can be used"]) from None

    def _fields(self, operation: DeliveryOperation, episode: Episode) -> dict[str, str] | Rejected:
        fields = render(self._mapping, operation, {"episode": episode})
        return fields if isinstance(fields, Rejected) else {name: _text(value) for name, value in fields.items()}

    def _measure(self, delivered: Delivered, episode: Episode, seconds: float) -> None:
        metrics, outcome = self._metrics, delivered.outcome
        operation = delivered.memory.operation if delivered.memory is not None else "open"
        metrics.count("tidings_deliveries_total", destination=NAME, operation=operation, result=label(outcome))
        metrics.observe("tidings_delivery_duration_seconds", seconds, destination=NAME)
        if isinstance(outcome, Duplicate):
            metrics.count("tidings_duplicates_total", function=NAME)
        elif delivered.memory is not None and delivered.memory.time is not None:
            lag = (datetime.now(UTC) - (episode.resolved or episode.last_seen)).total_seconds()
            metrics.observe("tidings_end_to_end_lag_seconds", max(lag, 0.0), destination=NAME)


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> ServiceNowIncident:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(IncidentSettings, environ)
    mapping = load_mapping(settings.mapping, RESERVED, NEEDED, shipped=MAPPING)
    if isinstance(mapping, list):
        raise SettingsError([f"SERVICENOW_MAPPING: {problem}" for problem in mapping])
    try:
        kept = store or open_store(settings.store)
    except ValueError as error:
        raise SettingsError([f"STORE_URL: {error}"]) from None
    return ServiceNowIncident(settings, mapping, kept, metrics, owned=store is None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "true" if value is True else str(value)

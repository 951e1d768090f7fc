"""The siem_forwarder function: every classified observation to Splunk, answered once Splunk has accepted it.

It replies with nothing: a report of each record would double the traffic, and the records themselves are the trail
(docs/destinations/splunk.md).
"""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
from pydantic import ValidationError

from functions.siem_forwarder.record import NEEDED, RESERVED, hec_object
from functions.siem_forwarder.settings import MAPPING, SiemSettings
from shared.delivery.batching import Batcher
from shared.delivery.mapping import Mapping, load_mapping
from shared.delivery.preview import Preview
from shared.delivery.recent import Recent
from shared.destinations.splunk.check import check
from shared.destinations.splunk.client import DESTINATION, EVENT_PATH, SplunkClient
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.model import Classified
from shared.events.outcome import Done, Ignored, Outcome, Rejected, Retry, label
from shared.events.vocabulary import CATEGORIES
from shared.runtime.function import Call, Readiness, Result
from shared.settings.environment import Environ, SettingsError, read
from shared.start.later import later
from shared.telemetry.metrics import Metrics

NAME: Final = "siem_forwarder"
_LINGER: Final = 0.04  # seconds; at 500 events a second 20 share a call, alone none waits at all
_ENOUGH: Final = 24  # half of what a Trigger has in flight: the other half is on its way meanwhile
_REMEMBERED: Final = 20_000  # identities of 26 characters: about 3 MB
_RECORD: Final = {"destination": DESTINATION, "operation": "record"}
_TYPES: Final = frozenset(type_of_verdict(category) for category in CATEGORIES)


class SiemForwarder:
    """Forwards observations; those that wait at the same time share one call."""

    name = NAME

    def __init__(self, settings: SiemSettings, mapping: Mapping, metrics: Metrics) -> None:
        self._settings = settings
        self._mapping = mapping
        self._metrics = metrics
        self._client: SplunkClient | None = None
        self._batcher: Batcher[bytes] | None = None
        self._recent = Recent(_REMEMBERED)
        self._done = metrics.counter("tidings_deliveries_total", **_RECORD, result=label(Done()))
        self._lag = metrics.histogram("tidings_end_to_end_lag_seconds", destination=DESTINATION)

    async def start(self) -> None:
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        self._client = self._new_client()
        later(self._mapping.prepare)
        self._batcher = Batcher(
            self._send,
            max_items=self._settings.batch_events,
            max_bytes=self._settings.batch_bytes,
            max_waiting=self._settings.waiting,
            concurrency=self._settings.connections,
            linger=_LINGER,
            enough=_ENOUGH,
        )

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Forward one classified observation; Done means that Splunk has taken it."""
        if event.type not in _TYPES:
            self._metrics.count("tidings_dropped_total", function=NAME, reason="not_ours", intentional="true")
            return Result(Ignored("not a classified observation"))
        try:
            classified = Classified.model_validate(event.data)
        except ValidationError:
            return Result(Rejected("decode", "the data is not a classified observation"))
        outcome = await self._forward(classified, call)
        if isinstance(outcome, Done):
            self._done()
            self._lag(max(0.0, (datetime.now(UTC) - classified.observation.received).total_seconds()))
        else:
            self._metrics.count("tidings_deliveries_total", **_RECORD, result=label(outcome))
        return Result(outcome)

    def readiness(self) -> Readiness:
        """Return ready once started: a collector that is down is the broker's to wait for."""
        return Readiness() if self._batcher is not None else Readiness(("not started",))

    async def stop(self) -> None:
        """Finish what waits, then close the connections."""
        if self._batcher is not None:
            await self._batcher.close()
        if self._client is not None:
            await self._client.close()
        self._batcher = self._client = None

    async def check(self) -> list[tuple[bool, str]]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Stores no event."""
        client = self._new_client()
        try:
            return await check(client, ack=self._settings.ack)
        finally:
            await client.close()

    def preview(self, subject: Classified) -> list[Preview] | Rejected:
        """Return the request that this observation would cause, alone in its call. No I/O."""
        made = self._object(subject)
        if isinstance(made, Rejected):
            return made
        return [Preview(NAME, "POST", f"{self._settings.url}{EVENT_PATH}", made)]

    async def _forward(self, classified: Classified, call: Call) -> Outcome:
        made = self._object(classified)
        if isinstance(made, Rejected):
            return made
        if self._batcher is None:
            return Retry("not started")
        try:
            content = orjson.dumps(made)
        except orjson.JSONEncodeError:
            return Rejected("mapping", "the event cannot be written as JSON")
        batcher = self._batcher
        return await self._recent.once(
            classified.observation.identity, lambda: batcher.submit(content, len(content), call.deadline)
        )

    async def _send(self, contents: Sequence[bytes]) -> Sequence[Outcome]:
        if self._client is None:
            raise RuntimeError("sent before start or after stop")
        loop = asyncio.get_running_loop()
        begun = loop.time()
        outcomes = await self._client.send(contents)
        self._metrics.observe("tidings_delivery_duration_seconds", loop.time() - begun, destination=DESTINATION)
        self._metrics.observe("tidings_delivery_batch_events", len(contents), destination=DESTINATION)
        return outcomes

    def _object(self, classified: Classified) -> dict[str, object] | Rejected:
        settings = self._settings
        return hec_object(classified, self._mapping, index=settings.index, sourcetype=settings.sourcetype)

    def _new_client(self) -> SplunkClient:
        try:
            return SplunkClient(self._settings, self._metrics)
        except (OSError, ssl.SSLError):
            raise SettingsError(["SPLUNK_CA_FILE is not a PEM bundle that can be used"]) from None


def new(environ: Environ, metrics: Metrics) -> SiemForwarder:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError."""
    settings = read(SiemSettings, environ)
    mapping = load_mapping(settings.mapping, RESERVED, NEEDED, shipped=MAPPING)
    if isinstance(mapping, list):
        raise SettingsError([f"SPLUNK_MAPPING: {problem}" for problem in mapping])
    return SiemForwarder(settings, mapping, metrics)

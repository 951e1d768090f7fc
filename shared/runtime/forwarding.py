"""What every forwarder is: a classified observation in, answered once the SIEM has accepted it.

It replies with nothing: a report of each record would double the traffic, and the records themselves are the trail
(docs/destinations/splunk.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import ValidationError

from shared.delivery.batching import Batcher, Send
from shared.delivery.preview import Preview
from shared.delivery.recent import Recent
from shared.destinations.finding import Finding
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.model import Classified
from shared.events.outcome import Done, Ignored, Outcome, Rejected, Retry, label
from shared.events.vocabulary import CATEGORIES
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.measured import handed_over
from shared.start.later import later
from shared.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from shared.delivery.claim import Memory  # nothing that a record needs

_LINGER: Final = 0.04  # seconds; at 500 events a second 20 share a call, alone none waits at all
_ENOUGH: Final = 24  # half of what a Trigger has in flight: the other half is on its way meanwhile
_REMEMBERED: Final = 20_000  # identities of 26 characters: about 3 MB
_TYPES: Final = frozenset(type_of_verdict(category) for category in CATEGORIES)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one forwarder sends and holds: events and bytes of one call, events that wait, calls at a time."""

    events: int
    bytes: int
    waiting: int
    calls: int


def new_batcher(send: Send[bytes], bounds: Bounds) -> Batcher[bytes]:
    """Return what lets those that wait at the same time share calls of `send`."""
    return Batcher(
        send,
        max_items=bounds.events,
        max_bytes=bounds.bytes,
        max_waiting=bounds.waiting,
        concurrency=bounds.calls,
        linger=_LINGER,
        enough=_ENOUGH,
    )


class Connection(Protocol):
    """The way to one system that takes records, while the function runs. Belongs to one event loop."""

    async def send(self, contents: Sequence[bytes]) -> Sequence[Outcome]:
        """Hand records over together and return one outcome for each, in order. Raises nothing for what others do."""

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Stores no record."""

    async def close(self) -> None:
        """Close the connections."""


class Siem(Protocol):
    """One SIEM as its forwarder holds it: what a record looks like there, and how to reach it."""

    @property
    def label(self) -> str:
        """Return its name in metrics, as `splunk`."""

    def connect(self) -> Connection:
        """Build the way to it, without I/O. Raises SettingsError for a CA file that cannot be used."""

    def prepare(self) -> None:
        """Do what the first record would wait for; called in a thread shortly after the start."""

    def record(self, classified: Classified) -> bytes | Rejected:
        """Return the record as it is sent, Rejected where the mapping cannot work on the observation."""

    def preview(self, classified: Classified) -> list[Preview] | Rejected:
        """Return the requests that the observation would cause, alone in its call. No I/O."""


class Forwarder:
    """Forwards observations to one SIEM; those that wait at the same time share one call."""

    def __init__(self, name: str, siem: Siem, bounds: Bounds, metrics: Metrics) -> None:
        self.name = name
        self._siem = siem
        self._bounds = bounds
        self._metrics = metrics
        self._connection: Connection | None = None
        self._batcher: Batcher[bytes] | None = None
        self._recent = Recent(_REMEMBERED)
        self._labels = {"destination": siem.label, "operation": "record"}
        self._done = metrics.counter("tidings_deliveries_total", **self._labels, result=label(Done()))
        self._lag = metrics.histogram("tidings_end_to_end_lag_seconds", destination=siem.label)

    async def start(self) -> None:
        """Build the connection. Raises SettingsError for a CA file that cannot be used."""
        self._connection = self._siem.connect()
        later(self._siem.prepare)
        self._batcher = new_batcher(self._send, self._bounds)

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Forward one classified observation; Done means that the SIEM has taken it."""
        if event.type not in _TYPES:
            self._metrics.count("tidings_dropped_total", function=self.name, reason="not_ours", intentional="true")
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
            self._metrics.count("tidings_deliveries_total", **self._labels, result=label(outcome))
        return Result(outcome)

    def readiness(self) -> Readiness:
        """Return ready once started: a SIEM that is down is the broker's to wait for."""
        return Readiness() if self._batcher is not None else Readiness(("not started",))

    async def stop(self) -> None:
        """Finish what waits, then close the connections."""
        if self._batcher is not None:
            await self._batcher.close()
        if self._connection is not None:
            await self._connection.close()
        self._batcher = self._connection = None

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says. Raises SettingsError."""
        connection = self._siem.connect()
        try:
            return await connection.check()
        finally:
            await connection.close()

    def preview(self, subject: Classified, told: "Memory | None" = None) -> list[Preview] | Rejected:  # noqa: ARG002
        """Return the requests that this observation would cause: nothing was told of it before. No I/O."""
        return self._siem.preview(subject)

    async def _forward(self, classified: Classified, call: Call) -> Outcome:
        content = self._siem.record(classified)
        if isinstance(content, Rejected):
            return content
        if self._batcher is None:
            return Retry("not started")
        batcher = self._batcher
        return await self._recent.once(
            classified.observation.identity, lambda: batcher.submit(content, len(content), call.deadline)
        )

    async def _send(self, contents: Sequence[bytes]) -> Sequence[Outcome]:
        return await handed_over(self._connection, contents, self._metrics, self._siem.label)

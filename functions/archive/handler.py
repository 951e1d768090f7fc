"""The archive function: one event in, answered once the bus has it for good.

It replies with nothing: a report of what was kept would have to be kept. What a topic has twice is told apart by source
and id; a bus that can keeps it once (docs/bus.md).
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from functions.archive.settings import ArchiveSettings
from shared.bus.names import misnamed
from shared.bus.protocol import Bus, BusUnavailableError, Kept, Published, Reason
from shared.bus.registry import chosen, opener
from shared.bus.topology import topic_of
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Duplicate, Ignored, Outcome, Rejected, Retry, label
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.measured import count
from shared.settings.environment import Environ, SettingsError, read
from shared.start.later import later
from shared.telemetry.metrics import Metrics

NAME: Final = "archive"
_STAGE: Final = "bus"
_OPERATION: Final = "record"
_BUS: Final = ""  # no topic has this name
_NOT_STARTED: Final = Retry("not started")
_WAITING: Final = Retry("too much is waiting", after=1.0)
_AWAY: Final = Retry("the bus does not answer", after=5.0)
_REFUSED: Final[dict[Reason, Outcome]] = {
    "full": Retry("the topic is full", after=30.0),
    "no topic": Retry("the topic is not there", after=30.0),
    "not allowed": Retry("the bus does not let us write", after=30.0),
    "too large": Rejected(_STAGE, "the event is larger than the bus takes"),
    "invalid": Rejected(_STAGE, "the event cannot be written as the bus has it"),
}
"""What an operator can mend is waited for: the broker holds the events for as long."""

_log = logging.getLogger(__name__)


class Archive:
    """The function. What waits for the bus is bounded by number here, and by bytes in the bus."""

    name = NAME
    any_version = True
    """It keeps events of versions that it does not read, for those who will."""

    def __init__(self, opened: Callable[[], Bus], settings: ArchiveSettings, metrics: Metrics) -> None:
        self._opened = opened
        self._most = settings.waiting
        self._topic = settings.topic
        self._metrics = metrics
        self._lock = threading.Lock()
        self._bus: Bus | None = None
        self._started = False
        self._waiting = 0
        self._told: dict[str, set[str]] = {}
        """What is said to be wrong with each topic, and with the whole bus, for as long as it is."""
        labels = {"destination": NAME, "operation": _OPERATION}
        self._done = metrics.counter("tidings_deliveries_total", **labels, result=label(Done()))
        self._lag = metrics.histogram("tidings_end_to_end_lag_seconds", destination=NAME)

    async def start(self) -> None:
        """Begin; the bus's client is loaded once the server listens, and connects with the first event."""
        self._started = True
        later(self._open)

    async def handle(self, event: CloudEvent, _call: Call) -> Result:
        """Keep one event; Done means that the bus has acknowledged it, Duplicate that it had it before."""
        topic = self._topic or topic_of(event)
        if topic is None:
            self._metrics.count("tidings_dropped_total", function=NAME, reason="not_ours", intentional="true")
            return Result(Ignored("nothing that a topic keeps"))
        outcome = await self._keep(topic, event)
        if isinstance(outcome, Done):  # nearly always: it costs a tenth of finding both by their labels
            now = datetime.now(UTC)
            self._done()
            self._lag(max(0.0, (now - (event.time or now)).total_seconds()))
        else:
            count(self._metrics, NAME, _OPERATION, outcome, datetime.now(UTC))
        return Result(outcome)

    def readiness(self) -> Readiness:
        """Return ready once started: a bus that is away is the broker's to wait for."""
        return Readiness() if self._started else Readiness(("not started",))

    async def stop(self) -> None:
        """Close the bus; the host has answered what was in flight."""
        self._started = False
        with self._lock:
            bus, self._bus = self._bus, None
        if bus is not None:
            await bus.close()

    async def _keep(self, topic: str, event: CloudEvent) -> Outcome:
        if not self._started:
            return _NOT_STARTED
        if self._waiting >= self._most:
            return _WAITING
        self._waiting += 1
        try:
            done = await self._open().publish(topic, event)
        except BusUnavailableError as error:
            self._tell(_BUS, str(error))
            return _AWAY
        finally:
            self._waiting -= 1
        return self._outcome(topic, done)

    def _outcome(self, topic: str, done: Published) -> Outcome:
        if isinstance(done, Kept):
            self._told.pop(_BUS, None)
            self._told.pop(topic, None)
            return Duplicate() if done.duplicate else Done()
        outcome = _REFUSED[done.reason]
        if isinstance(outcome, Retry):
            self._tell(topic, f"{topic}: {outcome.reason}")
        return outcome

    def _tell(self, about: str, what: str) -> None:
        """Log what keeps events from being kept: once, until an event is kept again there."""
        told = self._told.setdefault(about, set())
        if what not in told:
            told.add(what)
            _log.warning("%s; events are refused until it is mended", what)

    def _open(self) -> Bus:
        """Return the bus, opened by whoever comes first: the thread after the start, or an event."""
        if (bus := self._bus) is not None:
            return bus
        with self._lock:
            if self._bus is None:
                self._bus = self._opened()
            return self._bus


def new(environ: Environ, metrics: Metrics) -> Archive:
    """Build the function from the environment, without the bus's client. Raises SettingsError."""
    settings, bus = read(ArchiveSettings, environ), chosen(environ)
    if settings.topic and (wrong := misnamed(bus, [settings.topic])):
        raise SettingsError([f"ARCHIVE_TOPIC: {one}" for one in wrong])
    return Archive(opener(bus, environ), settings, metrics)

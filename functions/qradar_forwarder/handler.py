"""The qradar_forwarder function: every classified observation to QRadar, answered once its machine has it."""

from typing import Final

import orjson

from functions.qradar_forwarder.record import fitting, line_of
from functions.qradar_forwarder.settings import MAPPING, ForwarderSettings
from shared.delivery.mapping import Mapping
from shared.delivery.preview import Preview
from shared.destinations.http import naming
from shared.destinations.qradar.client import DESTINATION, SyslogClient
from shared.events.model import Classified
from shared.events.outcome import Rejected
from shared.runtime.forwarding import Bounds, Connection, Forwarder
from shared.runtime.mappings import opened_mapping
from shared.settings.environment import Environ, read
from shared.telemetry.metrics import Metrics

NAME: Final = "qradar_forwarder"
_BYTES: Final = 512 * 1024  # of one write; the connection buffers no more


class QradarSiem:
    """QRadar as the forwarder holds it: records are lines as the mapping says."""

    label = DESTINATION

    def __init__(self, settings: ForwarderSettings, mapping: Mapping, metrics: Metrics) -> None:
        self._settings = settings
        self._mapping = mapping
        self._metrics = metrics

    def connect(self) -> Connection:
        """Build the client. Raises SettingsError for a CA or certificate file that cannot be used."""
        place = self._settings.place()
        with naming("QRADAR_CA_FILE, or QRADAR_CERT_FILE with its key,"):
            if place is None:
                from shared.destinations.qradar.receiver import ReceiverClient  # the HTTP library, where it is spoken

                return ReceiverClient(self._settings, self._metrics)
            return SyslogClient(self._settings, place, self._metrics)

    def prepare(self) -> None:
        """Compile the mapping's templates."""
        self._mapping.prepare()

    def record(self, classified: Classified) -> bytes | Rejected:
        """Return the line without what ends it."""
        try:
            return line_of(classified, self._mapping, self._settings)
        except orjson.JSONEncodeError:
            return Rejected("mapping", "the event cannot be written as JSON")

    def preview(self, classified: Classified) -> list[Preview] | Rejected:
        """Return the line that tells of this observation."""
        made = self.record(classified)
        if isinstance(made, Rejected):
            return made
        method = "POST" if self._settings.place() is None else "SEND"
        return [Preview(NAME, method, self._settings.address, made.decode())]


def new(environ: Environ, metrics: Metrics) -> Forwarder:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError."""
    settings = read(ForwarderSettings, environ)
    mapping = opened_mapping("QRADAR_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    rate = settings.events_per_second
    # With a rate a call takes a second's worth at most: who waits longer than it can is told so by the queue.
    together = min(settings.batch_events, max(1, int(rate))) if rate else settings.batch_events
    bounds = Bounds(together, _BYTES, settings.waiting, 1)
    return Forwarder(NAME, QradarSiem(settings, fitting(mapping, settings.format), metrics), bounds, metrics)

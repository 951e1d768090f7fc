"""The siem_forwarder function: every classified observation to Splunk, answered once Splunk has accepted it."""

from typing import Final

import orjson

from functions.siem_forwarder.record import hec_object
from functions.siem_forwarder.settings import MAPPING, SiemSettings
from shared.delivery.mapping import Mapping
from shared.delivery.preview import Preview
from shared.destinations.http import naming
from shared.destinations.splunk.client import DESTINATION, EVENT_PATH, SplunkClient
from shared.events.model import Classified
from shared.events.outcome import Rejected
from shared.runtime.forwarding import Bounds, Forwarder
from shared.runtime.parts import opened_mapping
from shared.settings.environment import Environ, read
from shared.telemetry.metrics import Metrics

NAME: Final = "siem_forwarder"


class SplunkSiem:
    """Splunk as the forwarder holds it: records are HEC objects as the mapping says."""

    label = DESTINATION

    def __init__(self, settings: SiemSettings, mapping: Mapping, metrics: Metrics) -> None:
        self._settings = settings
        self._mapping = mapping
        self._metrics = metrics

    def connect(self) -> SplunkClient:
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        with naming("SPLUNK_CA_FILE"):
            return SplunkClient(self._settings, self._metrics)

    def prepare(self) -> None:
        """Compile the mapping's templates."""
        self._mapping.prepare()

    def record(self, classified: Classified) -> bytes | Rejected:
        """Return the HEC object as JSON."""
        made = self._object(classified)
        if isinstance(made, Rejected):
            return made
        try:
            return orjson.dumps(made)
        except orjson.JSONEncodeError:
            return Rejected("mapping", "the event cannot be written as JSON")

    def preview(self, classified: Classified) -> list[Preview] | Rejected:
        """Return the request that posts this observation."""
        made = self._object(classified)
        if isinstance(made, Rejected):
            return made
        return [Preview(NAME, "POST", f"{self._settings.url}{EVENT_PATH}", made)]

    def _object(self, classified: Classified) -> dict[str, object] | Rejected:
        settings = self._settings
        return hec_object(classified, self._mapping, index=settings.index, sourcetype=settings.sourcetype)


def new(environ: Environ, metrics: Metrics) -> Forwarder:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError."""
    settings = read(SiemSettings, environ)
    mapping = opened_mapping("SPLUNK_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    bounds = Bounds(settings.batch_events, settings.batch_bytes, settings.waiting, settings.connections)
    return Forwarder(NAME, SplunkSiem(settings, mapping, metrics), bounds, metrics)

"""The siem_forwarder function: every classified observation to Splunk, answered once Splunk has accepted it."""

from typing import Final

import orjson

from functions.siem_forwarder.record import RAW, hec_object, raw_line
from functions.siem_forwarder.settings import MAPPING, SiemSettings
from shared.delivery.mapping import Mapping
from shared.delivery.preview import Preview
from shared.destinations.http import naming
from shared.destinations.splunk.client import EVENT_PATH, SplunkClient
from shared.destinations.splunk.collector import DESTINATION
from shared.destinations.splunk.raw import RawLine
from shared.events.model import Classified
from shared.events.outcome import Rejected
from shared.runtime.forwarding import Bounds, Forwarder
from shared.runtime.mappings import opened_mapping
from shared.settings.environment import Environ, SettingsError, read
from shared.telemetry.metrics import Metrics

NAME: Final = "siem_forwarder"


class SplunkSiem:
    """Splunk as the forwarder holds it: records are HEC objects as the mapping says, or raw lines of the audit log."""

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
        """Return the HEC object as JSON, or the raw line."""
        try:
            raw = self._raw(classified)
            made = self._object(classified) if raw is None else raw
            return made if isinstance(made, bytes | Rejected) else orjson.dumps(made)
        except orjson.JSONEncodeError:
            return Rejected("mapping", "the event cannot be written as JSON")

    def preview(self, classified: Classified) -> list[Preview] | Rejected:
        """Return the request that posts this observation."""
        url = self._settings.urls[0]
        raw = self._raw(classified)
        made = self._object(classified) if raw is None else raw
        if isinstance(made, Rejected):
            return made
        if isinstance(made, RawLine):
            return [Preview(NAME, "POST", url + made.path, made.decode())]
        return [Preview(NAME, "POST", url + EVENT_PATH, made)]

    def _raw(self, classified: Classified) -> RawLine | Rejected | None:
        if self._settings.audit != "raw" or classified.observation.dialect != "audit":
            return None
        return raw_line(classified, self._mapping, index=self._settings.index)

    def _object(self, classified: Classified) -> dict[str, object] | Rejected:
        settings = self._settings
        return hec_object(classified, self._mapping, index=settings.index, sourcetype=settings.sourcetype)


def new(environ: Environ, metrics: Metrics) -> Forwarder:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError."""
    settings = read(SiemSettings, environ)
    mapping = opened_mapping("SPLUNK_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    if settings.audit == "raw" and RAW not in mapping.operations:
        raise SettingsError([f"SPLUNK_AUDIT=raw: SPLUNK_MAPPING has no operation `{RAW}`"])
    bounds = Bounds(settings.batch_events, settings.batch_bytes, settings.waiting, settings.connections)
    return Forwarder(NAME, SplunkSiem(settings, mapping, metrics), bounds, metrics)

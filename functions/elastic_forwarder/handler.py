"""The elastic_forwarder function: every classified observation to Elasticsearch or OpenSearch, as one document each."""

from typing import Final

from functions.elastic_forwarder.settings import MAPPING, ForwarderSettings
from shared.delivery.mapping import Mapping
from shared.delivery.preview import Preview
from shared.destinations.elastic.answers import DESTINATION
from shared.destinations.elastic.client import BULK_PATH, ElasticClient
from shared.destinations.elastic.record import document, written
from shared.destinations.http import naming
from shared.events.model import Classified
from shared.events.outcome import Rejected
from shared.runtime.forwarding import Bounds, Forwarder
from shared.runtime.mappings import opened_mapping
from shared.settings.environment import Environ, read
from shared.telemetry.metrics import Metrics

NAME: Final = "elastic_forwarder"


class ElasticSiem:
    """Elasticsearch or OpenSearch as the forwarder holds it: records are documents as the mapping says."""

    label = DESTINATION

    def __init__(self, settings: ForwarderSettings, mapping: Mapping, metrics: Metrics) -> None:
        self._settings = settings
        self._mapping = mapping
        self._metrics = metrics

    def connect(self) -> ElasticClient:
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        with naming("ELASTIC_CA_FILE"):
            return ElasticClient(self._settings, self._metrics)

    def prepare(self) -> None:
        """Compile the mapping's templates."""
        self._mapping.prepare()

    def record(self, classified: Classified) -> bytes | Rejected:
        """Return the two lines of the bulk item."""
        made = document(classified, self._mapping, index=self._settings.index)
        return made if isinstance(made, Rejected) else written(made)

    def preview(self, classified: Classified) -> list[Preview] | Rejected:
        """Return the request that creates this observation's document; its body is the lines of the bulk request."""
        made = document(classified, self._mapping, index=self._settings.index)
        if isinstance(made, Rejected):
            return made
        return [Preview(NAME, "POST", f"{self._settings.url}{BULK_PATH}", [made.action, made.source])]


def new(environ: Environ, metrics: Metrics) -> Forwarder:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError."""
    settings = read(ForwarderSettings, environ)
    mapping = opened_mapping("ELASTIC_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    bounds = Bounds(settings.batch_events, settings.batch_bytes, settings.waiting, settings.connections)
    return Forwarder(NAME, ElasticSiem(settings, mapping, metrics), bounds, metrics)

"""The glpi_ticket function: an episode in, its one ticket brought to where the snapshot says."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.destinations.glpi.api import Api
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.glpi.tickets import Tickets
from shared.runtime.linking import LinkSettings
from shared.runtime.mappings import opened_mapping
from shared.runtime.ticketing import Ticketing, TicketSettings, kept_in
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

NAME: Final = "glpi_ticket"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"


class TicketsSettings(GlpiSettings, LinkSettings, TicketSettings):
    """Settings of this function: GLPI's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="GLPI_MAPPING", description="An own mapping file.")


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> Ticketing:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(TicketsSettings, environ)
    mapping = opened_mapping("GLPI_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    kept, owned = kept_in(settings.store, environ, store)
    system = Tickets(_api(settings, metrics), settings, NAME, mapping.names)
    return Ticketing(system, mapping, kept, metrics, owned=owned, places=settings.places())


def _api(settings: GlpiSettings, metrics: Metrics) -> Api:
    """Return the API that the settings speak of; the other one is not loaded."""
    if settings.modern:
        from shared.destinations.glpi.modern import Modern

        return Modern(settings, metrics, NAME)
    from shared.destinations.glpi.legacy import Legacy

    return Legacy(settings, metrics, NAME)

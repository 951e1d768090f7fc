"""The servicenow_incident function: an episode in, its one incident brought to where the snapshot says."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.incidents import Incidents
from shared.destinations.servicenow.record import NEEDED, RESERVED
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.runtime.parts import opened_mapping
from shared.runtime.ticketing import Ticketing, TicketSettings, kept_in
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

NAME: Final = "servicenow_incident"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"


class IncidentSettings(ServiceNowSettings, TicketSettings):
    """Settings of this function: the instance's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="SERVICENOW_MAPPING", description="An own mapping file.")


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> Ticketing:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(IncidentSettings, environ)
    mapping = opened_mapping(
        "SERVICENOW_MAPPING", settings.mapping, RESERVED, NEEDED, shipped=MAPPING, keys=settings.pseudonym_keys
    )
    kept, owned = kept_in(settings.store, store)
    system = Incidents(Client(settings, metrics, NAME), NAME, mapping.names)
    return Ticketing(system, mapping, kept, metrics, owned=owned)

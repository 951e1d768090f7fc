"""The servicenow_security function: an episode in, its one security incident brought to where the snapshot says."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.security_incidents import SecurityIncidents
from shared.destinations.servicenow.security_record import types_of
from shared.destinations.servicenow.settings import TableSettings
from shared.runtime.linking import LinkSettings
from shared.runtime.mappings import opened_mapping
from shared.runtime.ticketing import Ticketing, TicketSettings, kept_in
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

NAME: Final = "servicenow_security"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"


class SecuritySettings(TableSettings, LinkSettings, TicketSettings):
    """Settings of this function: the instance's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="SERVICENOW_SECURITY_MAPPING", description="An own mapping file.")


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> Ticketing:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(SecuritySettings, environ)
    mapping = opened_mapping(
        "SERVICENOW_SECURITY_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys
    )
    kept, owned = kept_in(settings.store, environ, store)
    client = Client(settings, metrics, NAME)
    system = SecurityIncidents(client, settings, NAME, mapping.names, types_of(mapping))
    return Ticketing(system, mapping, kept, metrics, owned=owned, places=settings.places())

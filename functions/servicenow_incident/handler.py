"""The servicenow_incident function: an episode in, its one incident brought to where the snapshot says."""

from pathlib import Path
from typing import Final

from pydantic import Field

from functions.servicenow_incident.tables import ByTable
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.incidents import Incidents
from shared.destinations.servicenow.settings import TableSettings
from shared.events.vocabulary import CATEGORIES
from shared.runtime.linking import LinkSettings
from shared.runtime.mappings import opened_mapping
from shared.runtime.ticketing import Ticketing, TicketSettings, kept_in
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

NAME: Final = "servicenow_incident"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"


class IncidentSettings(TableSettings, LinkSettings, TicketSettings):
    """Settings of this function: the instance's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="SERVICENOW_MAPPING", description="An own mapping file.")


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> Ticketing | ByTable:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(IncidentSettings, environ)
    mapping = opened_mapping("SERVICENOW_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    kept, owned = kept_in(settings.store, environ, store)
    client = Client(settings, metrics, NAME)
    names = dict.fromkeys([settings.table, *map(settings.table_for, CATEGORIES)])
    wanted = {name: Incidents(client, settings, settings.table_of(name), NAME, mapping.names) for name in names}
    if set(settings.tables.values()) <= {settings.table}:
        return Ticketing(wanted[settings.table], mapping, kept, metrics, owned=owned, places=settings.places())
    made = {
        name: Ticketing(
            system, mapping, kept, metrics, owned=owned and name == settings.table, places=settings.places()
        )
        for name, system in wanted.items()
    }
    return ByTable(NAME, {one: made[settings.table_for(one)] for one in CATEGORIES}, made[settings.table])

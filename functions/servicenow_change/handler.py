"""The servicenow_change function: a change in, its one change request brought to where the snapshot says."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.delivery.subject import CHANGES
from shared.destinations.servicenow.changes import Changes
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.settings import ChangeSettings
from shared.runtime.mappings import opened_mapping
from shared.runtime.ticketing import Ticketing, TicketSettings, kept_in
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

NAME: Final = "servicenow_change"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"


class ChangeFunctionSettings(ChangeSettings, TicketSettings):
    """Settings of this function: the instance's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="SERVICENOW_CHANGE_MAPPING", description="An own mapping file.")


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> Ticketing:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(ChangeFunctionSettings, environ)
    mapping = opened_mapping(
        "SERVICENOW_CHANGE_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys
    )
    kept, owned = kept_in(settings.store, environ, store)
    system = Changes(Client(settings, metrics, NAME), settings, NAME, mapping.names)
    return Ticketing(system, mapping, kept, metrics, owned=owned, kind=CHANGES)

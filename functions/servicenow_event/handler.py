"""The servicenow_event function: an episode in, its one alert in Event Management as the snapshot says."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.destinations.servicenow.events import MOST, Events
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.runtime.forwarding import Bounds
from shared.runtime.linking import LinkSettings
from shared.runtime.mappings import opened_mapping
from shared.runtime.pseudonyms import PseudonymSettings
from shared.runtime.upserting import Upserting
from shared.settings.environment import Environ, read
from shared.telemetry.metrics import Metrics

NAME: Final = "servicenow_event"
MAPPING: Final = Path(__file__).parent / "mapping.yaml"
_BYTES: Final = 1_000_000
_WAITING: Final = 2_000


class EventSettings(ServiceNowSettings, LinkSettings, PseudonymSettings):
    """Settings of this function: the instance's, and its own."""

    mapping: Path = Field(default=MAPPING, alias="SERVICENOW_EVENT_MAPPING", description="An own mapping file.")


def new(environ: Environ, metrics: Metrics) -> Upserting:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError."""
    settings = read(EventSettings, environ)
    mapping = opened_mapping(
        "SERVICENOW_EVENT_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys
    )
    system = Events(settings, metrics, NAME)
    bounds = Bounds(MOST, _BYTES, _WAITING, settings.connections)
    return Upserting(system, mapping, bounds, metrics, places=settings.places())

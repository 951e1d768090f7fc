"""How GLPI is asked, by whichever API: the refusals of its doors, and what is tried again."""

from shared.delivery.failure import Failure, Temporary
from shared.destinations.bucket import each_second
from shared.destinations.caller import REFUSED, Caller, Door
from shared.destinations.glpi.answers import SERVER_ERROR
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.http import new_client
from shared.destinations.jitter import jitter
from shared.telemetry.metrics import Metrics

APP_REFUSED = Temporary("the credentials are refused: the App-Token", after=60.0)
USER_REFUSED = Temporary("the credentials are refused: the user's", after=60.0)
CLIENT_REFUSED = Temporary("the credentials are refused: the OAuth client's", after=60.0)
REFUSALS = (REFUSED, APP_REFUSED, USER_REFUSED, CLIENT_REFUSED)


def new_caller(settings: GlpiSettings, door: Door, metrics: Metrics, name: str) -> Caller:
    """Return what sends requests to the GLPI of these settings by a door of its own."""
    return Caller(
        lambda told: new_client(
            settings.url,
            ca_file=settings.ca_file,
            tls_min=settings.tls_min,
            connections=settings.connections,
            told=told,
            bucket=each_second(settings.requests_per_second),
        ),
        door,
        _pause,
        connections=settings.connections,
        seconds=settings.seconds,
        metrics=metrics,
        name=name,
        refusals=REFUSALS,
    )


def _pause(failure: Failure, attempt: int) -> float | None:
    return jitter(attempt) if failure == Temporary(SERVER_ERROR) else None

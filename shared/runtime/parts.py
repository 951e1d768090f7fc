"""What a function opens by itself where its host hands it none: its store, and the way to the broker."""

from shared.runtime.function import Publisher
from shared.settings.environment import Environ, SettingsError
from shared.stores.protocol import Store
from shared.stores.registry import open_store


def opened_store(url: str, environ: Environ) -> Store:
    """Return the store of STORE_URL, without I/O; `environ` says who we are there. Raises SettingsError."""
    try:
        return open_store(url, environ)
    except ValueError as error:
        raise SettingsError([f"STORE_URL: {error}"]) from None


def opened_publisher(sink: str) -> Publisher | None:
    """Return what posts to K_SINK, None where it is not set."""
    if not sink:
        return None
    from shared.runtime.sink import HttpPublisher  # the HTTP client, only where it is used

    return HttpPublisher(sink)

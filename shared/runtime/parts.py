"""What a function opens by itself where its host hands it none: its store, its mapping, and the way to the broker."""

from collections.abc import Sequence
from pathlib import Path

from shared.delivery.mapping import Mapping, Reserved, Terms, load_mapping
from shared.runtime.function import Publisher
from shared.runtime.pseudonyms import PseudonymKeys
from shared.runtime.registry import readers
from shared.settings.environment import SettingsError
from shared.stores.protocol import Store
from shared.stores.registry import open_store


def opened_store(url: str) -> Store:
    """Return the store of STORE_URL, without I/O. Raises SettingsError."""
    try:
        return open_store(url)
    except ValueError as error:
        raise SettingsError([f"STORE_URL: {error}"]) from None


def opened_mapping(  # noqa: PLR0913 - each is one part
    variable: str, path: Path, ours: Reserved, needed: Sequence[str], *, shipped: Path, keys: Path | None = None
) -> Mapping:
    """Return a destination's mapping, the arguments as in `Terms`; `variable` is the setting that names an own one.

    `keys` is the folder of PSEUDONYM_KEYS; without one what should be a pseudonym is dropped.

    Raises SettingsError that names the variable and has every mistake.
    """
    there = readers(variable)
    limits = {name: limit for one in there.values() for name, limit in one.limits().items()}
    found = load_mapping(path, Terms(ours, needed, limits, shipped, tuple(there), PseudonymKeys(keys).of))
    if isinstance(found, list):
        raise SettingsError([f"{variable}: {problem}" for problem in found])
    return found


def opened_publisher(sink: str) -> Publisher | None:
    """Return what posts to K_SINK, None where it is not set."""
    if not sink:
        return None
    from shared.runtime.sink import HttpPublisher  # the HTTP client, only where it is used

    return HttpPublisher(sink)

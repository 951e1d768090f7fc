"""The stores by the scheme of their URL. A new store is one entry here: settings, docs and contract tests follow."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from shared.stores.protocol import Store

Clock = Callable[[], float]


class Registered(NamedTuple):
    """One kind of store: how it is opened, an example of its URL in a folder, whether it outlives its process."""

    open: Callable[[str, Clock], Store]
    example: Callable[[Path], str]
    durable: bool
    help: str


def _memory(_url: str, clock: Clock) -> Store:
    from shared.stores.memory import MemoryStore  # only the store that is used is imported

    return MemoryStore(clock)


def _sqlite(url: str, clock: Clock) -> Store:
    from shared.stores.sqlite import SqliteStore  # sqlite3 costs start-up time where another store is used

    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc or not path.strip("/"):
        raise ValueError("a SQLite store is sqlite:///absolute/path")
    return SqliteStore(Path(path), clock)


def sqlite_url(path: Path) -> str:
    """Return the URL of the SQLite store in this file."""
    return f"sqlite://{quote(str(path.resolve()))}"


STORES: dict[str, Registered] = {
    "memory": Registered(_memory, lambda _folder: "memory:", durable=False, help="`memory:` forgets with its process."),
    "sqlite": Registered(
        _sqlite,
        lambda folder: sqlite_url(folder / "store.db"),
        durable=True,
        help="`sqlite:///path/to/file` is one file on this machine.",
    ),
}


def open_store(url: str, clock: Clock = time.time) -> Store:
    """Return the store of a URL; no I/O happens before its first use. Raises ValueError for an unknown URL."""
    scheme = url.partition(":")[0]
    if scheme not in STORES:
        raise ValueError(f"unknown store {scheme!r}: use one of {', '.join(sorted(STORES))}")
    return STORES[scheme].open(url, clock)

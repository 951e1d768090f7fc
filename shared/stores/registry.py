"""The stores by the scheme of their URL. A new store is one entry here: settings, docs and contract tests follow."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from shared.stores.protocol import Store

Clock = Callable[[], float]
Environ = Mapping[str, str]


class Registered(NamedTuple):
    """One kind of store: how it is opened, an example of its URL in a folder, whether it outlives its process.

    `remote`: a server elsewhere keeps it, whose own clock decides what expired.
    """

    open: Callable[[str, Clock, Environ], Store]
    example: Callable[[Path], str]
    durable: bool
    help: str
    remote: bool = False


def _memory(_url: str, clock: Clock, _environ: Environ) -> Store:
    from shared.stores.memory import MemoryStore  # only the store that is used is imported

    return MemoryStore(clock)


def _sqlite(url: str, clock: Clock, _environ: Environ) -> Store:
    from shared.stores.sqlite import SqliteStore  # sqlite3 costs start-up time where another store is used

    path = sqlite_path(url)
    if path is None:
        raise ValueError("a SQLite store is sqlite:///absolute/path")
    return SqliteStore(path, clock)


def _nats(url: str, _clock: Clock, environ: Environ) -> Store:
    from shared.stores.nats_kv import NatsStore  # nats-py costs a quarter of a second where aiohttp is there too
    from shared.stores.nats_place import opened

    return NatsStore(*opened(url, environ))


def sqlite_url(path: Path) -> str:
    """Return the URL of the SQLite store in this file."""
    return f"sqlite://{quote(str(path.resolve()))}"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite store's URL; None where it is no such URL."""
    scheme, _, rest = url.partition(":")
    path = unquote(re.split(r"[?#]", rest.removeprefix("//"), maxsplit=1)[0])
    return Path(path) if scheme == "sqlite" and path.startswith("/") and path.strip("/") else None


STORES: dict[str, Registered] = {
    "memory": Registered(_memory, lambda _folder: "memory:", durable=False, help="`memory:` forgets with its process."),
    "sqlite": Registered(
        _sqlite,
        lambda folder: sqlite_url(folder / "store.db"),
        durable=True,
        help="`sqlite:///path/to/file` is one file on this machine.",
    ),
    "nats": Registered(
        _nats,
        lambda _folder: "nats://host:4222/tidings?replicas=3",
        durable=True,
        help="`nats://host:4222/BUCKET?replicas=3` is a bucket of NATS JetStream, `tls://` the same over TLS.",
        remote=True,
    ),
}
_SAME = {"tls": "nats"}


def open_store(url: str, environ: Environ, clock: Clock = time.time) -> Store:
    """Return the store of a URL; no I/O happens before its first use. `environ` has what a server asks us for.

    Raises ValueError for an unknown URL, and for settings of the store that cannot work.
    """
    scheme = url.partition(":")[0]
    kind = STORES.get(_SAME.get(scheme, scheme))
    if kind is None:
        raise ValueError(f"unknown store {scheme!r}: use one of {', '.join(sorted(STORES))}")
    return kind.open(url, clock, environ)

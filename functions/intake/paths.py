"""The paths that producers post to, each with its limits and its answers (surface.md §3; guarantees.md, Limits)."""

from typing import NamedTuple

from shared.runtime.paths import PATHS as NAMES
from shared.runtime.paths import status_of_later

_KIB = 1024
_MIB = 1024 * _KIB


class Path(NamedTuple):
    """One path: `body` and `item` in bytes, after inflating, too.

    `accepted` and `full` are the statuses that its sender understands.
    """

    name: str
    body: int
    item: int
    accepted: int
    full: int


_LONG = frozenset({"audit", "logs"})  # of many small items, which need not be held together


def _path(name: str) -> Path:
    body, item = (16 * _MIB, 256 * _KIB) if name in _LONG else (_MIB, _MIB)
    accepted = 200 if name == "botkube" else 202  # its sender takes nothing else for success (inputs.md §1.3)
    return Path(f"/{name}", body, item, accepted, status_of_later(f"/{name}"))


PATHS = {f"/{name}": _path(name) for name in NAMES}


def path_of(text: str) -> Path | None:
    """Return the path of a request for `/PATH` or `/PATH/SECRET`; None for any other."""
    first, slash, rest = text[1:].partition("/")
    found = PATHS.get(f"/{first}")
    return None if found is None or "/" in rest or (slash and not rest) else found

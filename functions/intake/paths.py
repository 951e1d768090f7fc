"""The paths that producers post to, each with its limits and its answers (surface.md §3; guarantees.md, Limits)."""

from typing import NamedTuple

_KIB = 1024
_MIB = 1024 * _KIB


class Path(NamedTuple):
    """One path: `body` and `item` in bytes, after inflating, too.

    `accepted` and `full` are the statuses that its sender understands.
    """

    name: str
    body: int = _MIB
    item: int = _MIB
    accepted: int = 202
    full: int = 503


_ALL = (
    Path("/webhook"),
    Path("/botkube", accepted=200),  # its sender takes nothing else for success (reference/inputs.md §1.3)
    Path("/events"),
    Path("/falco"),
    # The API server repeats 429 without end, and other refusals a few times only.
    Path("/audit", body=16 * _MIB, item=256 * _KIB, full=429),
    Path("/gatekeeper"),
    Path("/kyverno"),
    Path("/alertmanager"),
    Path("/acs"),
    Path("/hubble"),
    Path("/logs", body=16 * _MIB, item=256 * _KIB),
)
PATHS = {path.name: path for path in _ALL}


def path_of(text: str) -> Path | None:
    """Return the path of a request for `/PATH` or `/PATH/SECRET`; None for any other."""
    first, slash, rest = text[1:].partition("/")
    found = PATHS.get(f"/{first}")
    return None if found is None or "/" in rest or (slash and not rest) else found

"""How a rig's system is spoken to: by HTTP where the rig says nothing, else as its members say.

A rig of another protocol has `answers = False` where the system says nothing of what it got, and its own `served`,
`nowhere`, `outages`, `silences` and `calls`.
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.local.standins.faults import Rule
from tests.support.servers import serve

_BUSY = (429, 500, 502, 503, 504)


def speaks_http(rig: Any) -> bool:
    """Return True where each request has an answer with a status, and a credential travels in its head."""
    return bool(getattr(rig, "answers", True))


def outages(rig: Any) -> Sequence[Rule]:
    """Return what fails four times and then works."""
    own: Sequence[Rule] | None = getattr(rig, "outages", None)
    return own or tuple(Rule(do="status", status=status, count=4) for status in _BUSY)


def silences(rig: Any) -> Sequence[Rule]:
    """Return what ends no call by itself, or breaks it off, once."""
    own: Sequence[Rule] | None = getattr(rig, "silences", None)
    return own or (
        Rule(do="hang", seconds=10),
        Rule(do="slow-bytes", seconds=0.1),
        Rule(do="reset"),
        Rule(do="commit-then-reset"),
    )


def calls(rig: Any) -> str:
    """Return the stand-in's name of what several records can share."""
    return str(getattr(rig, "calls", rig.writes))


def nowhere(rig: Any, port: int) -> tuple[str, str]:
    """Return an address of this machine where nobody listens, and one whose name there cannot be."""
    if hasattr(rig, "nowhere"):
        one, other = rig.nowhere(port)
        return one, other
    return f"http://127.0.0.1:{port}", "https://no-such-host.invalid"


@contextmanager
def served(
    rig: Any, certificate: Path | None, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> Iterator[tuple[Any, str]]:
    """Serve a new stand-in, by TLS of this version at most where there is a certificate; yield it and its address."""
    if hasattr(rig, "served"):
        with rig.served(certificate, newest) as found:
            yield found
        return
    app = rig.opened()
    try:
        with serve(app, certificate, newest=newest) as url:
            yield app, url
    finally:
        app.close()


def over_http(rigs: Mapping[str, Any]) -> list[str]:
    """Return the names of the rigs that speak HTTP."""
    return sorted(name for name, rig in rigs.items() if speaks_http(rig))

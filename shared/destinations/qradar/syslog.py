"""The syslog around a payload: header and framing (RFC 5424, 3164 and 6587; reference/destinations.md §5.1-5.2)."""

import re
from datetime import UTC, datetime
from typing import Final, Literal

from shared.events.vocabulary import Severity

Framing = Literal["newline", "octet"]

_LOCAL0: Final = 16 * 8
_NOTICE: Final = 5
_LEVELS: Final[dict[str, int]] = {"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}
_HOST: Final = 255
_NOT_PRINTABLE: Final = re.compile(r"[^!-~]+")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def host_of(name: str) -> str:
    """Return what may stand as the host, by which QRadar finds the log source: visible ASCII, at most 255."""
    return _NOT_PRINTABLE.sub("-", name)[:_HOST] or "tidings"


def header(severity: Severity, time: datetime, host: str) -> bytes:
    """Return an RFC 5424 header with the space that ends it; facility local0, the time in UTC with milliseconds."""
    when = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"<{_LOCAL0 + _LEVELS[severity]}>1 {when} {host_of(host)} tidings - - - ".encode()


def audit_header(time: datetime, host: str) -> bytes:
    """Return the header by which QRadar knows the Kubernetes API server's audit records: RFC 3164's, and their tag."""
    at = time.astimezone(UTC)
    when = f"{_MONTHS[at.month - 1]} {at.day:2d} {at:%H:%M:%S}"
    return f"<{_LOCAL0 + _NOTICE}>{when} {host_of(host)} k8s-audit: ".encode()


def framed(line: bytes, framing: Framing) -> bytes:
    """Return a line as it goes over TCP: its length before it, or a line feed behind it (RFC 6587)."""
    return b"%d %s" % (len(line), line) if framing == "octet" else line + b"\n"

"""What `tidings doctor` says of a receiver of syslog: as much as a connection tells, for nothing else answers."""

import ssl

from shared.delivery.failure import Temporary
from shared.destinations.cause import cause
from shared.destinations.finding import Finding
from shared.destinations.qradar.pipe import ConnectionLostError, Pipe
from shared.destinations.qradar.settings import Place, QradarSettings
from shared.destinations.remedy import Remedy

_SECONDS = 1.0
_REMEDY = Remedy(
    "QRADAR_ADDRESS",
    "QRADAR_CA_FILE",
    "QRADAR_TLS_MIN",
    own={
        "it refuses our certificate": "set QRADAR_CERT_FILE and QRADAR_KEY_FILE to what the log source trusts",
        "it speaks no TLS there": "check the port of {address}: TLS Syslog has 6514 by default",
        "nothing listens there": "check the port of {address}, and that the log source is deployed",
        "may speak no TLS 1.3": "check the port of {address}, or set {tls_min}=1.2 if it must be",
        "it closed the connection at once": "does the log source want a client certificate (QRADAR_CERT_FILE)?",
    },
)


async def check(opened: Pipe | Temporary, settings: QradarSettings, place: Place) -> list[Finding]:
    """Say whether there is a connection, and whether it lasts for a second; a bad line says what to do."""
    return [*await _seen(opened, settings, place), *_REMEDY.allowed(settings.tls_min)]


async def _seen(opened: Pipe | Temporary, settings: QradarSettings, place: Place) -> list[Finding]:
    if isinstance(opened, Temporary):
        return [(False, _REMEDY.to(opened.reason))]
    try:
        await opened.settled(_SECONDS)
    except (OSError, ssl.SSLError, ConnectionLostError) as error:
        return [(False, _REMEDY.to(f"the connection does not last ({cause(error)})"))]
    how = "by TLS, its certificate is good" if place.tls else "without TLS, on this machine"
    taken = f"lines of at most {settings.max_bytes} bytes, framed by {settings.framing}"
    return [
        (True, f"connected {how}"),
        (None, f"syslog answers nothing: look in QRadar for what arrives ({taken})"),
        (None, "syslog tells no time: whether the clocks agree cannot be seen"),
    ]

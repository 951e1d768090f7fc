"""What `tidings doctor` says of a receiver of syslog: as much as a connection tells, for nothing else answers."""

import ssl

from shared.delivery.failure import Temporary
from shared.destinations.qradar.pipe import ConnectionLostError, Pipe
from shared.destinations.qradar.settings import Place, QradarSettings
from shared.destinations.qradar.trouble import cause, remedy

_SECONDS = 1.0
Line = tuple[bool, str]


async def check(opened: Pipe | Temporary, settings: QradarSettings, place: Place) -> list[Line]:
    """Say whether there is a connection, and whether it lasts for a second; a bad line says what to do."""
    if isinstance(opened, Temporary):
        return [(False, f"{opened.reason}{remedy(opened.reason)}")]
    try:
        await opened.settled(_SECONDS)
    except (OSError, ssl.SSLError, ConnectionLostError) as error:
        reason = f"the connection does not last ({cause(error)})"
        return [(False, f"{reason}{remedy(reason)}")]
    how = "by TLS, its certificate is good" if place.tls else "without TLS, on this machine"
    taken = f"lines of at most {settings.max_bytes} bytes, framed by {settings.framing}"
    return [(True, f"connected {how}"), (True, f"syslog answers nothing: look in QRadar for what arrives ({taken})")]

"""TLS contexts for what is no HTTP: verify always, a named CA file or the system's authorities, our own certificate."""

import ssl

from shared.bus.protocol import BusUnavailableError
from shared.destinations.trust import Shown, Trust


async def context(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Return a context from the files as they are now. Raises BusUnavailableError where one cannot be used."""
    shown = Shown(cert_file, key_file) if cert_file else None
    try:
        trust = Trust("tls:", ca_file, shown=shown, protocols=())
        await trust.loaded()
    except OSError as error:  # ssl.SSLError is one, too
        raise BusUnavailableError("a CA or certificate file cannot be used") from error
    return trust.context

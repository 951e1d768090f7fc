"""TLS contexts for what is no HTTP: verify always, a named CA file or the system's authorities, our own certificate."""

import asyncio
import ssl
from pathlib import Path

from shared.bus.protocol import BusUnavailableError
from shared.destinations.trust import Shown, Trust


async def context(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Return a context from the files as they are now. Raises BusUnavailableError where one cannot be used."""
    shown = Shown(cert_file, key_file) if cert_file else None
    try:
        trust = Trust("tls:", ca_file, shown=shown, protocols=())
        await trust.loaded()
    except OSError as error:  # ssl.SSLError is one, too
        raise await unusable(ca_file, cert_file, key_file) from error
    return trust.context


async def unusable(*files: str | None) -> BusUnavailableError:
    """Return what to raise where these files make no context: which of them it is, as far as reading them says it."""
    return BusUnavailableError(await asyncio.to_thread(_why, [Path(file) for file in files if file]))


def _why(files: list[Path]) -> str:
    for file in files:
        try:
            file.read_bytes()
        except OSError as error:
            return f"{file} cannot be read ({error.strerror})"
    names = " and ".join(map(str, files))
    return f"{names}: no PEM file of a certificate, or a key that is not the certificate's"

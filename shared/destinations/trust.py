"""Whom to trust: TLS always verified, by the system's authorities or those of a named file."""

import asyncio
import ssl
from concurrent.futures import Future, ThreadPoolExecutor


class Trust:
    """A TLS context whose authorities may still be on their way.

    The system's bundle takes some 15 ms to read, a tenth of a function's start, and OpenSSL reads it without the
    interpreter: so a thread does, while the rest of the start goes on. `loaded` waits for it.
    """

    def __init__(self, ca_file: str | None) -> None:
        """Read a named file at once. Raises OSError or ssl.SSLError where it cannot be used."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
        self._loading: Future[None] | None = None
        if ca_file:
            self.context.load_verify_locations(cafile=ca_file)
        else:
            reader = ThreadPoolExecutor(1, "trust")
            self._loading = reader.submit(self.context.load_default_certs)
            reader.shutdown(wait=False)

    async def loaded(self) -> None:
        """Return once the authorities are there; to be awaited before each handshake."""
        if self._loading is not None:
            await asyncio.shield(asyncio.wrap_future(self._loading))  # who gives up waiting must not end it
            self._loading = None

"""Whom to trust: TLS always verified, by the system's authorities or those of a named file."""

import asyncio
import ssl
import sys
from concurrent.futures import Future, ThreadPoolExecutor


class Trust:
    """A TLS context whose authorities may still be on their way.

    The system's bundle takes some 15 ms to read, a tenth of a function's start, and OpenSSL reads it without the
    interpreter: so a thread does, while the rest of the start goes on. `loaded` waits for it.
    """

    def __init__(self, url: str, ca_file: str | None) -> None:
        """Read a named file at once; of the system's bundle only TLS has a use.

        Raises OSError or ssl.SSLError where the file cannot be used.
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
        if sys.version_info >= (3, 13):  # as the standard library's own default is from there on
            self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        self._loading: Future[None] | None = None
        if ca_file:
            self.context.load_verify_locations(cafile=ca_file)
        elif url.startswith("https:"):
            reader = ThreadPoolExecutor(1, "trust")
            self._loading = reader.submit(self.context.load_default_certs)
            reader.shutdown(wait=False)

    async def loaded(self) -> None:
        """Return once the authorities are there; to be awaited before each handshake."""
        if self._loading is not None:
            await asyncio.shield(asyncio.wrap_future(self._loading))  # who gives up waiting must not end it
            self._loading = None

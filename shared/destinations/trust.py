"""Whom to trust: TLS always verified, by the system's authorities or those of a named file."""

import asyncio
import ssl
import sys
import tempfile
import threading

from shared.start.later import later


class Trust:
    """A TLS context whose authorities may still be on their way.

    The system's bundle takes some 15 ms of CPU to read, a tenth of a function's start, and nothing needs it before the
    first handshake: so it is read shortly after the start. `loaded` waits for it, and reads it where nobody has.
    """

    def __init__(self, url: str, ca_file: str | None, *, authorities: str = "", certificate: bytes = b"") -> None:
        """Read a named file at once; of the system's bundle only TLS has a use.

        `authorities` are PEM text instead of a file; `certificate` is what this side shows, PEM with its key. Raises
        OSError or ssl.SSLError where one of them cannot be used.
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
        if sys.version_info >= (3, 13):  # as the standard library's own default is from there on
            self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        self._missing = not ca_file and not authorities and url.startswith("https:")
        self._reading = threading.Lock()
        if certificate:
            self._show(certificate)
        if authorities:
            self.context.load_verify_locations(cadata=authorities)
        elif ca_file:
            self.context.load_verify_locations(cafile=ca_file)
        elif self._missing:
            later(self._load)

    async def loaded(self) -> None:
        """Return once the authorities are there; to be awaited before each handshake."""
        if self._missing:
            await asyncio.to_thread(self._load)  # who gives up waiting does not end it

    def _show(self, certificate: bytes) -> None:
        """Load a certificate and key by way of a file, since OpenSSL's context takes no other; nobody else reads it."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate)
            file.flush()
            self.context.load_cert_chain(file.name)

    def _load(self) -> None:
        with self._reading:
            if self._missing:
                self.context.load_default_certs()
                self._missing = False

"""Whom to trust: TLS always verified, by the system's authorities or those of a named file."""

import asyncio
import logging
import ssl
import sys
import tempfile
import threading
from pathlib import Path

from shared.start.later import later

_log = logging.getLogger(__name__)


class Trust:
    """A TLS context whose authorities may still be on their way, or change.

    The system's bundle takes some 15 ms of CPU to read, a tenth of a function's start, and nothing needs it before the
    first handshake: so it is read shortly after the start. `loaded` waits for it, and reads it where nobody has.

    A named file is read again once it changes (F38): from then on only its new authorities are trusted. One that cannot
    be used, as while it is being written, leaves those that were there.
    """

    def __init__(self, url: str, ca_file: str | None, *, authorities: str = "", certificate: bytes = b"") -> None:
        """Read a named file at once; of the system's bundle only TLS has a use.

        `authorities` are PEM text instead of a file; `certificate` is what this side shows, PEM with its key. Raises
        OSError or ssl.SSLError where one of them cannot be used.
        """
        self.context = _context()
        self._file = Path(ca_file) if ca_file and not authorities else None
        self._stamp = (0, 0)
        self._certificate = certificate
        self._missing = not ca_file and not authorities and url.startswith("https:")
        self._reading = threading.Lock()
        if certificate:
            _show(self.context, certificate)
        if authorities:
            self.context.load_verify_locations(cadata=authorities)
        elif self._file is not None:
            self._stamp = _stamp(self._file)
            self.context.load_verify_locations(cafile=self._file)
        elif self._missing:
            later(self._load)

    async def loaded(self) -> None:
        """Return once the authorities are there; to be awaited before each handshake."""
        if self._missing:
            await asyncio.to_thread(self._load)  # who gives up waiting does not end it
        if self._file is not None:
            self._follow(self._file)

    def _follow(self, file: Path) -> None:
        """Read the named file again where it is another one than before."""
        try:
            stamp = _stamp(file)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            context = _context()
            if self._certificate:
                _show(context, self._certificate)
            context.load_verify_locations(cafile=file)
        except OSError:  # ssl.SSLError is one, too
            _log.warning("a CA file changed and cannot be used: what it held before stays in force")
        else:
            self.context = context

    def _load(self) -> None:
        with self._reading:
            if self._missing:
                self.context.load_default_certs()
                self._missing = False


def _context() -> ssl.SSLContext:
    """Return a context that verifies certificate and host name, and trusts nobody yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):  # as the standard library's own default is from there on
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    return context


def _show(context: ssl.SSLContext, certificate: bytes) -> None:
    """Load a certificate and key by way of a file, since OpenSSL's context takes no other; nobody else reads it."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)


def _stamp(file: Path) -> tuple[int, int]:
    """Return what changes with a file. Raises OSError where there is none."""
    status = file.stat()
    return status.st_mtime_ns, status.st_ino

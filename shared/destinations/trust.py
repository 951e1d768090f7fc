"""Whom to trust: TLS always verified, by the system's authorities or those of a named file."""

import asyncio
import logging
import ssl
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from shared.destinations.tls_min import TlsMin, allow
from shared.start.later import later

_log = logging.getLogger(__name__)


class Shown(NamedTuple):
    """What this side shows: PEM files of a certificate and of its key, None where that is in the same file."""

    certificate: str
    key: str | None = None


class Trust:
    """A TLS context whose authorities may still be on their way, or change.

    The system's bundle takes some 15 ms of CPU to read, a tenth of a function's start, and nothing needs it before the
    first handshake: so it is read shortly after the start. `loaded` waits for it, and reads it where nobody has.

    A named file is read again once it changes (F38): from then on only its new authorities are trusted. So is the file
    of what this side shows. One that cannot be used, as while it is being written, leaves what was there.
    """

    def __init__(  # noqa: PLR0913 - whom to trust, and what to show, each in two ways
        self,
        url: str,
        ca_file: str | None,
        *,
        authorities: str = "",
        certificate: bytes = b"",
        shown: Shown | None = None,
        protocols: Sequence[str] = ("http/1.1",),
        tls_min: TlsMin = "1.2",
    ) -> None:
        """Read a named file at once; of the system's bundle only TLS has a use.

        `authorities` are PEM text instead of a file; `certificate` is what this side shows, PEM with its key, and
        `shown` the files of it. `protocols` are offered to the other side (ALPN), which speaks `tls_min` or newer.
        Raises OSError or ssl.SSLError where one of them cannot be used.
        """
        self._protocols = protocols
        self._tls_min: TlsMin = tls_min
        self._authorities = authorities
        self._file = Path(ca_file) if ca_file and not authorities else None
        self._shown = shown
        self._certificate = certificate
        self._missing = not ca_file and not authorities and url.startswith(("https:", "tls:"))
        self._reading = threading.Lock()
        self._stamps = self._stamped()
        self.context = self._read()
        if self._missing:
            later(self._load)

    async def loaded(self) -> None:
        """Return once the authorities are there; to be awaited before each handshake."""
        if self._missing:
            await asyncio.to_thread(self._load)  # who gives up waiting does not end it
        if self._file is not None or self._shown is not None:
            self._follow()

    def _follow(self) -> None:
        """Read the named files again where one of them is another one than before."""
        try:
            stamps = self._stamped()
            if stamps == self._stamps:
                return
            self._stamps = stamps
            context = self._read()
        except OSError:  # ssl.SSLError is one, too
            _log.warning("a CA or certificate file changed and cannot be used: what it held before stays in force")
        else:
            if self._file is None and not self._authorities:
                context.load_default_certs()
            self.context = context

    def _stamped(self) -> list[tuple[int, int, int]]:
        """Return what changes with the named files. Raises OSError where one is missing."""
        shown = () if self._shown is None else tuple(map(Path, filter(None, self._shown)))
        return [_stamp(file) for file in (*((self._file,) if self._file else ()), *shown)]

    def _read(self) -> ssl.SSLContext:
        """Return a context with all that is named. Raises OSError, ssl.SSLError."""
        context = _context(self._protocols)
        allow(context, self._tls_min)
        if self._certificate:
            _show(context, self._certificate)
        if self._shown is not None:
            context.load_cert_chain(*self._shown, password=_no_password)
        if self._authorities:
            context.load_verify_locations(cadata=self._authorities)
        elif self._file is not None:
            context.load_verify_locations(cafile=self._file)
        return context

    def _load(self) -> None:
        with self._reading:
            if self._missing:
                self.context.load_default_certs()
                self._missing = False


def _no_password() -> str:
    """Raise ssl.SSLError by way of OpenSSL for an encrypted key: without this it would ask at the terminal."""
    return ""


def _context(protocols: Sequence[str]) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name, and trusts nobody yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):  # as the standard library's own default is from there on
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def _show(context: ssl.SSLContext, certificate: bytes) -> None:
    """Load a certificate and key by way of a file, since OpenSSL's context takes no other; nobody else reads it."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)


def _stamp(file: Path) -> tuple[int, int, int]:
    """Return what changes with a file, also where two writes fall into one tick of its clock. Raises OSError."""
    status = file.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size

"""Why there is no connection, in few constant words of ours: they stand in outcomes, and become labels of metrics."""

import errno
import socket
import ssl
from typing import Final

from shared.destinations.guard import AddressRefusedError
from shared.destinations.tls_min import TooOldError

_DISTRUST: Final = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
"""By OpenSSL's codes of verification (X509_V_ERR_CERT_NOT_YET_VALID and the others of x509_vfy.h)."""
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
_OUR_CERTIFICATE: Final = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
_BY_NUMBER: Final = {
    errno.EHOSTUNREACH: "no way leads there",
    errno.ENETUNREACH: "no way leads there",
}
_BY_KIND: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ConnectionRefusedError, "nothing listens there"),
    (ConnectionError, "it closed the connection at once"),
)


def cause(error: BaseException) -> str:
    """Return why a connection failed, as the first error says that has words here, going from the outermost inwards.

    Libraries wrap what the operating system or TLS said; else it is the outermost one's kind.
    """
    inner: BaseException | None = error
    while inner is not None:
        words = _words(inner)
        if words:
            return words
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _DISTRUST.get(error.verify_code, "its certificate is not trusted")
    if isinstance(error, ssl.SSLError):
        return _of_tls(getattr(error, "reason", None) or "")  # asyncio makes some that have none
    if isinstance(error, AddressRefusedError | TooOldError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "the name cannot be looked up" if error.errno == socket.EAI_AGAIN else "the name is not known"
    if isinstance(error, OSError) and error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    return next((words for kind, words in _BY_KIND if isinstance(error, kind)), "")


def _of_tls(reason: str) -> str:
    if "ALERT" in reason:
        ours = any(word in reason for word in _OUR_CERTIFICATE)
        return "it refuses our certificate" if ours else "it breaks the handshake off"
    return "it speaks no TLS there" if reason in _NO_TLS else "the TLS handshake fails"

"""Why there is no connection, in our own words: for outcomes, and for `tidings doctor` with what to do about it."""

import socket
import ssl
from typing import Final

from shared.destinations.guard import AddressRefusedError
from shared.destinations.qradar.pipe import ConnectionLostError

_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED and the next ones, of OpenSSL's x509_vfy.h
_NOT_YET: Final = 9
_OTHER_NAME: Final = frozenset({62, 64})  # host name, IP address
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
_REMEDIES: Final = {
    "its certificate is for another name": "name in QRADAR_ADDRESS the host that its certificate has",
    "its certificate has expired": "renew it at the receiver",
    "its certificate is not valid yet": "check the clocks on both sides",
    "its certificate is not trusted": "set QRADAR_CA_FILE to the authority that signed it",
    "it refuses our certificate": "set QRADAR_CERT_FILE and QRADAR_KEY_FILE to what the log source trusts",
    "it speaks no TLS there": "check the port of QRADAR_ADDRESS: TLS Syslog has 6514 by default",
    "in time": "check host and port of QRADAR_ADDRESS, and what lies between",
    "it is not listened there": "check the port of QRADAR_ADDRESS, and that the log source is deployed",
    "the name is not known": "check the host of QRADAR_ADDRESS",
    "it closed the connection at once": "does the log source want a client certificate (QRADAR_CERT_FILE)?",
}
_KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ConnectionRefusedError, "it is not listened there"),
    (socket.gaierror, "the name is not known"),
    (ConnectionLostError, "it closed the connection at once"),
    (ConnectionResetError, "it closed the connection at once"),
    (BrokenPipeError, "it closed the connection at once"),
)


def cause(error: BaseException) -> str:
    """Return why a connection failed, as few words of ours."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error.verify_code)
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, AddressRefusedError):
        return str(error)
    return next((words for kind, words in _KINDS if isinstance(error, kind)), type(error).__name__)


def remedy(reason: str) -> str:
    """Return what to do about such a reason, with the colon before it; nothing where we know nothing better."""
    return next((f": {text}" for words, text in _REMEDIES.items() if words in reason), "")


def _of_certificate(code: int) -> str:
    if code in _OTHER_NAME:
        return "its certificate is for another name"
    if code == _EXPIRED:
        return "its certificate has expired"
    return "its certificate is not valid yet" if code == _NOT_YET else "its certificate is not trusted"


def _of_tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if "ALERT" in reason:
        refused = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
        return (
            "it refuses our certificate" if any(word in reason for word in refused) else "it breaks the handshake off"
        )
    return "it speaks no TLS there" if reason in _NO_TLS else "the TLS handshake fails"

"""What a failure of one request means: whether anything of it can have had an effect over there."""

import logging
import ssl
from typing import TYPE_CHECKING, Any, Final

from shared.delivery.failure import Ambiguous, Temporary
from shared.destinations.guard import AddressRefusedError

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)

CROWDED: Final = "too many requests at once"
_DISTRUST = {
    10: "its certificate has expired",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
"""By OpenSSL's codes of verification (X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH)."""


class Sending:
    """Whether any byte of a request may have gone out: until then every failure is certainly without effect."""

    def __init__(self, request: "httpx2.Request") -> None:
        self.begun = False
        self._had_turn = False
        request.extensions = {**request.extensions, "trace": self}

    async def __call__(self, event: str, _info: dict[str, Any]) -> None:
        """Take note of what the library does."""
        self._had_turn = True
        self.begun = self.begun or event.endswith("send_request_headers.started")

    def failure(self, error: Exception) -> Temporary | Ambiguous:
        """Return what a failure of this request is.

        Not only those that the library documents: a mistake below it says no more about what was sent than they do.
        """
        if isinstance(error, TimeoutError):
            if self.begun:
                return Ambiguous("no complete answer in time")
            return Temporary("cannot connect in time" if self._had_turn else CROWDED)
        if not isinstance(error, OSError) and not type(error).__module__.startswith("httpx2"):
            _log.warning("the HTTP library failed in a way that it does not document", exc_info=error)
        if not self.begun:
            return Temporary(f"cannot connect ({_cause(error)})")
        return Ambiguous(f"the connection broke ({type(error).__name__})")


def _cause(error: BaseException) -> str:
    """Return the kind of failure; a certificate that is not trusted is worth its own words (F38), so is F48."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return _DISTRUST.get(inner.verify_code, "its certificate is not trusted")
        if isinstance(inner, AddressRefusedError):
            return str(inner)
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__

"""What a failure of one request means: whether anything of it can have had an effect over there."""

import logging
from typing import TYPE_CHECKING, Any, Final

from shared.delivery.failure import Ambiguous, Temporary
from shared.destinations.cause import cause

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)

CROWDED: Final = "too many requests at once"


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
            return Temporary(f"cannot connect ({cause(error)})")
        return Ambiguous(f"the connection broke ({type(error).__name__})")

"""What a failure of one request means: whether anything of it can have had an effect over there."""

import logging
from typing import TYPE_CHECKING, Final

from shared.delivery.failure import Ambiguous, Temporary
from shared.destinations.cause import cause

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)

CROWDED: Final = "too many requests at once"


EXTENSION: Final = "sending"
"""The request's extension by which the pool finds who is to be told how far it came."""


class Sending:
    """How far a request came: had it a connection's turn, may any byte of it have gone out (`begun`).

    Until a byte may have, every failure is certainly without effect. The pool says so: the library's own way to tell,
    its trace, takes a twentieth of a call.
    """

    def __init__(self, request: "httpx2.Request") -> None:
        self.begun = False
        self.had_turn = False
        request.extensions = {**request.extensions, EXTENSION: self}

    def failure(self, error: Exception) -> Temporary | Ambiguous:
        """Return what a failure of this request is.

        Not only those that the library documents: a mistake below it says no more about what was sent than they do.
        """
        if isinstance(error, TimeoutError):
            if self.begun:
                return Ambiguous("no complete answer in time")
            return Temporary("cannot connect in time" if self.had_turn else CROWDED)
        if not isinstance(error, OSError) and not type(error).__module__.startswith("httpx2"):
            _log.warning("the HTTP library failed in a way that it does not document", exc_info=error)
        if not self.begun:
            return Temporary(f"cannot connect ({cause(error)})")
        return Ambiguous(f"the connection broke ({type(error).__name__})")

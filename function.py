"""One function as `kn func` serves it: its scaffolding imports `new` and gives the object to func-python.

FUNCTION_TARGET says which one; `invoke: http` in func.yaml. The distribution and this module must be called `function`
(docs/decisions/0001-distribution-and-package-names.md).
"""

import os
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.start import loading

if TYPE_CHECKING:
    from shared.runtime.asgi import Receive, Scope, Send
    from shared.runtime.hosts import Hosted

_EVERYWHERE = "[::]:8080,0.0.0.0:8080"  # what func-python listens on where LISTEN_ADDRESS is not set


class Served:
    """A function in func-python, which answers the two health paths itself and asks here what to say."""

    def __init__(self, hosted: "Hosted") -> None:
        self._hosted = hosted
        self._stopped = False

    def start(self, _cfg: dict[str, str]) -> None:
        """Begin to start, in the loop that will serve; the settings are the environment's and were read in `new`."""
        self._hosted.begin()

    async def handle(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request: the edge does."""
        await self._hosted(scope, receive, send)

    def alive(self) -> tuple[bool, str]:
        """Return whether it lives, and the edge's own answer as text."""
        if self._hosted.failed:
            return False, "the function did not start"
        return True, self._hosted.ask("/health/liveness")[1]

    def ready(self) -> tuple[bool, str]:
        """Return whether it can work, and the edge's own answer as text."""
        status, text = self._hosted.ask("/health/readiness")
        return status == HTTPStatus.OK and self._hosted.up and not self._stopped, text

    def stop(self) -> None:
        """Be no longer ready. What was opened is closed when the loop ends: this method cannot wait for it."""
        self._stopped = True


def new() -> Served:
    """Build the function that FUNCTION_TARGET names; ends the process where its settings cannot work."""
    loading.begin()
    try:
        from shared.runtime.hosts import (  # all of ours, and pydantic: only once the loading has begun
            is_port,
            new_hosted,
        )

        places = [place.rpartition(":") for place in os.environ.get("LISTEN_ADDRESS", _EVERYWHERE).split(",")]
        wrong = [port for _, _, port in places if not is_port(port)]
        if wrong:
            sys.exit(f"tidings: LISTEN_ADDRESS: {wrong[0]!r} is no port")  # else this host ends with a traceback
        return Served(new_hosted([host.strip("[]") for host, _, _ in places], os.environ))
    finally:
        loading.end()

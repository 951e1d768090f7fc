"""The QRadar stand-in: a syslog receiver, an HTTP Receiver, and a page that shows what came.

From reference/destinations.md §5. Like the original it answers nothing to syslog, takes one framing alone, and cuts
payloads that are too long in two. The HTTP Receiver takes a POST whose body has one payload in each line.
"""

from collections.abc import Sequence

from shared.local.standins.faults import Faults
from shared.local.standins.frame import Frame, Request, Response, json_response
from shared.local.standins.qradar.framing import Splitter
from shared.local.standins.qradar.page import payloads_page
from shared.local.standins.qradar.reading import read_event
from shared.local.standins.qradar.receiver import Options, Receiver
from shared.local.standins.qradar.store import Store
from shared.runtime.asgi import Receive, Scope, Send

_SHOWN = 200
_MAX_BODY = 32_767  # of one event of the HTTP Receiver


class Qradar:
    """One receiver: an ASGI app to look at it, and what it has kept."""

    def __init__(self, store: Store, options: Options, faults: Faults) -> None:
        self.faults = faults
        self._store = store
        self._receiver = Receiver(options, faults, self._keep)
        self._frame = Frame(self._handle, self._control, lambda _request: "post", faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._frame(scope, receive, send)

    @property
    def address(self) -> str:
        """Return where the syslog receiver listens, as QRADAR_ADDRESS has it."""
        return self._receiver.address

    def quiet(self) -> bool:
        """Wait until every connection has ended; True where all that came is kept then."""
        return self._receiver.quiet()

    def payloads(self) -> Sequence[str]:
        """Return all payloads in the order of their arrival."""
        return self._store.column("payload")

    def identities(self) -> list[str]:
        """Return the identity of each payload, repeated ones as well; empty for one that cannot be read."""
        return self._store.column("identity")

    def count(self) -> int:
        """Return how many payloads there are."""
        return self._store.count()

    def close(self) -> None:
        """Close the port and the database."""
        self._receiver.close()
        self._store.close()

    def _keep(self, payload: bytes) -> None:
        text = payload.decode("utf-8", "replace")
        self._store.add(read_event(text), text)

    def _handle(self, request: Request) -> Response:
        if request.method == "GET":
            return payloads_page(self._store.latest(_SHOWN), self.count(), self.address)
        if request.method != "POST":
            return Response(405)
        for payload in Splitter("newline", _MAX_BODY).fed(request.body + b"\n"):
            if payload:
                self._keep(payload)
        return Response(200)

    def _control(self, request: Request) -> Response:
        if request.method == "GET" and request.path.endswith("/payloads"):
            return json_response(200, self._store.latest(_SHOWN))
        if request.method == "GET" and request.path.endswith("/address"):
            return json_response(200, {"address": self.address})
        return json_response(404, {"error": "there is no such control"})


def new_app(database: str = ":memory:", *, options: Options | None = None, faults: Faults | None = None) -> Qradar:
    """Return a stand-in that listens for syslog already; `close` ends that. Raises OSError for a port that is taken."""
    return Qradar(Store(database), options or Options(), faults or Faults())

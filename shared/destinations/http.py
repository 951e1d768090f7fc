"""The one place where HTTP clients are built and where transport errors become values.

TLS is always verified, redirects are never followed, nothing is sent to a host that the settings do not name or to an
address that no foreign system can have (F48), and one total deadline bounds a call however slowly its bytes come
(guarantees.md F13-F17).
"""

import asyncio
import contextlib
import importlib
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.answer import Answer, asked_wait
from shared.destinations.breaker import FAILURES, Breaker, Turn
from shared.destinations.bucket import Bucket
from shared.destinations.budget import Budget
from shared.destinations.clock import Clock
from shared.destinations.sending import CROWDED, Sending
from shared.destinations.standing import Standing
from shared.destinations.tls_min import TlsMin
from shared.destinations.trust import Trust
from shared.settings.environment import SettingsError
from shared.start.later import later

if TYPE_CHECKING:
    import httpx2

    from shared.destinations.backend import Library

_MAX_BODY = 8 * 1024 * 1024
_URLS = 64
_OURS = 0.5  # of a call's seconds: how long it may wait for its turn; the rest is for the answer
_TOO_MANY = 429
_REDIRECTS = range(300, 400)
_NOBODY = frozenset({502, 503, 504})
"""What stands for a system that is not there: of its proxy, or of itself while it starts."""
HELD: Final = "held back: it did not answer lately"
LIMITED: Final = "held back: its rate limit is reached"
LATE: Final = "no time left"


class Client:
    """A client for one foreign system, whose library is loaded when it is first needed, or shortly after the start.

    Loading it takes some 30 ms, a fifth of a function's start, and nothing before the first request needs it: so a
    thread does it once the server listens. A request that comes sooner waits for it.
    """

    def __init__(
        self,
        build: "Callable[[], Library]",
        standing: Standing,
        bucket: Bucket | None = None,
        failures: int = FAILURES,
    ) -> None:
        """`build` loads the library and builds its client; it is called once. `failures` in a row open the breaker."""
        self.standing = standing
        self.breaker = Breaker(failures=failures)
        self.clock = Clock()
        self.bucket = bucket or Bucket()
        self.budget = Budget()
        self._build = build
        self._built: Library | None = None
        self._urls: dict[str, httpx2.URL] = {}  # by path: the library takes a tenth of a call's time to read one
        later(lambda: importlib.import_module("shared.destinations.backend"))

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    @property
    def free(self) -> bool:
        """Return True where a request would go out now."""
        return self.breaker.free and not self.bucket.holding

    def build_request(self, method: str, path: str, **parts: Any) -> "httpx2.Request":
        """Return a request; `parts` are those of httpx: `params`, `headers`, `content`, `data`."""
        known = self._urls.get(path)
        request = self._library.build_request(method, known or path, **parts)
        if known is None and not parts.get("params") and len(self._urls) < _URLS:
            self._urls[path] = request.url
        return request

    async def send(self, request: "httpx2.Request") -> "httpx2.Response":
        """Send a request and return the answer once its headers are there. Raises what the library raises."""
        return await self._library.send(request)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._built is not None:
            await self._built.aclose()

    @property
    def _library(self) -> "Library":
        if self._built is None:
            self._built = self._build()
        return self._built


def new_client(  # noqa: PLR0913 -- what a client is
    url: str,
    *,
    ca_file: str | None = None,
    tls_min: TlsMin = "1.2",
    connections: int = 8,
    told: Callable[[str], None] | None = None,
    api_server: bool = False,
    bucket: Bucket | None = None,
    failures: int = FAILURES,
) -> Client:
    """Build a client for one foreign system, which reaches nothing but the host and port of `url`, its base.

    `told` is told in one word why an address was refused. With `api_server` the URL is the cluster's own API server,
    which no foreign system's setting may lead to. `bucket` is its rate limit, where one was agreed on; `failures` in a
    row open its breaker. It must speak TLS `tls_min` or newer. Raises OSError or ssl.SSLError for a CA file that cannot
    be used.
    """
    trust = Trust(url, ca_file, tls_min=tls_min)
    return _new_client(url, trust, connections, told, api_server=api_server, bucket=bucket, failures=failures)


@contextlib.contextmanager
def naming(variable: str) -> Iterator[None]:
    """Say which setting names a CA file that cannot be used. Raises SettingsError instead of OSError, ssl.SSLError."""
    try:
        yield
    except (OSError, ssl.SSLError):
        raise SettingsError([f"{variable} is not a PEM bundle that can be used"]) from None


def new_api_client(url: str, *, authorities: str = "", certificate: bytes = b"", connections: int = 8) -> Client:
    """Build a client for the API server of a cluster, which may be our own; else it is as `new_client` builds it.

    `authorities` is PEM text (empty: the system's), `certificate` is PEM with its key. Raises OSError or ssl.SSLError
    where they cannot be used.
    """
    trust = Trust(url, None, authorities=authorities, certificate=certificate)
    return _new_client(url, trust, connections, None, api_server=True)


def _new_client(  # noqa: PLR0913 -- as the two above
    url: str,
    trust: Trust,
    connections: int,
    told: Callable[[str], None] | None,
    *,
    api_server: bool = False,
    bucket: Bucket | None = None,
    failures: int = FAILURES,
) -> Client:
    def build() -> "Library":
        from shared.destinations.backend import new_library  # see Client

        return new_library(url, trust, connections, told, api_server=api_server)

    return Client(build, Standing(urlsplit(url).netloc), bucket, failures)


async def exchange(
    client: Client, request: "httpx2.Request", *, seconds: float, tokens: float = 1.0
) -> Answer | Temporary | Ambiguous | Refused:
    """Send one request and read its whole answer within `seconds`, its turn by the rate limit included.

    Any answer with a status is an Answer; judging it is the destination's business. Without an answer: Temporary where
    certainly nothing was sent, Ambiguous where something may have been. For a request that changes nothing the caller
    may treat Ambiguous as Temporary. A redirect is Refused: following it would hand the credentials on. While the
    breaker is open, or the wait lasts that a 429 asked for, nothing is sent, and the Temporary says when to come again.
    `tokens` is what the request takes of the rate limit. Without time nothing is sent, nor held against the system.
    """
    if seconds <= 0:
        return Temporary(LATE)
    end = time.monotonic() + seconds
    turn = await client.breaker.turn(seconds * _OURS)
    if turn.wait:
        return Temporary(HELD, after=turn.wait)
    try:
        wait = await client.bucket.take(max(0.0, end - time.monotonic() - seconds * _OURS), tokens)
        if not wait:
            client.budget.called()
        found = Temporary(LIMITED, after=wait) if wait else await _exchanged(client, request, end - time.monotonic())
    except BaseException:  # cancelled: nobody knows how it would have ended
        client.breaker.left(turn)
        raise
    if wait:
        client.breaker.left(turn)
    else:
        _note(client, turn, found)
    return found


def _note(client: Client, turn: Turn, found: Answer | Temporary | Ambiguous | Refused) -> None:
    """Tell the client's standing, breaker and rate limit how a call ended."""
    if found == Temporary(CROWDED):
        client.breaker.left(turn)  # it waited for a connection of ours, and says nothing of the system
        return
    if isinstance(found, Temporary | Ambiguous):
        client.standing.failed(found.reason)
        client.breaker.failed(turn)
        return
    client.standing.answered()
    if isinstance(found, Answer):
        client.clock.note(found.headers.get("date", ""))
    if isinstance(found, Answer) and found.status in _NOBODY:
        client.breaker.failed(turn)
        return
    client.breaker.answered(turn)
    if isinstance(found, Answer) and found.status == _TOO_MANY:
        client.bucket.hold(asked_wait(found.headers, time.time()) or 0.0)


async def _exchanged(
    client: Client, request: "httpx2.Request", seconds: float
) -> Answer | Temporary | Ambiguous | Refused:
    sending = Sending(request)
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
    except Exception as error:  # noqa: BLE001 - from here on it is a value; what was sent decides which
        return sending.failure(error)
    if body is None:
        return Ambiguous("the answer is too large")
    if response.status_code in _REDIRECTS:
        return Refused("redirected to another address; redirects are not followed")
    return Answer.of(response.status_code, response.headers, body)


def as_unsent(failure: Failure) -> Failure:
    """Turn Ambiguous into Temporary: for requests that change nothing over there."""
    return Temporary(failure.reason) if isinstance(failure, Ambiguous) else failure


async def _body(response: "httpx2.Response") -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    from shared.destinations.backend import decoded  # it is there since the request was built

    async for chunk in decoded(response):
        size += len(chunk)
        if size > _MAX_BODY:
            return None
        chunks.append(chunk)
    return b"".join(chunks)

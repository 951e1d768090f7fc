"""The one place where HTTP clients are built and where transport errors become values.

TLS is always verified, redirects are never followed, nothing is sent to a host that the settings do not name or to an
address that no foreign system can have (F48), and one total deadline bounds a call however slowly its bytes come
(guarantees.md F13-F17).
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import orjson

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.guard import AddressRefusedError
from shared.destinations.trust import Trust
from shared.settings.addresses import is_api_server, is_loopback, literal, refusal
from shared.settings.environment import Secret

if TYPE_CHECKING:
    import httpcore2

_CONNECT = 5.0
_MAX_BODY = 8 * 1024 * 1024
_MAX_WAIT = 86_400.0
_KEEP_ALIVE = 5.0  # seconds that a connection may lie idle
_REDIRECTS = range(300, 400)
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: `json` is the parsed body, or None where the body is not JSON."""

    status: int
    headers: httpx2.Headers
    body: bytes
    json: object


def check_url(url: str) -> str:
    """Return the URL without a trailing slash.

    Raises ValueError unless it is https, or http to this very machine: credentials do not travel in the clear. A host
    that is an address is judged here already (F48); a name at each connection.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as https://example.com")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials: set them in their own variables")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is only for this machine's own loopback")
    if is_api_server(parts.hostname):
        raise ValueError("must not name the cluster's own API server")
    address = literal(parts.hostname)
    why = refusal(address, loopback=is_loopback(parts.hostname)) if address else ""
    if why:
        raise ValueError(f"must not name an address that no foreign system has ({why})")
    if parts.port == 0:  # reading it raises ValueError for one that is no port
        raise ValueError("must name a port above 0")
    return url.rstrip("/")


def check_token(secret: Secret | None) -> Secret | None:
    """Return a token as it came. Raises ValueError for one that no HTTP header can carry."""
    try:
        fits = secret is None or is_token(secret.value())
    except OSError:  # its file went away since: that is told where it is used
        return secret
    if not fits:
        raise ValueError("holds a character that no token has: copy it again, as plain ASCII without white space")
    return secret


def is_token(text: str) -> bool:
    """Return True for what can stand in a header: visible ASCII."""
    return text.isascii() and text.isprintable() and " " not in text


def new_client(
    url: str, *, ca_file: str | None = None, connections: int = 8, told: Callable[[str], None] | None = None
) -> httpx2.AsyncClient:
    """Build a client for one foreign system, which reaches nothing but the host and port of `url`, its base.

    `told` is told in one word why an address was refused. Raises OSError or ssl.SSLError for a CA file that cannot be
    used.
    """
    import httpcore2  # a part of the start that only a function that sends has to pay

    from shared.destinations.backend import Guarded

    base = httpx2.URL(url)
    trust = Trust(ca_file)
    pool = httpcore2.AsyncConnectionPool(
        ssl_context=trust.context,
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=_KEEP_ALIVE,
        network_backend=Guarded(base.raw_host.decode(), base.port or _PORTS.get(base.scheme, 0), trust, told),
    )
    return httpx2.AsyncClient(
        base_url=url,
        transport=_Transport(pool),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(None, connect=_CONNECT),
        headers={"user-agent": "tidings"},
    )


class _Transport(httpx2.AsyncHTTPTransport):
    """The library's transport over a pool of ours: its own would leave no place for the guard."""

    def __init__(self, pool: "httpcore2.AsyncConnectionPool") -> None:
        self._pool = pool


async def exchange(
    client: httpx2.AsyncClient, request: httpx2.Request, *, seconds: float
) -> Answer | Temporary | Ambiguous | Refused:
    """Send one request and read its whole answer within `seconds`.

    Any answer with a status is an Answer; judging it is the destination's business. Without an answer: Temporary where
    certainly nothing was sent, Ambiguous where something may have been. For a request that changes nothing the caller
    may treat Ambiguous as Temporary. A redirect is Refused: following it would hand the credentials on.
    """
    sending = _Sending()
    request.extensions = {**request.extensions, "trace": sending}
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
    except TimeoutError:
        return Ambiguous("no complete answer in time") if sending.begun else Temporary("cannot connect in time")
    except Exception as error:  # noqa: BLE001 - from here on it is a value; what was sent decides which
        # Not only the library's own: where the peer resets a connection that it has just accepted, uvloop has no socket
        # any more and the library below asks it for its address, an AttributeError.
        if not sending.begun:
            return Temporary(f"cannot connect ({_cause(error)})")
        return Ambiguous(f"the connection broke ({type(error).__name__})")
    if body is None:
        return Ambiguous("the answer is too large")
    if response.status_code in _REDIRECTS:
        return Refused("redirected to another address; redirects are not followed")
    return Answer(response.status_code, response.headers, body, _parse(body))


def retry_after(headers: httpx2.Headers) -> float | None:
    """Return Retry-After in seconds, at most a day, or None; nobody that we speak to sends it as a date."""
    value = headers.get("retry-after", "")
    return min(float(value), _MAX_WAIT) if value.isdecimal() else None


def as_unsent(failure: Failure) -> Failure:
    """Turn Ambiguous into Temporary: for requests that change nothing over there."""
    return Temporary(failure.reason) if isinstance(failure, Ambiguous) else failure


class _Sending:
    """Whether any byte of a request may have gone out: until then every failure is certainly without effect."""

    def __init__(self) -> None:
        self.begun = False

    async def __call__(self, event: str, _info: dict[str, Any]) -> None:
        self.begun = self.begun or event.endswith("send_request_headers.started")


def _cause(error: BaseException) -> str:
    """Return the kind of failure; a certificate that is not trusted is worth its own words (F38), so is F48."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return "its certificate is not trusted"
        if isinstance(inner, AddressRefusedError):
            return str(inner)
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__


async def _body(response: httpx2.Response) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > _MAX_BODY:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None

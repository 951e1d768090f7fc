"""The one place where HTTP clients are built and where transport errors become values.

TLS is always verified, redirects are never followed, nothing is sent to a host that the settings do not name, and one
total deadline bounds a call however slowly its bytes come (guarantees.md F13-F17).
"""

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import orjson

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.settings.addresses import is_loopback

_MAX_BODY = 8 * 1024 * 1024
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: `json` is the parsed body, or None where the body is not JSON."""

    status: int
    headers: httpx2.Headers
    body: bytes
    json: object


def check_url(url: str) -> str:
    """Return the URL without a trailing slash.

    Raises ValueError unless it is https, or http to this very machine: credentials do not travel in the clear.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as https://example.com")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials: set them in their own variables")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is only for this machine's own loopback")
    return url.rstrip("/")


def new_client(base_url: str, *, ca_file: str | None = None, connections: int = 8) -> httpx2.AsyncClient:
    """Build a client for one foreign system. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
    context = ssl.create_default_context(cafile=ca_file)
    return httpx2.AsyncClient(
        base_url=base_url,
        verify=context,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(None, connect=5.0),
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
        headers={"user-agent": "tidings"},
    )


async def exchange(
    client: httpx2.AsyncClient, request: httpx2.Request, *, seconds: float
) -> Answer | Temporary | Ambiguous | Refused:
    """Send one request and read its whole answer within `seconds`.

    Any answer with a status is an Answer; judging it is the destination's business. Without an answer: Temporary where
    certainly nothing was sent, Ambiguous where something may have been. For a request that changes nothing the caller
    may treat Ambiguous as Temporary. A redirect is Refused: following it would hand the credentials on.
    """
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
    except _NOT_SENT as error:
        return Temporary(f"cannot connect ({type(error).__name__})")
    except TimeoutError:
        return Ambiguous("no complete answer in time")
    except httpx2.HTTPError as error:
        return Ambiguous(f"the connection broke ({type(error).__name__})")
    if body is None:
        return Ambiguous("the answer is too large")
    if response.status_code in _REDIRECTS:
        return Refused("redirected to another address; redirects are not followed")
    return Answer(response.status_code, response.headers, body, _parse(body))


def retry_after(headers: httpx2.Headers) -> float | None:
    """Return Retry-After in seconds, or None; the form with a date is not used by the systems that we speak to."""
    value = headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None


def as_unsent(failure: Failure) -> Failure:
    """Turn Ambiguous into Temporary: for requests that change nothing over there."""
    return Temporary(failure.reason) if isinstance(failure, Ambiguous) else failure


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

"""The HTTP library: its client as we want it, and its way to the network with the guard before it.

See docs/decisions/0053-ssrf-guard.md. Imported only where something is sent: it takes a fifth of a function's start.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpcore2
import httpx2

from shared.destinations.guard import AddressRefusedError, addresses
from shared.destinations.pool import Pool
from shared.destinations.stream import connect
from shared.destinations.trust import Trust
from shared.events.gunzip import Gunzip

_CONNECT = 5.0
_EACH = 1.0  # seconds for each address but the last
_KEEP_ALIVE = 5.0  # seconds that a connection may lie idle
_PORTS = {"https": 443, "http": 80}
_OURS = frozenset({"headers", "content"})


class Library:
    """The library's client, which builds requests and keeps cookies, and the transport that they are given to.

    What the library has between the two follows redirects, logs in and writes a line to the log, of which nobody here
    wants anything; it takes a tenth of what a call costs.
    """

    def __init__(self, client: httpx2.AsyncClient, transport: httpx2.AsyncBaseTransport) -> None:
        self._client = client
        self._transport = transport
        self._headers = dict(client.headers)
        self._extensions = {"timeout": client.timeout.as_dict()}

    def build_request(self, method: str, url: httpx2.URL | str, **parts: Any) -> httpx2.Request:
        """Return a request; `parts` are those of the library. A whole URL needs nothing of the client."""
        told = parts.get("headers") or {}
        if isinstance(url, str) or not parts.keys() <= _OURS or self._client.cookies or not isinstance(told, dict):
            return self._client.build_request(method, url, **parts)
        headers = {**self._headers, **{name.lower(): value for name, value in told.items()}}
        return httpx2.Request(
            method, url, headers=headers, content=parts.get("content"), extensions=dict(self._extensions)
        )

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer once its headers are there. Raises what the library raises."""
        if self._client.is_closed:
            raise RuntimeError("the client is closed")
        response = await self._transport.handle_async_request(request)
        response.request = request
        if "set-cookie" in response.headers:
            self._client.cookies.extract_cookies(response)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def new_library(
    url: str, trust: Trust, connections: int, told: Callable[[str], None] | None, *, api_server: bool = False
) -> Library:
    """Build the library's client: no redirects, no proxies of the environment, only the host and port of `url`."""
    base = httpx2.URL(url)
    place = (base.raw_host.decode(), base.port or _PORTS.get(base.scheme, 0))
    network = Guarded(place, trust, told, api_server=api_server)

    def connection(origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        return httpcore2.AsyncHTTPConnection(
            origin, ssl_context=trust.context, keepalive_expiry=_KEEP_ALIVE, network_backend=network
        )

    transport = _Transport(Pool(connection, connections))
    client = httpx2.AsyncClient(
        base_url=url,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(None, connect=_CONNECT),
        headers={"user-agent": "tidings", "accept-encoding": "gzip"},
    )
    return Library(client, transport)


async def decoded(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield an answer's body in pieces as it comes, what was compressed in small ones.

    The library would inflate whatever came at once, a thousand times its size, before anybody can count it. Raises what
    the library raises, DecodingError for what cannot be inflated.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise httpx2.DecodingError("an encoding that was not asked for", request=response.request)
    gunzip = Gunzip()
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - as of every client for asyncio
    async for piece in response.stream:
        if encoding != "gzip":
            yield piece
            continue
        try:
            for part in gunzip.feed(piece):
                yield part
        except zlib.error:
            raise httpx2.DecodingError("it is no gzip", request=response.request) from None


class _Transport(httpx2.AsyncHTTPTransport):
    """The library's transport over a pool of ours: its own would leave no place for the guard."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool  # type: ignore[assignment] # it asks no more of one than Pool has


class Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to one host and port alone, at an address that was looked at just before."""

    def __init__(
        self, place: tuple[str, int], trust: Trust, told: Callable[[str], None] | None, *, api_server: bool = False
    ) -> None:
        self._place = place
        self._api_server = api_server
        self._trust = trust
        self._told = told

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect. Raises the library's ConnectError, ConnectTimeout; their cause says where an address was refused."""
        try:
            if (host, port) != self._place:
                raise AddressRefusedError("other-host")
            async with asyncio.timeout(timeout):
                await self._trust.loaded()
                found = await addresses(host, port, api_server=self._api_server)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name's resolution takes too long") from error
        except OSError as error:
            if isinstance(error, AddressRefusedError) and self._told is not None:
                self._told(error.why)
            raise httpcore2.ConnectError(str(error)) from error
        context = self._trust.context
        for address in found[:-1]:
            try:
                return await connect(address, port, _EACH, local_address, socket_options, context)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await connect(found[-1], port, timeout, local_address, socket_options, context)

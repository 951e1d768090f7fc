"""The HTTP library's way to the network, with the guard before it (docs/decisions/0053-ssrf-guard.md)."""

import asyncio
from collections.abc import Callable, Iterable

import httpcore2

from shared.destinations.guard import AddressRefusedError, addresses
from shared.destinations.trust import Trust

_EACH = 1.0  # seconds for each address but the last


class Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to one host and port alone, at an address that was looked at just before."""

    def __init__(self, host: str, port: int, trust: Trust, told: Callable[[str], None] | None) -> None:
        self._place = (host, port)
        self._trust = trust
        self._told = told
        self._inner = httpcore2.AnyIOBackend()

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
                found = await addresses(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name's resolution takes too long") from error
        except OSError as error:
            if isinstance(error, AddressRefusedError) and self._told is not None:
                self._told(error.why)
            raise httpcore2.ConnectError(str(error)) from error
        for address in found[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, _EACH, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(found[-1], port, timeout, local_address, socket_options)

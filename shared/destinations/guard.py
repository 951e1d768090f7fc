"""Which addresses a connection may go to: those of the settings' own host that a foreign system can have (F48).

Whoever connects takes the addresses from here and connects to just these, so that a name which answers differently a
moment later (DNS rebinding) changes nothing (docs/decisions/0053-ssrf-guard.md).
"""

import asyncio
import socket

from shared.settings.addresses import is_api_server, is_loopback, literal, refusal

_MOST = 4
_API_SERVER = "api-server"


class AddressRefusedError(ConnectionError):
    """The host leads to where nothing may be sent. `why` is one of few words: for a metric's label."""

    def __init__(self, why: str) -> None:
        super().__init__(f"its address is refused: {why}")
        self.why = why


async def addresses(host: str, port: int, *, api_server: bool = False) -> list[str]:
    """Return the addresses that a host has now, at most four, in the resolver's order.

    One that is refused refuses them all: no foreign system has such a second address by right. `api_server` lets those
    of the cluster's own API server pass, for whoever means just that. Raises AddressRefusedError; OSError where the
    name cannot be resolved.
    """
    if is_api_server(host) and not api_server:
        raise AddressRefusedError(_API_SERVER)
    found = [host] if literal(host) else await _resolved(host, port)
    loopback = is_loopback(host)
    for one in found:
        address = literal(one)
        why = "unreadable" if address is None else refusal(address, loopback=loopback)
        if why and not (api_server and why == _API_SERVER):
            raise AddressRefusedError(why)
    return found[:_MOST]


async def _resolved(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that no name can have
        raise socket.gaierror(socket.EAI_NONAME, "the name is none") from error
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return list(dict.fromkeys(str(place[0]) for *_, place in found))

"""Whom a listener that asks nobody answers: programs on this machine, and no web page that somebody's browser shows.

A browser lets any page post to a loopback address, and names the page's own site in `Origin` (Fetch standard, §3.2). A
page whose name is made to resolve to this machine may read as well, and shows that name in `Host` (DNS rebinding).
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from shared.runtime.asgi import App, Receive, Scope, Send, answer_error

_REFUSAL = "a web page of another site may not ask here, nor may this be asked by another name; see AUTH"


def keep_pages_out(app: App) -> App:
    """Return the app that answers 403 to what a page of another site makes a browser send."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_ours(scope):
            await app(scope, receive, send)
        else:
            await answer_error(send, 403, _REFUSAL, [("connection", "close")])

    return guarded


def _is_ours(scope: Scope) -> bool:
    """Return whether a request names this machine by its address or as localhost, and comes from no other site."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if len(hosts) != 1 or not _is_own(hosts[0]):
        return False
    own = hosts[0].lower()
    return all(origin.lower().partition(b"://")[2] == own for origin in origins)


def _is_own(host: bytes) -> bool:
    """Return True for an address or localhost, with or without a port."""
    try:
        name = urlsplit(f"//{host.decode('ascii')}").hostname or ""
        return name == "localhost" or bool(ip_address(name))
    except ValueError:
        return False

"""A port of the embedded system: an app, served in the running loop until what opened it is closed."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn

from shared.runtime.asgi import App
from shared.runtime.serve import config


class ListenError(Exception):
    """It cannot be listened there; the text says why."""


async def listen(app: App, host: str, port: int, tls: ssl.SSLContext | None, opened: contextlib.AsyncExitStack) -> int:
    """Serve the app, 0 taking a free port, and return the port; closing `opened` ends it. Raises ListenError."""
    try:
        listening = listening_on(host, port)
    except (OSError, OverflowError) as error:
        raise ListenError(getattr(error, "strerror", None) or str(error)) from None
    server = _Embedded(config(app, host, port, tls))
    opened.callback(listening.close)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    opened.push_async_callback(server.end, serving)
    while not server.started:  # the server says so in no other way
        if serving.done():
            raise ListenError("the server ended at once")
        await asyncio.sleep(0.01)
    return int(listening.getsockname()[1])


def url_of(host: str, port: int, *, secure: bool = False) -> str:
    """Return the URL of a port."""
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def listening_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises OSError, OverflowError."""
    # Its protocol is named, or asyncio leaves Nagle's algorithm on for what it accepts: 40 ms for each answer.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except BaseException:
        listening.close()
        raise
    return listening


class _Embedded(uvicorn.Server):
    """A server that leaves signals to the command that embeds it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield

    async def end(self, serving: asyncio.Task[None]) -> None:
        """Finish the requests that are there and close the socket."""
        self.should_exit = True
        await serving

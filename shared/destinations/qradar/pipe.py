"""One connection to a syslog receiver, over which lines go one way, and how to know what became of them.

Syslog has no acknowledgement. The nearest to one is TCP's own: the kernel knows how many bytes the receiver's machine
has yet to confirm. That tells a dead or frozen peer from a live one at the very send (F15), and no more.
"""

import asyncio
import contextlib
import fcntl
import select
import socket
import ssl
import struct
import sys
import termios
from collections.abc import Callable
from typing import Final, cast

from shared.destinations.guard import addresses
from shared.destinations.qradar.settings import Place
from shared.destinations.tls_min import handshake
from shared.destinations.trust import Trust

_EACH: Final = 3.0  # seconds for one of several addresses
_GRACE: Final = (0.05, 1.0)  # seconds in which a refusal that follows the handshake is waited for
_KEEP_ALIVE: Final = 15  # seconds of silence before the peer is asked whether it is there, and between questions
_QUESTIONS: Final = 3
_UNCONFIRMED: Final = 20_000  # milliseconds that bytes may stay without confirmation
_HUNG_UP: Final = getattr(select, "POLLRDHUP", select.POLLHUP)
_FIRST_LOOK, _LAST_LOOK = 0.0005, 0.02


class ConnectionLostError(ConnectionError):
    """The receiver closed or broke the connection."""


class Pipe(asyncio.Protocol):
    """A connection as asyncio drives it. What a receiver says, which none does, is not listened to."""

    def __init__(self, told: Callable[["Pipe"], None]) -> None:
        """`told` is called once, when the connection has ended by itself."""
        self._told = told
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._ended = asyncio.Event()
        self._ours = False
        self.why: BaseException | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: nothing is buffered beyond what one `write` hands over."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=1)  # with 0 asyncio's TLS pauses whenever nothing waits
        self._socket = transport.get_extra_info("socket")  # kept: a TLS transport that has ended forgets it
        _keep_alive(self._socket)

    def pause_writing(self) -> None:
        """Let `write` wait: the receiver reads slower than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `write` go on."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: whoever waits is told."""
        self.why = self.why or exc
        self._ended.set()
        self._writable.set()
        if not self._ours:
            self._told(self)

    @property
    def ended(self) -> bool:
        """Return True where nothing can be sent any more, even if the event loop has yet to see it."""
        connection = self._living()
        if connection is None:
            return True
        try:
            waiting = select.poll()
            waiting.register(connection.fileno(), _HUNG_UP)
            return bool(waiting.poll(0))
        except (OSError, ValueError):  # it was closed meanwhile
            return True

    async def write(self, data: bytes) -> None:
        """Return once the receiver's machine has all of it. Raises ConnectionLostError."""
        if self._transport is None or self.ended:
            raise ConnectionLostError
        self._transport.write(data)
        await self._writable.wait()
        look = _FIRST_LOOK
        while not self._ended.is_set() and self._unconfirmed():
            await asyncio.sleep(look)
            look = min(_LAST_LOOK, look * 2)
        await asyncio.sleep(0)  # an end that came with the confirmation is seen in the loop's next turn
        if self.ended:
            raise ConnectionLostError

    async def settled(self, seconds: float) -> None:
        """Wait whether the connection lasts: with TLS 1.3 a refused certificate is told after our handshake's end.

        Raises ConnectionLostError, or what the receiver's refusal was.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        if self.ended:
            raise self.why or ConnectionLostError

    async def close(self) -> None:
        """Close it in good order, so that nothing that was sent is lost by our own hand."""
        self._ours = True
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ended.wait()
            self._transport.abort()  # it does not answer our TLS's farewell

    def abort(self) -> None:
        """Break it off, by RST: else the kernel would go on handing over what we are about to send again."""
        self._ours = True
        connection = self._living()
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._transport is not None:
            self._transport.abort()

    def _living(self) -> socket.socket | None:
        closing = self._transport is None or self._ended.is_set() or self._transport.is_closing()
        return None if closing else self._socket

    def _unconfirmed(self) -> int:
        """Return how many bytes the peer's kernel has yet to confirm; 0 where ours cannot tell."""
        connection = self._living()
        if connection is None or sys.platform != "linux":
            return 0
        try:
            return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
        except (OSError, ValueError):  # it was closed meanwhile
            return 0


async def connect(place: Place, trust: Trust, told: Callable[[Pipe], None]) -> Pipe:
    """Connect to the first of the host's addresses that answers. Raises OSError; the caller bounds the time."""
    if place.tls:
        await trust.loaded()
    found = await addresses(place.host, place.port)
    context = trust.context if place.tls else None
    for address in found[:-1]:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_EACH):
                return await _connected(address, place, context, told)
    return await _connected(found[-1], place, context, told)


async def _connected(address: str, place: Place, context: ssl.SSLContext | None, told: Callable[[Pipe], None]) -> Pipe:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    pipe = Pipe(told)
    name = place.host if context else None
    with handshake(context) if context else contextlib.nullcontext():
        await loop.create_connection(lambda: pipe, address, place.port, ssl=context, server_hostname=name)
    least, most = _GRACE
    try:
        await pipe.settled(min(most, max(least, loop.time() - begun)))
    except BaseException:
        pipe.abort()
        raise
    return pipe


def _keep_alive(connection: socket.socket) -> None:
    """Let the kernel find out about a peer that went without a word (F15)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _QUESTIONS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNCONFIRMED)

"""The library's way to the network, on asyncio's own streams.

The library's own goes through anyio, which costs a third of a call: for each read and write a cancel scope and a look
at the socket. A call is bounded as a whole by its caller, so that these bounds bring nothing; and a request's head and
body leave in one write here.
"""

import asyncio
import select
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from shared.destinations.tls_min import handshake

_LIMIT = 256 * 1024  # bytes that may wait to be read
_SMALL = 64 * 1024


class Stream(httpcore2.AsyncNetworkStream):
    """One connection. Whatever fails is one of the library's errors, with its cause.

    Its handshake goes by the context that was the right one when it connected: the library keeps the first for ever.
    """

    def __init__(self, reader: "_Reader", writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self._reader = reader
        self._writer = writer
        self._context = context
        self._taken = 0
        self._pieces: list[bytes] = []
        self._at_head = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's
        """Return some bytes, none at the end. Raises ReadError, ReadTimeout."""
        try:
            if timeout is None:
                found = await self._reader.read(max_bytes)
            else:
                async with asyncio.timeout(timeout):
                    found = await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error
        self._taken += len(found)
        self._at_head = True
        return found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's
        """Send these bytes; a request's head, and a small piece behind what was sent, wait for the next of this turn.

        So no byte of a request leaves before the library asks for its body, which is what `Pool` goes by.
        Raises WriteError, WriteTimeout.
        """
        self._pieces.append(buffer)
        at_head, self._at_head = self._at_head, False
        if len(self._pieces) == 1 and (at_head or len(buffer) < _SMALL):
            asyncio.get_running_loop().call_soon(self._flush)
            return
        self._flush()
        try:
            if timeout is None:
                await self._writer.drain()
                return
            async with asyncio.timeout(timeout):
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close it at once: nothing that counts is under way."""
        self._pieces.clear()
        self._writer.transport.abort()
        await asyncio.sleep(0)  # the socket is closed in the loop's next turn, and this may be its last

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002 - the library's
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
    ) -> "Stream":
        """Speak TLS from here on. Raises ConnectError, ConnectTimeout, and then it is closed."""
        try:
            with handshake(self._context):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(self._context, server_hostname=server_hostname)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, TimeoutError):
                raise httpcore2.ConnectTimeout("the TLS handshake takes too long") from error
            if isinstance(error, OSError):
                raise httpcore2.ConnectError(str(error)) from error
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return what the library asks for: of an idle connection whether there is something to read, or its end."""
        if info == "is_readable":
            return self._is_readable()
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._writer.get_extra_info(names.get(info, info))

    def _is_readable(self) -> bool:
        """Return True where something came that nobody asked for, or the end, even if the event loop has yet to see it.

        A request may follow an answer within the same turn: then only the kernel knows that the peer closed.
        """
        if self._reader.fed != self._taken or self._reader.at_eof() or self._writer.is_closing():
            return True
        waiting = select.poll()
        waiting.register(self._writer.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    def _flush(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        if data and not self._writer.is_closing():  # else the answer's absence tells
            self._writer.write(data)


class _Reader(asyncio.StreamReader):
    """asyncio's reader, which knows how much ever came: what comes while nobody asked means a dead connection."""

    fed = 0

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # what a transport hands over is bytes
        self.fed += len(data)
        super().feed_data(data)


async def connect(  # noqa: PLR0913, PLR0917 - the library's, and whom to trust
    host: str,
    port: int,
    timeout: float | None,  # noqa: ASYNC109 - the library's
    local_address: str | None,
    socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    context: ssl.SSLContext,
) -> Stream:
    """Connect; `context` is for TLS, should it be spoken. Raises the library's ConnectError, ConnectTimeout."""
    loop = asyncio.get_running_loop()
    reader = _Reader(_LIMIT, loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    local = None if local_address is None else (local_address, 0)
    try:
        async with asyncio.timeout(timeout):
            transport, _ = await loop.create_connection(lambda: protocol, host, port, local_addr=local)
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout("no connection in time") from error
    except OSError as error:
        raise httpcore2.ConnectError(str(error)) from error
    for option in socket_options or ():
        transport.get_extra_info("socket").setsockopt(*option)
    return Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop), context)

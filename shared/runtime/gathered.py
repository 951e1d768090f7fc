"""One write to the socket for an answer's head and body: uvicorn hands them over one by one, and uvloop sends at once.

Each write is a system call that also wakes the reader, who then finds half an answer: together a tenth of what an event
costs over HTTP.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST = 64 * 1024  # bytes


class GatheringProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, but for how its answers leave."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; what watches the flow goes on watching the transport itself."""
        super().connection_made(transport)
        if self.scheme == "https":
            # The verified certificate of the other end, None without one: each request's scope gets a copy of this.
            found = transport.get_extra_info("ssl_object").getpeercert()
            self.app_state = {**self.app_state, "certificate": found or None}
        self.transport = self._gathered = Gathered(transport, self.loop)  # type: ignore[assignment]

    def eof_received(self) -> None:
        """Send what was written: after this the transport closes, though the client may well wait for its answer."""
        self._gathered.flush()
        super().eof_received()


class Gathered:
    """A transport whose writes leave together, at the end of the event loop's turn; all else is the transport's own.

    What is larger than 64 KiB leaves at once, so that whoever streams is told to wait where the client does not read.
    """

    __slots__ = ("_loop", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send this, with what else is written in this turn of the loop."""
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self.flush()

    def close(self) -> None:
        """Send what was written, then close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send what was written."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        """Return what the transport itself has."""
        return getattr(self._transport, name)

"""The connections to one host, the one last used taken first: a step for each request, however many there are.

The library's own pool looks at all of its connections for each request and again for each answer, which with 64 of them
costs a third of what a call does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpcore2

from shared.destinations.sending import EXTENSION, Sending


class Pool:
    """At most `most` connections; `make` builds one to an origin. Belongs to one event loop."""

    def __init__(self, make: Callable[[httpcore2.Origin], httpcore2.AsyncHTTPConnection], most: int) -> None:
        self._make = make
        self._free = asyncio.Semaphore(most)
        self._idle: deque[httpcore2.AsyncHTTPConnection] = deque()
        self._used: set[httpcore2.AsyncHTTPConnection] = set()

    async def handle_async_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send a request, once there is a connection free for it, and return the answer's head. Raises as they do."""
        await self._free.acquire()
        sending = request.extensions.get(EXTENSION)
        if sending is not None:
            sending.had_turn = True
            request.stream = _Watched(request.stream, sending)
        try:
            connection = await self._taken(request.url.origin)
        except BaseException:
            self._free.release()
            raise
        self._used.add(connection)
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await self._given_back(connection)
            raise
        body = _Body(response.stream, lambda: self._given_back(connection))
        return httpcore2.Response(
            response.status, headers=response.headers, content=body, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close all connections."""
        open_ = [*self._idle, *self._used]
        self._idle.clear()
        for connection in open_:
            await connection.aclose()

    async def _taken(self, origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        """Return the connection last used that still stands, or a new one; close one that was not used for long."""
        if len(self._idle) > 1 and self._idle[0].has_expired():
            await self._idle.popleft().aclose()
        while self._idle:
            connection = self._idle.pop()
            if not connection.has_expired() and connection.is_available() and connection.can_handle_request(origin):
                return connection
            await connection.aclose()
        return self._make(origin)

    async def _given_back(self, connection: httpcore2.AsyncHTTPConnection) -> None:
        self._used.discard(connection)
        try:
            if connection.is_available():
                self._idle.append(connection)
            else:
                await connection.aclose()
        finally:
            self._free.release()


class _Watched:
    """A request's body, which the library asks for once it has handed over the head, and that waits for it (Stream)."""

    def __init__(self, stream: Any, sending: Sending) -> None:
        self._stream = stream
        self._sending = sending

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._sending.begun = True
        pieces: AsyncIterator[bytes] = self._stream.__aiter__()
        return pieces


class _Body:
    """An answer's body; who has read or dropped it gives the connection back."""

    def __init__(self, stream: Any, done: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._done = done
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        """Close the body: its connection is free then, or closed where the rest was still to come."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        finally:
            await self._done()

"""A request's body, piece by piece: bounded in bytes, in time and in how much it inflates (guarantees.md, Limits)."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

from shared.events.gunzip import PIECE, Gunzip
from shared.runtime.asgi import ClientDisconnectedError, Message, Receive
from shared.runtime.request import Refusal

_PART_SECONDS = 10.0
INFLATES = 100
"""Times its size: what inflates to more is no body, but a bomb. An Event that recurs makes 60, gzip can make 1000."""
_SMALL = 64 * 1024  # inflated bytes of which nobody asks how much smaller they were

TOO_LARGE = Refusal(413, "too large")
_TOO_SLOW = Refusal(400, "the body did not arrive in time")
_NO_GZIP = Refusal(400, "the body is not valid gzip")
_BOMB = Refusal(413, f"the body inflates to more than {INFLATES} times its size")


class RefusedError(Exception):
    """The body cannot be taken further; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class Incoming:
    """What a request receives, and whether all of it came."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.complete = False

    async def __call__(self) -> Message:
        """Return the next message (ASGI)."""
        message = await self._receive()
        self.complete = not message.get("more_body", False)
        return message


async def pieces(receive: Receive, most: int, deadline: float) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at most 64 KiB, as it comes.

    No part of it may take longer than 10 s to come, nor all of it longer than until `deadline`, in seconds of the
    running loop's clock. Raises RefusedError, ClientDisconnectedError.
    """
    clock = asyncio.get_running_loop().time
    size = 0
    more = True
    while more:
        try:
            async with asyncio.timeout_at(min(deadline, clock() + _PART_SECONDS)):
                message = await receive()
        except TimeoutError:
            raise RefusedError(_TOO_SLOW) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        body, more = message.get("body", b""), message.get("more_body", False)
        size += len(body)
        if size > most:
            raise RefusedError(TOO_LARGE)
        for piece in cut(body):
            yield piece


def cut(body: bytes) -> Iterator[bytes]:
    """Yield bytes in pieces of at most 64 KiB."""
    return (body[at : at + PIECE] for at in range(0, len(body), PIECE))


async def inflated(compressed: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """Yield what gzip made small, in pieces of at most 64 KiB. Raises RefusedError."""
    inflater = _Inflater(most)
    async for piece in compressed:
        for part in inflater.feed(piece):
            yield part
    inflater.end()


class _Inflater:
    """Inflates gzip; counts what goes in and what comes out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._came = self._went = 0
        self._gunzip = Gunzip()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        self._came += len(piece)
        try:
            for part in self._gunzip.feed(piece):
                self._went += len(part)
                if self._went > max(_SMALL, INFLATES * self._came):
                    raise RefusedError(_BOMB)
                if self._went > self._most:
                    raise RefusedError(TOO_LARGE)
                yield part
        except zlib.error:
            raise RefusedError(_NO_GZIP) from None

    def end(self) -> None:
        if not self._gunzip.complete:
            raise RefusedError(_NO_GZIP)

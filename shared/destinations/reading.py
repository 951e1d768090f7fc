"""An answer that is read piece by piece while it comes: a long list, a stream that hardly ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.http import Client
from shared.destinations.sending import Sending

if TYPE_CHECKING:
    import httpx2

_REDIRECTS = range(300, 400)


class BrokenAnswerError(Exception):
    """The answer ended before its end, or did not end in time; what came until then is good."""


class Opened:
    """An answer whose head is there. `pieces` may be read once, and until the deadline."""

    def __init__(self, response: "httpx2.Response", sending: Sending, until: float) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._sending = sending
        self._until = until

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises BrokenAnswerError."""
        from shared.destinations.backend import decoded  # it is there since the request was built

        coming = decoded(self._response)
        while True:
            try:
                async with asyncio.timeout_at(self._until):
                    piece = await anext(coming, None)
            except Exception as error:
                raise BrokenAnswerError(self._sending.failure(error).reason) from error
            if piece is None:
                return
            yield piece


@asynccontextmanager
async def opened(
    client: Client, request: "httpx2.Request", *, head: float, seconds: float
) -> AsyncIterator[Opened | Temporary | Ambiguous | Refused]:
    """Send a request whose answer's head comes within `head` seconds, and all of it within `seconds`.

    The values are those of `exchange`; the connection is closed with the context.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    sending = Sending(request)
    try:
        async with asyncio.timeout(min(head, seconds)):
            response = await client.send(request)
    except Exception as error:  # noqa: BLE001 - from here on it is a value; what was sent decides which
        failure = sending.failure(error)
        client.standing.failed(failure.reason)
        yield failure
        return
    client.standing.answered()
    try:
        if response.status_code in _REDIRECTS:
            yield Refused("redirected to another address; redirects are not followed")
        else:
            yield Opened(response, sending, until)
    finally:
        await response.aclose()

"""Messages to JetStream, each acknowledged by the stream: one inbox and one timer for all who wait.

nats-py asks for an acknowledgement as for any other answer, with a random name and a timer for each, and checks header
by header what was checked with the event: more than half of what a message costs this process. Of its inside only the
way to the socket is used here. Atomic batches, one acknowledgement for many (ADR-50 of NATS), were tried as well: on a
stream of one server they cost the server four times as much, and the whole went at less than half the pace.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api
from nats.js import errors as refusals

from shared.bus.nats_link import PENDING_BYTES
from shared.bus.protocol import SECONDS
from shared.waiting.answers import Answers

_NOBODY = "503"


def head_of(headers: Mapping[str, str]) -> bytes:
    """Return headers as NATS has them on the wire; names and values are printable ASCII, as `to_nats` makes them."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"NATS/1.0\r\n{lines}\r\n".encode()


class Publisher:
    """Who waits for acknowledgements, on whichever connection stands."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._subscribing = asyncio.Lock()
        self._inbox = ""
        self._number = 0
        self._places: dict[str, asyncio.Future[Msg | None]] = {}
        """By where the answer comes to: who waits for it."""
        self._answers = Answers()

    async def publish(self, client: Client, subject: str, head: bytes, body: bytes) -> Mapping[str, Any]:
        """Return the stream's acknowledgement. Raises APIError where it refuses, NoRespondersError where there is none.

        Also TimeoutError, after `SECONDS` and once `end` is called, and what nats-py raises.
        """
        if " " in subject or not subject.isprintable():  # it goes into the protocol as it is
            raise errors.BadSubjectError
        if client is not self._client:
            await self._subscribe(client)
        loop = asyncio.get_running_loop()
        self._number += 1
        place = f"{self._inbox}{self._number}"
        until = loop.time() + SECONDS
        answer: asyncio.Future[Msg | None] = loop.create_future()
        self._places[place] = answer
        line = f"HPUB {subject} {place} {len(head)} {len(head) + len(body)}\r\n".encode()
        content = b"%b%b%b\r\n" % (line, head, body)
        try:
            if client.pending_data_size + len(content) <= PENDING_BYTES:
                await _send(client, content)
            else:  # nats-py waits until there is room, for ever if need be
                async with asyncio.timeout_at(until):
                    await _send(client, content)
            message = await self._answers.of(answer, until)
        finally:
            del self._places[place]
        if message is None:
            raise TimeoutError
        if message.headers and message.headers.get(api.Header.STATUS) == _NOBODY:
            raise errors.NoRespondersError
        made: Mapping[str, Any] = orjson.loads(message.data)
        if "error" in made:
            raise refusals.APIError.from_error(made["error"])
        return made

    def end(self) -> None:
        """End all waiting, with TimeoutError: the connection is lost, and nats-py would let them wait for nothing."""
        for answer in self._places.values():
            if not answer.done():
                answer.set_result(None)

    async def _subscribe(self, client: Client) -> None:
        async with self._subscribing:
            if client is not self._client:
                inbox = f"{client.new_inbox()}."
                async with asyncio.timeout(SECONDS):
                    await client.subscribe(f"{inbox}*", cb=self._answered)
                self._client, self._inbox = client, inbox

    async def _answered(self, message: Msg) -> None:
        answer = self._places.get(message.subject)
        if answer is not None and not answer.done():
            answer.set_result(message)


async def _send(client: Client, content: bytes) -> None:
    """Send a message as nats-py's own `publish` does, once its headers are bytes.

    Nothing public does either of the two: `publish` takes headers apart, 28 µs for seventeen of them where this and
    `head_of` together take 3 (nats-py 2.16), and `flush` waits for the server's answer, not for the way to the socket.
    """
    await client._send_command(content)  # noqa: SLF001
    if (flushes := client._flush_queue) is not None and flushes.empty():  # noqa: SLF001
        await client._flush_pending()  # noqa: SLF001

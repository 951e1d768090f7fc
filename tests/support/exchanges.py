"""What tests of the HTTP client share: a server of raw bytes on a free port, and one exchange with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_client

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Found = Answer | Temporary | Ambiguous | Refused
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n"


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """Read one whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """Serve raw bytes on a free port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def ask(url: str, *, seconds: float = 5.0, ca_file: str | None = None, body: bytes = b"{}") -> Found:
    """Do one exchange with credentials and return what it came to."""
    return asyncio.run(ask_async(url, seconds=seconds, ca_file=ca_file, body=body))


async def ask_async(url: str, *, seconds: float = 5.0, ca_file: str | None = None, body: bytes = b"{}") -> Found:
    """Do what `ask` does, inside a loop."""
    async with new_client(url, ca_file=ca_file) as client:
        request = client.build_request("POST", "/x", content=body, headers={"authorization": "Bearer tidings-token"})
        return await exchange(client, request, seconds=seconds)


def against(handler: Handler, *, seconds: float = 5.0, body: bytes = b"{}") -> Found:
    """Do one exchange with a server that runs this handler."""

    async def run() -> Found:
        async with server(handler) as url:
            return await ask_async(url, seconds=seconds, body=body)

    return asyncio.run(run())


def answering(*pieces: bytes) -> Handler:
    """Return a handler that reads the request and answers these bytes, piece by piece."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return handler

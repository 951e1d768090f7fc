"""One HTTP/1.1 connection: bytes out, one bounded answer in. Parsed by httptools, which the server side uses too."""

import asyncio
import select
import socket
import zlib
from dataclasses import dataclass, field
from typing import Any

import httptools

MAX_BODY = 8 * 1024 * 1024
_MAX_HEAD = 256 * 1024
_BODILESS = frozenset({204, 304})
_FIRST_FINAL = 200
_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_ANY_HEADER = 32 + zlib.MAX_WBITS  # zlib finds out by itself whether it is gzip or zlib


class BrokenError(Exception):
    """The connection ended, or said something that is no HTTP, before the answer was complete."""


class TooLargeError(Exception):
    """The answer is larger than anybody of ours reads."""


@dataclass(slots=True)
class Response:
    """An answer as it comes: header names in lower case, of one that came twice the values joined by a comma."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)

    def body(self) -> bytes:
        """Return the whole body, decompressed. Raises TooLargeError, BrokenError."""
        raw = b"".join(self.chunks)
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding == "identity" or not raw:
            return raw
        if encoding not in _ENCODINGS:
            raise BrokenError("the answer's encoding is not one that was asked for")
        decoder = zlib.decompressobj(_ANY_HEADER)
        try:
            plain = decoder.decompress(raw, MAX_BODY + 1)
        except zlib.error:
            raise BrokenError("the answer is not in its encoding") from None
        if len(plain) > MAX_BODY:
            raise TooLargeError
        if not decoder.eof:
            raise BrokenError("the answer's encoding ends too early")
        return plain


class Connection(asyncio.Protocol):
    """One connection, with one request under way at most; where anything is odd it is not used again."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._answer: asyncio.Future[Response] | None = None
        self._response = Response()
        self._received = 0
        self._in_head = True
        self._until_end = False
        self._reusable = False

    async def ask(self, payload: bytes) -> Response:
        """Send one request and return its answer. Raises BrokenError, TooLargeError."""
        if self._transport is None or self._transport.is_closing():
            raise BrokenError("the connection is closed")
        self._parser = httptools.HttpResponseParser(self)
        self._response, self._received = Response(), 0
        self._in_head, self._until_end, self._reusable = True, False, False
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(payload)
        return await answer

    def usable(self) -> bool:
        """Return True where another request can be sent: whole, still open, and nothing unread has come meanwhile."""
        if self._transport is None or self._transport.is_closing() or not self._reusable:
            return False
        # The other side may have closed it, and the loop not have looked yet.
        found: socket.socket = self._transport.get_extra_info("socket")
        poll = select.poll()
        poll.register(found.fileno(), select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close it, in order."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        self._answer = None
        if self._transport is not None:
            self._transport.abort()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = transport  # type: ignore[assignment] # a stream has a Transport, as the loop promises
        self._reusable = True

    def data_received(self, data: bytes) -> None:
        """Parse what came; end what is wrong or too much."""
        if self._answer is None:  # nobody asked
            self._reusable = False
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(BrokenError("the answer is no HTTP"))
            return
        if self._received > (_MAX_HEAD if self._in_head else MAX_BODY + _MAX_HEAD):
            self._fail(TooLargeError())

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer without a length ends with its connection; any other is broken by that."""
        self._reusable = False
        if self._until_end and exc is None:
            self._finish()
        else:
            self._fail(BrokenError("the connection broke" if exc is None else type(exc).__name__))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A second answer to one request makes the connection useless."""
        if self._answer is None:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if not self._in_head:
            return  # a trailer says nothing that we need
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers = self._response.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """Learn how the body ends."""
        status = self._response.status = self._parser.get_status_code()
        headers = self._response.headers
        if status >= _FIRST_FINAL:
            self._in_head = False
            unsaid = "content-length" not in headers and "transfer-encoding" not in headers
            self._until_end = unsaid and status not in _BODILESS

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self._response.chunks.append(body)

    def on_message_complete(self) -> None:
        """End the answer, unless it only said that another is to come (1xx)."""
        if self._response.status < _FIRST_FINAL:
            self._response = Response()
            return
        self._reusable = self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(self._response)

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        self._reusable = False
        if self._transport is not None:
            self._transport.abort()
        if answer is not None and not answer.done():
            answer.set_exception(error)

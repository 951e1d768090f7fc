"""ASGI as types, and the few lines that reading a request and writing an answer take."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import orjson

from shared.waiting.deadline import within

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderList = Sequence[tuple[str, str]]

SENDER = "tidings.sender"
"""The key of a scope below which the gate puts who sends, where it asks (shared/runtime/auth)."""


class ClientDisconnectedError(Exception):
    """The client went away before its request was complete."""


class BodyTooLargeError(Exception):
    """The body is larger than the limit; the rest was not read."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time."""


async def read_body(receive: Receive, limit: int, seconds: float) -> bytes:
    """Read the whole body. Raises ClientDisconnectedError, BodyTooLargeError, BodyTooSlowError."""
    try:
        return await within(_body(receive, limit), asyncio.get_running_loop().time() + seconds)
    except TimeoutError:
        raise BodyTooSlowError from None


async def _body(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)


async def discard(receive: Receive, limit: int, seconds: float) -> None:
    """Read and forget what is left of a body, within bounds.

    A client that is still sending when the connection closes sees a broken connection instead of the answer, and a
    broker would send the same too large event again and again.
    """
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while size <= limit:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


async def answer(send: Send, status: int, headers: HeaderList = (), body: bytes = b"") -> None:
    """Send a complete answer."""
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if body or status not in _BODILESS:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, value: Any, headers: HeaderList = ()) -> None:
    """Send a JSON answer."""
    await answer(send, status, [("content-type", "application/json"), *headers], _json_body(value))


async def answer_error(send: Send, status: int, reason: str, headers: HeaderList = ()) -> None:
    """Send an error with a constant text: nothing of the request or of an exception may be in it."""
    await answer(send, status, [("content-type", "application/json"), *headers], error_body(reason))


def error_body(reason: str) -> bytes:
    """Return the body of an error."""
    return _json_body({"error": reason})


def _json_body(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def may_send(scope: Scope, source: str, type_: str) -> bool:
    """Return whether who sends may send an event of this source and type: anybody where nobody asked (F51)."""
    sender = scope.get(SENDER)
    return sender is None or bool(sender.may_send(source, type_))


_BODILESS = frozenset({204, 304})


def flat_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by name, which ASGI gives in lower case; one that came twice has its values joined."""
    raw = scope["headers"]
    try:
        headers = {name.decode("latin-1"): value.decode() for name, value in raw}
    except UnicodeDecodeError:
        headers = {}
    if len(headers) == len(raw):
        return headers  # nearly always
    headers = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), _text(raw_value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")

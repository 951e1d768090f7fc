"""Call a subscriber. The only one yet is an ASGI application in this process; another may call a URL."""

import asyncio
import logging
from typing import Literal, Protocol

from shared.local.broker.answer import Answer
from shared.runtime.asgi import App, Message

_LOG = logging.getLogger("tidings.broker")
_MAX_ANSWER = 2 * 1024 * 1024


class Caller(Protocol):
    """Where a Trigger's events go."""

    async def post(self, headers: list[tuple[str, str]], body: bytes) -> Answer | Literal["no answer"]:
        """Send one request and return the answer; the caller limits the time. Raises nothing but cancellation."""


class AsgiCaller:
    """An ASGI 3 application, called as a server would call it: the same edge as on a cluster, without a socket."""

    def __init__(self, app: App, host: str = "local") -> None:
        self._app = app
        self._host = host.encode()

    async def post(self, headers: list[tuple[str, str]], body: bytes) -> Answer | Literal["no answer"]:
        """Send one request; an application that raises or never answers is a connection that broke."""
        exchange = _Exchange(body)
        raw = [(b"host", self._host), (b"content-length", str(len(body)).encode())]
        raw += [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": raw,
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 80),
        }
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - whatever a function does, the broker lives on and tries again
            _LOG.warning(
                "a subscriber raised", extra={"error": type(error).__name__, "subscriber": self._host.decode()}
            )
            return "no answer"
        return exchange.answer()


class _Exchange:
    """One request and its answer, as ASGI messages."""

    __slots__ = ("_body", "_complete", "_headers", "_parts", "_received", "_size", "_status")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._received = False
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self._complete = False

    async def receive(self) -> Message:
        if self._received:
            # Nobody hangs up on a call in process: like a server, wait for ever (the caller's time-out ends it).
            await asyncio.get_running_loop().create_future()
        self._received = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            for name, value in message.get("headers", ()):
                self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        elif message["type"] == "http.response.body" and not self._complete:
            part = message.get("body", b"")
            self._size += len(part)
            if part and self._size <= _MAX_ANSWER:
                self._parts.append(bytes(part))
            self._complete = not message.get("more_body", False)

    def answer(self) -> Answer | Literal["no answer"]:
        if not self._status or not self._complete or self._size > _MAX_ANSWER:
            return "no answer"
        return Answer(self._status, self._headers, b"".join(self._parts))

"""Brokers over real files with real ASGI subscribers, and a clock on which hours pass in seconds."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode, encode_structured
from shared.local.broker.answer import Answer
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.caller import Caller, request_of
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.filters import Exact, FilterSet
from shared.local.broker.topology import Topology, Trigger
from shared.runtime.asgi import App, Message
from shared.telemetry.metrics import Metrics

Given = tuple[int, dict[str, str], bytes]
Handler = Callable[[CloudEvent], Awaitable[Given]]
TAKEN: Given = (204, {}, b"")
_START = time.monotonic()
_MAX_ANSWER = 2 * 1024 * 1024
LETTERS = DeliverySpec(dead_letter_sink="KafkaSink/letters")


class FastClock:
    """A clock that runs `factor` times as fast and remembers what it was asked to wait for."""

    def __init__(self, factor: float = 1000.0) -> None:
        self._factor = factor
        self.asked: list[float] = []

    def now(self) -> float:
        return 1_800_000_000 + (time.monotonic() - _START) * self._factor

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(seconds / self._factor)


def event(number: int | str, kind: str = "raw", **extensions: str) -> CloudEvent:
    return CloudEvent(id=str(number), source="test", type=kind, extensions=extensions, data={"number": str(number)})


def replying(reply: CloudEvent) -> Given:
    headers, body = encode_structured(reply)
    return 200, dict(headers), body


@dataclass
class Subscriber:
    """An ASGI application that remembers what it was sent; `handler` says what it answers."""

    handler: Handler | None = None
    got: list[CloudEvent] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    running: int = 0
    most: int = 0

    @property
    def ids(self) -> list[str]:
        return [item.id for item in self.got]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert (scope["type"], scope["method"], scope["path"]) == ("http", "POST", "/")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        found = decode(headers, (await receive())["body"])
        assert isinstance(found, CloudEvent)
        self.got.append(found)
        self.headers.append(headers)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            status, answer, body = await self.handler(found) if self.handler is not None else TAKEN
        finally:
            self.running -= 1
        raw = [(name.encode(), value.encode()) for name, value in answer.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


class AsgiCaller:
    """An ASGI 3 application as a subscriber over HTTP, without a socket; one that raises is a connection that broke."""

    seconds = math.inf

    def __init__(self, app: App) -> None:
        self._app = app

    async def call(self, event: CloudEvent, namespace: str) -> Answer | Literal["no answer"]:
        headers, body = request_of(event, namespace)
        exchange = _Exchange(body)
        raw = [(b"host", b"local"), (b"content-length", str(len(body)).encode())]
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
        except Exception:  # noqa: BLE001 - as a server would
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


def trigger(name: str, kind: str = "raw", delivery: DeliverySpec = LETTERS, *, ordered: bool = False) -> Trigger:
    selection = FilterSet((), (Exact((("type", kind),)),) if kind else ())
    return Trigger(name, "tidings", name, selection, delivery, ordered, "t.yaml", 1)


@asynccontextmanager
async def broker(
    folder: Path, *triggers: Trigger, settings: BrokerSettings | None = None, **apps: Subscriber
) -> AsyncIterator[Broker]:
    """Run a broker; `apps` by the name of the Trigger that they serve."""
    callers: Mapping[str, Caller] = {name: AsgiCaller(app) for name, app in apps.items()}
    settings = settings or BrokerSettings(clock=FastClock())
    running = Broker(Topology(triggers=triggers), callers, folder / "broker.db", Metrics(), settings)
    await running.start()
    try:
        yield running
    finally:
        await running.stop(grace=2.0)

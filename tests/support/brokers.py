"""Brokers over real files with real ASGI subscribers, and a clock on which hours pass in seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode, encode_structured
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.caller import AsgiCaller
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.filters import Exact, FilterSet
from shared.local.broker.topology import Topology, Trigger
from shared.telemetry.metrics import Metrics

Given = tuple[int, dict[str, str], bytes]
Handler = Callable[[CloudEvent], Awaitable[Given]]
TAKEN: Given = (204, {}, b"")
_START = time.monotonic()
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


def trigger(name: str, kind: str = "raw", delivery: DeliverySpec = LETTERS, *, ordered: bool = False) -> Trigger:
    selection = FilterSet((), (Exact((("type", kind),)),) if kind else ())
    return Trigger(name, "tidings", name, selection, delivery, ordered, "t.yaml", 1)


@asynccontextmanager
async def broker(
    folder: Path, *triggers: Trigger, settings: BrokerSettings | None = None, **apps: Subscriber
) -> AsyncIterator[Broker]:
    """Run a broker; `apps` by the name of the Trigger that they serve."""
    callers: Mapping[str, AsgiCaller] = {name: AsgiCaller(app, name) for name, app in apps.items()}
    settings = settings or BrokerSettings(clock=FastClock())
    running = Broker(Topology(triggers=triggers), callers, folder / "broker.db", Metrics(), settings)
    await running.start()
    try:
        yield running
    finally:
        await running.stop(grace=2.0)

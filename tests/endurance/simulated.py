"""The embedded system's real parts on a simulated clock: broker and store over files, functions, stand-ins, ticks."""

import asyncio
import heapq
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from shared.events.cloudevent import CloudEvent
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.caller import EdgeCaller
from shared.local.broker.loader import load_topology
from shared.local.standins import servicenow, splunk
from shared.local.standins.servicenow.app import ServiceNow
from shared.local.standins.splunk.app import Splunk
from shared.local.substitutes import DEFAULT_GROUP, Standins
from shared.runtime.edge import Edge
from shared.runtime.handover import Acceptance
from shared.runtime.registry import canonical, load
from shared.stores.protocol import Store
from shared.stores.sqlite import SqliteStore
from shared.telemetry.metrics import Metrics
from tests.support.servers import ROOT, standin

_MAINTAIN = 30.0  # simulated seconds; at the shipped 2 s a day of it would be half of all work
_LETTERS = 300.0


class Clock:
    """A clock that stands still until it is moved; who sleeps on it wakes in order, each at its own time."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._sleeping: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was moved so far."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleeping, (self._now + max(0.0, seconds), next(self._number), woken))
        await woken

    def jump(self, to: float) -> None:
        """Be at a later time at once: who slept meanwhile wakes once, at the next move."""
        self._now = max(self._now, to)

    async def move(self, to: float) -> None:
        """Move on to a time and let everybody who wakes before it work a while at the time of waking."""
        while self._sleeping and self._sleeping[0][0] <= to:
            at, _, woken = heapq.heappop(self._sleeping)
            self._now = max(self._now, at)
            if not woken.done():  # a sleeper that was cancelled
                woken.set_result(None)
                for _ in range(3):
                    await asyncio.sleep(0)
        self._now = max(self._now, to)


class _Later:
    """The way to the broker, which is built after the functions that use it."""

    def __init__(self) -> None:
        self.broker: Broker | None = None

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        """Accept as the embedded system does."""
        return await self.broker.accept(events) if self.broker is not None else "full"

    async def publish(self, event: CloudEvent) -> bool:
        """Publish as the embedded system does."""
        return self.broker is not None and await self.broker.publish(event)


@dataclass(frozen=True, slots=True)
class Simulated:
    """All parts, running."""

    clock: Clock
    broker: Broker
    store: Store
    metrics: Metrics
    splunk: Splunk
    servicenow: ServiceNow
    data: Path

    async def catch_up(self, most: int = 0) -> None:
        """Wait, in real time, until no Trigger has more than so many events before it. Raises TimeoutError."""
        async with asyncio.timeout(120):
            while self.broker.waiting() > most:  # noqa: ASYNC110 - the broker has no event for it
                await asyncio.sleep(0.01)  # asking is not free, and a day asks often


@asynccontextmanager
async def simulated(data: Path, start: float, keep: int) -> AsyncIterator[Simulated]:
    """Run the system on files in `data` from a time on; `keep` is the broker's retention in events.

    The stand-ins run in processes of their own, as foreign systems do, or both would share one interpreter's lock; what
    they were told is read from their files.
    """
    clock, metrics, later = Clock(start), Metrics(), _Later()
    incidents = servicenow.new_app(str(data / "servicenow.db"), groups=[DEFAULT_GROUP])
    records = splunk.new_app(str(data / "splunk.db"))
    topology = load_topology(ROOT / "knative")
    store = SqliteStore(data / "state.db", clock.now)
    async with AsyncExitStack() as opened:
        opened.callback(records.close)
        opened.callback(incidents.close)
        told = Standins({"servicenow": incidents, "splunk": records}).settings("")
        told["SERVICENOW_INSTANCE"] = opened.enter_context(standin("servicenow", data / "servicenow.db")).url
        told["SPLUNK_HEC_URL"] = opened.enter_context(standin("splunk", data / "splunk.db")).url
        opened.push_async_callback(store.close)
        environ = {**os.environ, **told}
        callers = {}
        for service in topology.services.values():
            name = canonical(service.function)
            function = load(name, environ, metrics, store=store, publisher=later, handover=later, clusters=())
            opened.push_async_callback(function.stop)
            await function.start()
            callers[service.name] = EdgeCaller(Edge(function, metrics))
        settings = BrokerSettings(keep=keep, maintain_every=_MAINTAIN, retry_letters_every=_LETTERS, clock=clock)
        broker = later.broker = Broker(topology, callers, data / "broker.db", metrics, settings)
        opened.push_async_callback(broker.stop)
        await broker.start()
        yield Simulated(clock, broker, store, metrics, records, incidents, data)

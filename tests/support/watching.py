"""`watch` and `reconcile` in this process, on a cluster that is a server of a test's, and a broker that is a list."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from functions.reconcile.handler import Reconcile
from functions.reconcile.handler import new as new_reconcile
from functions.watch.handler import Watch
from functions.watch.handler import new as new_watch
from shared.events.cloudevent import LISTED, TICK, CloudEvent
from shared.runtime.function import Call
from shared.runtime.handover import Acceptance
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.apiserver.standin import TOKEN

PODS, NODES, EVENTS, ODD = (
    "/api/v1/pods",
    "/api/v1/nodes",
    "/api/v1/events",
    "/apis/example.com/v1/oddities-of-all-kinds",
)
Told = tuple[str, str, str]


class Broker:
    """Takes events, or answers what `answers` says next; `too_large` is what it takes of no event."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.answer: Acceptance = "accepted"
        self.too_large = ""

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        await asyncio.sleep(0)
        if self.answer != "accepted":
            return self.answer
        if self.too_large and any(self.too_large in str(event.data) for event in events):
            return "too large"
        self.events += events
        return "accepted"

    def told(self) -> list[Told]:
        """Return operation, kind and name of what was told, in order."""
        prefix = "dev.knative.apiserver.resource."
        return [
            (event.type.removeprefix(prefix), event.extensions["kind"], event.extensions["name"])
            for event in self.events
            if event.type.startswith(prefix)
        ]

    def lists(self) -> list[CloudEvent]:
        """Return what was told of lists."""
        return [event for event in self.events if event.type == LISTED]


class Lab:
    """One cluster, store and broker for any number of starts of both functions."""

    def __init__(self, folder: Path, url: str, kinds: str = "v1/Pod", **settings: str) -> None:
        self.broker = Broker()
        self.store = MemoryStore()
        self.metrics = Metrics()
        self.kubeconfig = folder / "kubeconfig"
        self.write(url, {"token": TOKEN})
        self.environment = {
            "KUBECONFIG": str(self.kubeconfig),
            "CLUSTER": "lab",
            "WATCH_KINDS": kinds,
            "WATCH_SILENCE": "2",
            **settings,
        }

    def write(self, url: str, user: dict[str, str]) -> None:
        """Write the kubeconfig."""
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": user}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def watch(self) -> Watch:
        """Return the function, not started."""
        return new_watch(self.environment, self.metrics, store=self.store, handover=self.broker)

    def reconcile(self) -> Reconcile:
        """Return the function."""
        return new_reconcile(
            {**self.environment, "RECONCILE_EVERY": "0"}, self.metrics, store=self.store, handover=self.broker
        )

    async def tick(self, function: Reconcile, seconds: float = 20.0) -> str:
        """Send a tick and return how it ended."""
        call = Call(asyncio.get_running_loop().time() + seconds)
        return type((await function.handle(CloudEvent("1", "test", TICK), call)).outcome).__name__


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.01)

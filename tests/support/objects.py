"""What tests of changes share: objects as a cluster sends them, one function on a store, and what it said."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.changes.handler import new
from shared.changes.made import observations
from shared.changes.record import Record
from shared.changes.step import Step, seen_of, step
from shared.events.cloudevent import CloudEvent
from shared.events.model import Observation
from shared.runtime.edge import Edge
from shared.runtime.function import Result
from shared.sources.registry import decode
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Store
from shared.stores.registry import STORES, open_store
from shared.telemetry.metrics import Metrics
from tests.support.correlator import Sink
from tests.support.nats import store_url

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DAYS = 14
TYPE = "dev.knative.apiserver.resource"

Object = dict[str, Any]


def thing(kind: str, version: int | str = 1, metadata: Object | None = None, **members: Any) -> Object:
    """Return an object in one version; `metadata` is added to its own."""
    own = {"name": "web", "namespace": "shop", "uid": f"uid-of-{kind}", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": kind, "metadata": {**own, **(metadata or {})}, **members}


def manager(name: str, *fields: str, time: str = "2026-11-24T10:00:00Z", subresource: str = "") -> Object:
    """Return an entry of `managedFields`."""
    entry = {"manager": name, "operation": "Update", "time": time, "fieldsV1": {f"f:{field}": {} for field in fields}}
    return {**entry, "subresource": subresource} if subresource else entry


def sent(
    data: Any, operation: str = "update", seconds: float = 0, event_id: str = "e", **extensions: str
) -> CloudEvent:
    """Return the event that a source sends of an object, so many seconds after NOW."""
    at = NOW + timedelta(seconds=seconds)
    return CloudEvent(
        event_id,
        "https://cluster",
        f"{TYPE}.{operation}",
        time=at,
        extensions={"cluster": "c", **extensions},
        data=data,
    )


def observed(data: Any, operation: str = "update", seconds: float = 0) -> Observation:
    """Return what the dialect makes of an object."""
    found = decode(sent(data, operation, seconds), cluster="", now=NOW)
    assert isinstance(found, list)
    return found[0]


def taken(record: Record | None, data: Any, operation: str = "update", seconds: float = 0) -> Step:
    """Return the step from a record with the next version."""
    return step(record, seen_of(observed(data, operation, seconds), data, DAYS))


def told(*versions: Any, operation: str = "update") -> list[Observation]:
    """Return what is observed of the last of some versions, in their order; `operation` is the last one's."""
    record: Record | None = None
    *before, last = versions
    for version in before:
        record = taken(record, version).record or record
    done = taken(record, last, operation)
    return [] if done.answer is None else observations(seen_of(observed(last, operation), last, DAYS), done.answer)


class Rig:
    """One function behind its edge, on a store that outlives it."""

    def __init__(self, store: Store | None = None, **environ: str) -> None:
        self.store = store or MemoryStore()
        self.sink = Sink()
        self.metrics = Metrics()
        self.environ = environ
        self.edge = self.build()

    def build(self) -> Edge:
        return Edge(new(self.environ, self.metrics, store=self.store, publisher=self.sink), self.metrics)

    async def send(self, data: Any, operation: str = "update", seconds: float = 0, event_id: str = "e") -> Result:
        return await self.edge.dispatch(sent(data, operation, seconds, event_id))

    def dropped(self, reason: str) -> float:
        return self.metrics.value("tidings_dropped_total", function="changes", reason=reason, intentional="true")


def play(work: Callable[[Rig], Awaitable[None]], **environ: str) -> None:
    """Run a scenario with one function on a store in memory."""
    asyncio.run(_played(work, environ))


async def _played(work: Callable[[Rig], Awaitable[None]], environ: dict[str, str]) -> None:
    await work(Rig(**environ))


def observation(result: Result) -> Observation:
    """Return the observation of a reply."""
    assert result.reply is not None
    return Observation.model_validate(result.reply.data)


STORED = pytest.mark.parametrize("name", sorted(STORES))


def on(name: str, folder: Path, work: Callable[[Rig], Awaitable[None]], **environ: str) -> None:
    """Run a scenario with one function on a store of this kind."""

    async def inside() -> None:
        store = open_store(store_url(name, folder), {})
        try:
            await work(Rig(store, **environ))
        finally:
            await store.close()

    asyncio.run(inside())


def web(version: int, replicas: int = 3, **status: object) -> Object:
    fields = {"managedFields": [manager("kubectl-scale", "spec")]}
    return thing("Deployment", version, fields, spec={"replicas": replicas}, status=status)


def node(version: int, ready: str, **spec: object) -> Object:
    item = {"type": "Ready", "status": ready, "message": "so it is", "lastTransitionTime": "2026-11-24T10:00:00Z"}
    return thing("Node", version, {"namespace": ""}, spec=spec, status={"conditions": [item]})

"""What correlator tests share: one correlator on a memory store, observations to send it, and what it told."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.correlator.handler import new
from shared.episodes.bonds import Rules
from shared.episodes.policy import IMMEDIATE, Policies
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.episode import Episode
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef, Observation, Verdict
from shared.runtime.function import Call, Function, Result
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
POD = ObjectRef(kind="Pod", namespace="shop", name="web-0")


AT_ONCE = Policies(IMMEDIATE)


class Sink:
    """A publisher that keeps what it accepted, and refuses while `broken`."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.broken = False

    async def publish(self, event: CloudEvent) -> bool:
        await asyncio.sleep(0)
        if not self.broken:
            self.events.append(event)
        return not self.broken


class Rig:
    """One correlator on a memory store, and what it sent."""

    def __init__(self, rules: Rules = AT_ONCE, **environ: str) -> None:
        self.rules = rules
        self.store = MemoryStore()
        self.sink = Sink()
        self.metrics = Metrics()
        self.environ = environ
        self.function = self.build()

    def build(self) -> Function:
        return new(self.environ, self.metrics, store=self.store, publisher=self.sink, rules=self.rules)

    async def send(self, classified: Classified, event_id: str = "1") -> Result:
        data = classified.model_dump(mode="json")
        event = CloudEvent(
            event_id, "tidings/classifier", "dev.tidings.infrastructure.v1",
            extensions={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, data=data,
        )  # fmt: skip
        return await self.function.handle(event, Call(asyncio.get_running_loop().time() + 10))

    async def tick(self, seconds: float) -> Result:
        event = CloudEvent("t", "tick", TICK, time=START + timedelta(seconds=seconds))
        return await self.function.handle(event, Call(asyncio.get_running_loop().time() + 10))

    async def due(self) -> list[str]:
        return [entry.key async for entry in self.store.scan("due.")]


def problem(seconds: float = 0, condition: str = "crash-loop", count: int = 1, **changes: Any) -> Classified:
    """Return an observed problem of the test pod, `seconds` after START, with changes."""
    at = START + timedelta(seconds=seconds)
    observation = {
        "identity": event_identity("c", condition, count), "dialect": "kubernetes-event", "cluster": "c", "object": POD,
        "reason": "BackOff", "message": "back-off restarting", "time": at, "received": at, "count": count,
        "source_uid": condition,
    }  # fmt: skip
    verdict = {
        "category": "infrastructure", "subcategory": "pod", "severity": "high", "phase": "problem",
        "condition": condition, "problem_key": problem_key("c", POD, condition), "ticket_after": 1, "rule": "r",
    }  # fmt: skip
    for name, value in changes.items():
        (observation if name in Observation.model_fields else verdict)[name] = value
    return Classified(observation=Observation.model_validate(observation), verdict=Verdict.model_validate(verdict))


def recovery(seconds: float, *ends: str, **changes: Any) -> Classified:
    """Return an observation that ends these conditions, `seconds` after START, with changes."""
    at = START + timedelta(seconds=seconds)
    observation = {
        "identity": event_identity("c", f"fine{ends}", int(seconds) + 1), "dialect": "kubernetes-event",
        "cluster": "c", "object": POD, "reason": "Started", "time": at, "received": at,
    }  # fmt: skip
    verdict = {
        "category": "infrastructure", "subcategory": "pod", "severity": "info", "phase": "recovery", "ends": ends,
        "rule": "r",
    }  # fmt: skip
    for name, value in changes.items():
        (observation if name in Observation.model_fields else verdict)[name] = value
    return Classified(observation=Observation.model_validate(observation), verdict=Verdict.model_validate(verdict))


def play(work: Callable[[Rig], Awaitable[None]], rules: Rules = AT_ONCE, **environ: str) -> None:
    """Run a scenario with a started correlator."""

    async def inside() -> None:
        rig = Rig(rules, **environ)
        await rig.function.start()
        await work(rig)
        await rig.function.stop()

    asyncio.run(inside())


def told(result: Result) -> Episode:
    """Return the episode of a reply."""
    assert result.reply is not None
    return Episode.model_validate(result.reply.data)

"""Ticks go on, whatever single records and the store do."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from functions.correlator import ticks
from functions.correlator.handler import new
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.outcome import Done, Retry
from shared.runtime.function import Call
from shared.stores.memory import MemoryStore
from shared.stores.protocol import ABSENT, Entry, StoreUnavailableError
from shared.telemetry.metrics import Metrics
from tests.support.correlator import AT_ONCE

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOW = int(START.timestamp())


class Store(MemoryStore):
    """A store that fails for one thing and answers for the others a little later."""

    def __init__(self, failing: str = "") -> None:
        super().__init__()
        self.failing = failing
        self.running = 0

    async def get(self, key: str) -> Entry | None:
        if self.failing and key == f"thing.{self.failing}":
            raise StoreUnavailableError
        self.running += 1
        try:
            await asyncio.sleep(0.01 if self.failing else 0)
            return await super().get(key)
        finally:
            self.running -= 1

    async def keys(self, prefix: str) -> list[str]:
        return [entry.key async for entry in self.scan(prefix)]


def tick(seconds: float = 0) -> CloudEvent:
    return CloudEvent("t", "tick", TICK, time=START + timedelta(seconds=seconds))


async def due(store: Store, second: int, thing: str, record: bytes = b"") -> None:
    await store.put(f"due.{second:012d}.{thing}", b"1", expected=ABSENT)
    if record:
        await store.put(f"thing.{thing}", record, expected=ABSENT)


def test_records_that_cannot_be_read_do_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "_MAX_DUE", 3)

    async def work() -> None:
        store, metrics = Store(), Metrics()
        correlator = new({}, metrics, store=store, rules=AT_ONCE)
        for number in range(3):
            await due(store, NOW - 100, f"bad{number}", b'{"v": 99}')
        await due(store, NOW - 50, "good")  # its record ran out: its entry goes away once it is looked at
        for _ in range(2):
            result = await correlator.handle(tick(), Call(asyncio.get_running_loop().time() + 10))
            assert result.outcome == Done()
        assert await store.keys("due.") == [f"due.{NOW + 600:012d}.bad{number}" for number in range(3)]
        assert metrics.value("tidings_records_set_aside_total") == 3
        await correlator.handle(tick(600), Call(asyncio.get_running_loop().time() + 10))
        assert metrics.value("tidings_records_set_aside_total") == 6

    asyncio.run(work())


def test_nothing_of_a_tick_outlives_it_where_the_store_fails() -> None:
    async def work() -> None:
        store = Store(failing="a")
        correlator = new({}, Metrics(), store=store, rules=AT_ONCE)
        for thing in "abcd":
            await due(store, NOW - 100, thing)
        result = await correlator.handle(tick(), Call(asyncio.get_running_loop().time() + 10))
        assert result.outcome == Retry("the store cannot be asked")
        assert store.running == 0
        assert await store.keys("due.") == [f"due.{NOW - 100:012d}.a"]

    asyncio.run(work())


def test_an_outbox_that_cannot_be_read_is_set_aside_too() -> None:
    async def work() -> None:
        store, metrics = Store(), Metrics()
        correlator = new({}, metrics, store=store, rules=AT_ONCE)
        record = b'{"v": 1, "now": 0, "due": null, "tracks": [], "marks": [], "seen": [], "outbox": [[0, {"id": 1}]]}'
        await due(store, NOW - 100, "odd", record)
        result = await correlator.handle(tick(), Call(asyncio.get_running_loop().time() + 10))
        assert result.outcome == Done()
        assert await store.keys("due.") == [f"due.{NOW + 600:012d}.odd"]

    asyncio.run(work())

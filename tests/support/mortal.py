"""Correlators that die at any of their calls to the store, and two of them that take turns at each."""

import asyncio
from collections.abc import Callable
from random import Random

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Retry
from shared.runtime.function import Call, Function, Readiness, Result
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry


class MortalStore(MemoryStore):
    """A store whose user dies right after the call that brings `left` to nothing; None: it lives."""

    left: int | None = None

    def count(self) -> None:
        """Count a call; it may be the last."""
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise asyncio.CancelledError

    async def get(self, key: str) -> Entry | None:
        entry = await super().get(key)
        self.count()
        return entry

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        written = await super().put(key, value, expected=expected, ttl=ttl)
        self.count()
        return written


class YieldingStore(MemoryStore):
    """A store at each of whose calls another task goes on."""

    async def get(self, key: str) -> Entry | None:
        await asyncio.sleep(0)
        return await super().get(key)

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        await asyncio.sleep(0)
        return await super().put(key, value, expected=expected, ttl=ttl)

    async def delete(self, key: str, *, expected: int) -> bool:
        await asyncio.sleep(0)
        return await super().delete(key, expected=expected)


class Mortal:
    """A function that dies now and then at a call to the store, is built anew, and is sent the same again."""

    name = "mortal"

    def __init__(self, build: Callable[[], Function], store: MortalStore, chance: Random) -> None:
        self._build, self._store, self._chance = build, store, chance
        self._function = build()

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def readiness(self) -> Readiness:
        """Return that of the living."""
        return self._function.readiness()

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Handle an event, again and again until somebody lives long enough."""
        deaths = self._chance.choice([0, 0, 1, 2])
        while deaths:
            self._store.left = self._chance.randint(1, 12)
            try:
                return await self._function.handle(event, call)
            except asyncio.CancelledError:
                self._function = self._build()
                deaths -= 1
            finally:
                self._store.left = None
        return await self._function.handle(event, call)


class Twins:
    """Two replicas on one store that are sent the same at the same time; `tell` takes what the second one replies."""

    name = "twins"

    def __init__(self, build: Callable[[], Function], tell: Callable[[CloudEvent], None]) -> None:
        self._both = (build(), build())
        self._tell = tell

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def readiness(self) -> Readiness:
        """Return that of the first."""
        return self._both[0].readiness()

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Handle an event by both; a broker sends again what is to be tried again."""
        for _ in range(20):
            first, second = await asyncio.gather(*(each.handle(event, call) for each in self._both))
            if second.reply is not None:
                self._tell(second.reply)
            if not any(isinstance(one.outcome, Retry) for one in (first, second)):
                break
            if first.reply is not None:
                self._tell(first.reply)
        return first

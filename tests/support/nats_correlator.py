"""A correlator and a store on a NATS of a test, and what is waited for while that comes and goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from functions.correlator.handler import new
from shared.events.outcome import Retry
from shared.runtime.function import Function
from shared.stores.protocol import ABSENT, Store, StoreUnavailableError
from shared.stores.registry import open_store
from tests.support.correlator import AT_ONCE, problem
from tests.support.correlator import Rig as Correlator

SOON = 15.0
"""Seconds within which everything is as before once the server is."""


class Correlating(Correlator):
    """One correlator on a store that it opens by its URL; `build` makes another replica."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(STORE_URL=url)

    def build(self) -> Function:
        return new({"STORE_URL": self.url}, self.metrics, publisher=self.sink, rules=AT_ONCE)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url, {})
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def correlating(url: str) -> AsyncIterator[Correlating]:
    rig = Correlating(url)
    await rig.function.start()
    try:
        yield rig
    finally:
        await rig.function.stop()


async def until(true: Callable[[], Awaitable[bool]], seconds: float = SOON) -> None:
    end = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < end, "what was waited for did not happen"
        await asyncio.sleep(0.1)


async def answers(store: Store) -> bool:
    """Return whether the store takes a write."""
    try:
        entry = await store.get("probe-of-test")
        revision = ABSENT if entry is None else entry.revision
        return await store.put("probe-of-test", b"", expected=revision) is not None
    except StoreUnavailableError:
        return False


async def is_ready(rig: Correlating) -> bool:
    return not rig.function.readiness().problems


async def settled(rig: Correlating, seconds: float, count: int) -> object:
    """Send an observation until it is not to be tried again, as a broker does."""
    for _ in range(100):
        result = await rig.send(problem(seconds, count=count))
        if not isinstance(result.outcome, Retry):
            return result
        await asyncio.sleep(0.2)
    raise AssertionError("never settled")

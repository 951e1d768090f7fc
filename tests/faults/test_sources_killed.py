"""`watch` and `reconcile` die at any moment, as an evicted Pod or one without memory does: what comes after goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.runtime.handover import Acceptance
from tests.support.apiserver.standin import StandIn
from tests.support.mortal import MortalStore
from tests.support.servers import serve
from tests.support.watching import PODS, Broker, Lab, Told, until

Life = Callable[[set[Told]], Awaitable[bool]]
Source = Callable[[Lab, MortalStore, set[Told]], Awaitable[bool]]
_AT_REST = 0.1  # seconds, for what follows upon the last event


class LastBroker(Broker):
    """A broker that whoever posts to it may never get to, or never hear of again."""

    def __init__(self, store: MortalStore) -> None:
        super().__init__()
        self._store = store

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        self._store.count()
        answer = await super().accept(events)
        self._store.count()
        return answer


def something_happens(server: StandIn, number: int) -> set[Told]:
    """Change the cluster, in which as many objects are afterwards; return what is to be told of that."""
    server.put(PODS, "stays", status={"phase": str(number)})
    server.put(PODS, f"comes-{number}")
    server.delete(PODS, f"comes-{number - 1}")
    return {("update", "Pod", "stays"), ("add", "Pod", f"comes-{number}"), ("delete", "Pod", f"comes-{number - 1}")}


async def a_round(lab: Lab, _store: MortalStore, _expected: set[Told]) -> bool:
    """Let a process of `reconcile` do a round; False where it died of it."""
    reconcile = lab.reconcile()
    try:
        assert await lab.tick(reconcile) == "Done"
    except asyncio.CancelledError:
        return False
    finally:
        await reconcile.stop()
    return True


async def a_life(lab: Lab, store: MortalStore, expected: set[Told]) -> bool:
    """Let a process of `watch` follow until all is told, and be at rest then; False where it died."""
    watch, before = lab.watch(), len(lab.broker.told())

    def over() -> bool:
        return dead(store) or expected <= set(lab.broker.told()[before:])

    await watch.start()
    await until(over)
    await asyncio.sleep(_AT_REST)
    await watch.stop()
    return not dead(store)


def dead(store: MortalStore) -> bool:
    return store.left is not None and store.left <= 0


async def killed_at_each_call(lab: Lab, store: MortalStore, server: StandIn, live: Life) -> int:
    """Kill a process at its first call to broker or store, one at its second, …; return how many there were to kill."""
    assert await live({("add", "Pod", "stays"), ("add", "Pod", "comes-0")})
    for number in range(1, 50):
        before, expected = len(lab.broker.told()), something_happens(server, number)
        store.left = number
        lived = await live(expected)
        store.left = None
        if lived:
            return number - 1
        assert await live(expected - set(lab.broker.told()[before:]))
        assert set(lab.broker.told()[before:]) == expected, f"killed at call {number}"
    raise AssertionError("it never comes to its end")


@pytest.mark.parametrize("source", [a_round, a_life])
def test_f39_a_source_dies_at_any_call_and_the_process_after_it_tells_what_is_left(
    source: Source, tmp_path: Path
) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05. A source of ours is asked by nobody again: it goes on by itself."""
    server = StandIn()
    server.put(PODS, "stays")
    server.put(PODS, "comes-0")
    with serve(server) as url:
        lab, store = Lab(tmp_path, url), MortalStore()
        lab.store, lab.broker = store, LastBroker(store)
        assert asyncio.run(killed_at_each_call(lab, store, server, partial(source, lab, store))) >= 5

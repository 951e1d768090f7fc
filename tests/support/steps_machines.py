"""Deliveries as tasks that go on one step at a time, in an order and with an end of each step that a test chooses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, TypeVar

from hypothesis import Phase, settings

from shared.delivery.claims import Claims
from shared.delivery.delivered import Delivered
from shared.delivery.failure import Ambiguous, Failure, Temporary
from shared.delivery.ticket import Found, Order
from shared.delivery.tickets import Tickets
from shared.events.episode import Episode
from shared.stores.protocol import Entry, Store
from shared.telemetry.metrics import Metrics
from tests.support.examples import asked
from tests.support.tickets import Desk, render

Fate = Literal["ok", "refused", "lost", "committed", "late"]
"""How a step ends. `refused`: certainly not done, and said so. The others never get an answer: `lost` was not done,
`committed` was, `late` will be, up to LATE seconds after the caller gave up."""

ANSWERED = "answered"
LATE = 3.0
SECONDS = 10.0
EPOCH = 1_000_000.0
Effect = Callable[[], Awaitable[Any]]
T = TypeVar("T")


def profile(examples: int, steps: int) -> settings:
    """Return what a state machine's test runs: the same examples each time, or TIDINGS_EXAMPLES new ones.

    A failure is shown as it was found: making it shorter takes minutes, which only the larger run spends.
    """
    many = asked()
    return settings(
        max_examples=many or examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not many,
        database=None,
        phases=(*Phase,) if many else (Phase.generate,),
    )


class ManualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock a test moves."""

    now = 0.0

    def time(self) -> float:
        return self.now


@dataclass
class Pending:
    """A step that a worker stands at: what it would do, and when the worker gives up waiting (loop time)."""

    name: str
    effect: Effect
    until: float
    end: "asyncio.Future[Fate]"

    @property
    def writes(self) -> bool:
        return self.name not in {"get", "find", ANSWERED}


class Worker:
    """One replica with a wall clock of its own. It delivers one snapshot at a time, as slowly as the test lets it."""

    def __init__(self, world: "World", offset: float) -> None:
        self.offset = offset
        self.frozen = False
        self.pending: Pending | None = None
        self.task: asyncio.Task[Delivered] | None = None
        self.deadline = inf
        self.episode: Episode | None = None
        self._world = world
        metrics = Metrics()
        claims = Claims(_Store(world, self), "desk", metrics, self.clock)
        self._tickets = Tickets(_Desk(world, self), claims, render, metrics)

    def clock(self) -> float:
        return EPOCH + self._world.loop.now + self.offset

    @property
    def runs(self) -> bool:
        """Return True while it is between two steps."""
        return self.task is not None and not self.task.done() and self.pending is None

    def begin(self, one: Episode) -> None:
        self.episode, self.deadline = one, self._world.loop.now + SECONDS
        self.task = self._world.loop.create_task(self._tickets.deliver(one, self.deadline))

    async def at(self, name: str, effect: Effect, seconds: float = inf) -> Fate:
        """Stand at a step until the test says how it ends."""
        end: asyncio.Future[Fate] = self._world.loop.create_future()
        self.pending = Pending(name, effect, self._world.loop.now + seconds, end)
        return await end

    def end_step(self, fate: Fate) -> None:
        pending, self.pending = self.pending, None
        assert pending is not None
        pending.end.set_result(fate)


class World:
    """Workers, their store, the ticket system, and what is still to be committed there."""

    def __init__(self, new_store: Callable[[Callable[[], float]], Store], offsets: Sequence[float]) -> None:
        self.loop = ManualLoop()
        self._new_store = new_store
        self.store = new_store(lambda: EPOCH + self.loop.now)
        self.desk = Desk()
        self.late: list[tuple[float, Effect]] = []
        self.committed_late = 0
        self.unanswered_ever = False
        self.workers = [Worker(self, offset) for offset in offsets]

    def settle(self) -> None:
        """Let every worker come to its next step or to its end."""

        async def turn() -> None:
            while any(one.runs for one in self.workers):  # noqa: ASYNC110 -- a store with threads tells nobody
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())

    def do(self, effect: Effect) -> Any:
        async def inside() -> Any:
            return await effect()

        return self.loop.run_until_complete(inside())

    def pass_time(self, seconds: float, fate: Fate) -> None:
        """Move all clocks; who is not frozen and waited too long gives up, and what was late happens."""
        self.loop.now += seconds
        due = [effect for time, effect in self.late if time <= self.loop.now]
        self.late = [(time, effect) for time, effect in self.late if time > self.loop.now]
        for effect in due:
            self.do(effect)
            self.committed_late += 1
        for worker in self.workers:
            self.give_up(worker, fate)

    def give_up(self, worker: Worker, fate: Fate) -> None:
        """End what a worker waited for too long: the step, or where the request's time is over, the whole delivery."""
        while worker.pending is not None and not worker.frozen:
            if worker.deadline <= self.loop.now:
                self.crash(worker, fate)
            elif worker.pending.until <= self.loop.now:
                self.unanswered(worker.pending, fate)
                worker.end_step("lost")
                self.settle()
            else:
                return

    def unanswered(self, pending: Pending, fate: Fate) -> None:
        """Let a step that nobody waits for any more take effect as its fate says."""
        self.unanswered_ever = True
        if not pending.writes or fate in {"refused", "lost"}:
            return
        due = min(pending.until, self.loop.now) + LATE
        if fate == "late" and pending.name == "create" and due > self.loop.now:
            self.late.append((due, pending.effect))
        else:
            self.do(pending.effect)
            self.committed_late += fate == "late"

    def freeze(self, worker: Worker, fate: Fate) -> None:
        """Halt a worker. What it had sent takes effect without it; it learns nothing of that when it wakes."""
        worker.frozen = True
        if worker.pending is not None and worker.pending.name not in {"get", "put", "find"}:
            self.unanswered(worker.pending, fate)
            worker.pending.name = ANSWERED

    def thaw(self, worker: Worker, fate: Fate) -> None:
        worker.frozen = False
        self.give_up(worker, fate)
        if worker.pending is not None and worker.pending.name == ANSWERED:
            worker.end_step("lost")
            self.settle()

    def crash(self, worker: Worker, fate: Fate) -> None:
        """End a worker's delivery where it stands; what it had sent may take effect."""
        pending, task = worker.pending, worker.task
        worker.pending, worker.frozen = None, False
        if task is not None and not task.done():
            task.cancel()
            self.loop.run_until_complete(asyncio.wait({task}))
        worker.task = None
        if pending is not None:
            self.unanswered(pending, fate)

    def wipe(self) -> None:
        """Replace the store by an empty one."""
        self.do(self.store.close)
        self.store = self._new_store(lambda: EPOCH + self.loop.now)

    def close(self) -> None:
        for worker in self.workers:
            self.crash(worker, "lost")
        self.do(self.store.close)
        self.loop.close()


class _Store:
    """The store as one worker reaches it: each call is a step."""

    def __init__(self, world: World, worker: Worker) -> None:
        self._world = world
        self._worker = worker

    async def get(self, key: str) -> Entry | None:
        await self._worker.at("get", lambda: self._world.store.get(key))
        return await self._world.store.get(key)

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        async def effect() -> int | None:
            return await self._world.store.put(key, value, expected=expected, ttl=ttl)

        await self._worker.at("put", effect)
        return await effect()

    async def delete(self, key: str, *, expected: int) -> bool:
        return await self._world.store.delete(key, expected=expected)

    def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        return self._world.store.scan(prefix, after=after, before=before, limit=limit)

    async def close(self) -> None:
        """Leave it open: it is everybody's."""


class _Desk:
    """The ticket system as one worker reaches it: each call is a step."""

    def __init__(self, world: World, worker: Worker) -> None:
        self._world = world
        self._worker = worker
        self._desk = world.desk
        self.name = world.desk.name
        self.journals = world.desk.journals

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        return await self._step("find", lambda: self._desk.find(episode, problem, 1.0), seconds)

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        return await self._step("create", lambda: self._desk.create(order, 1.0), seconds)

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        return await self._step("update", lambda: self._desk.update(found, order, 1.0), seconds)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        return await self._step("resolve", lambda: self._desk.resolve(found, order, 1.0), seconds)

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        return await self._step("reopen", lambda: self._desk.reopen(found, order, 1.0), seconds)

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        return await self._step("cancel", lambda: self._desk.cancel(found, keeper, 1.0), seconds)

    async def _step(self, name: str, effect: Callable[[], Awaitable[T]], seconds: float) -> T | Failure:
        assert seconds > 0, "nothing may be sent after the deadline"
        fate = await self._worker.at(name, effect, seconds)
        if fate == "ok":
            return await effect()
        return Temporary("cannot connect") if fate == "refused" else Ambiguous("no answer in time")

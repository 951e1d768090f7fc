"""Observations of one object that come at the same time share a write, and each still gets its own answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from functions.correlator.handler import new
from shared.episodes import browse
from shared.episodes.policy import Policies, Policy
from shared.events.cloudevent import CloudEvent
from shared.events.model import Classified
from shared.events.outcome import Done, Duplicate, Retry
from shared.runtime.function import Call, Function, Result
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry, StoreUnavailableError
from shared.telemetry.metrics import Metrics
from tests.support.correlator import AT_ONCE, Rig, play, problem, told
from tests.support.life import Life, fine, pod, trouble


class Slow(MemoryStore):
    """A store whose writes are counted, wait for the gate, and fail while `down`."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.reads = 0
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def get(self, key: str) -> Any:
        self.reads += key.startswith("thing.")
        return await super().get(key)

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        await asyncio.sleep(0)
        await self.gate.wait()
        if self.down:
            raise StoreUnavailableError("down")
        self.writes += key.startswith("thing.")
        return await super().put(key, value, expected=expected, ttl=ttl)


async def send(function: Function, classified: Classified) -> Result:
    data = classified.model_dump(mode="json")
    event = CloudEvent("1", "tidings/classifier", "dev.tidings.infrastructure.v1", data=data)
    return await function.handle(event, Call(asyncio.get_running_loop().time() + 10))


async def send_all(function: Function, observations: Sequence[Classified]) -> list[Result]:
    return await asyncio.gather(*(send(function, classified) for classified in observations))


def occurrence(number: int) -> Classified:
    return problem(number, source_uid=f"u{number}", identity=f"u{number}")


def test_many_at_once_share_writes_and_each_is_answered_with_its_own_snapshot() -> None:
    async def run() -> None:
        store = Slow()
        function = new({}, Metrics(), store=store, rules=AT_ONCE)
        results = await send_all(function, [occurrence(number) for number in range(40)])
        assert {result.outcome for result in results} == {Done()}
        assert [told(result).revision for result in results] == list(range(1, 41))
        assert store.writes < 10
        (episode,) = (await browse.listing(store)).episodes
        assert episode.count == 40

    asyncio.run(run())


def test_the_same_observation_twice_in_one_write_counts_once() -> None:
    async def run() -> None:
        function = new({}, Metrics(), store=Slow(), rules=AT_ONCE)
        results = await send_all(function, [occurrence(0), occurrence(1), occurrence(1), occurrence(1)])
        assert [result.outcome for result in results] == [Done(), Done(), Duplicate(), Duplicate()]
        assert [told(result).count for result in results] == [1, 2, 2, 2]

    asyncio.run(run())


def test_where_the_write_fails_each_is_sent_back_and_none_is_half_taken() -> None:
    async def run() -> None:
        store = Slow()
        function = new({}, Metrics(), store=store, rules=AT_ONCE)
        await send(function, occurrence(0))
        store.down = True
        several = [occurrence(number) for number in range(1, 6)]
        assert all(isinstance(result.outcome, Retry) for result in await send_all(function, several))
        store.down = False
        assert {result.outcome for result in await send_all(function, several)} == {Done()}
        (episode,) = (await browse.listing(store)).episodes
        assert episode.count == 6
        await function.stop()

    asyncio.run(run())


def test_one_that_is_given_up_while_it_writes_leaves_the_others_to_themselves() -> None:
    async def run() -> None:
        store = Slow()
        function = new({}, Metrics(), store=store, rules=AT_ONCE)
        await send(function, occurrence(0))
        store.gate.clear()
        tasks = [asyncio.create_task(send(function, occurrence(number))) for number in range(1, 6)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        await asyncio.sleep(0)
        store.gate.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert all(isinstance(result, Result) and result.outcome == Done() for result in ended[1:])
        await send(function, occurrence(1))
        (episode,) = (await browse.listing(store)).episodes
        assert episode.count == 6

    asyncio.run(run())


def test_a_hot_object_is_read_once_and_a_change_by_another_replica_is_seen() -> None:
    async def run() -> None:
        store = Slow()
        ours, other = (new({}, Metrics(), store=store, rules=AT_ONCE) for _ in range(2))
        for number in range(5):
            await send(ours, occurrence(number))
        assert store.reads == 1
        await send(other, occurrence(5))
        assert told(await send(ours, occurrence(6))).count == 7
        assert store.reads == 3

    asyncio.run(run())


def test_a_repetition_is_answered_with_what_the_store_holds_not_with_what_memory_holds() -> None:
    async def work(rig: Rig) -> None:
        first = told(await rig.send(problem(0)))
        await send(rig.build(), problem(10, count=2))
        again = await rig.send(problem(0))
        assert again.outcome == Duplicate()
        assert (told(again).id, told(again).revision) == (first.id, 2)

    play(work)


class First(MemoryStore):
    """A store in which another replica is first at the next writes of a group's record, so many of them."""

    others = 0

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        if key.startswith("thing.group-") and self.others:
            self.others -= 1
            return None
        return await super().put(key, value, expected=expected, ttl=ttl)


def test_f40_a_group_knows_what_ended_its_last_member_though_another_replica_was_first() -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""

    async def run() -> None:
        store = First()
        life = Life(Policies(Policy(group_by=("namespace", "condition"))), store)
        await life.at(0, trouble(0, pod(1), "crash-loop"))
        await life.until(30)
        store.others = 1
        await life.at(100, fine(100, pod(1)))
        await life.until(200)
        (ticket,) = life.tickets.values()
        assert store.others == 0
        assert ticket.episode.ended_by == "Started"

    asyncio.run(run())


class Between(MemoryStore):
    """A store before whose next read of an entry of a group something else happens."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def get(self, key: str) -> Entry | None:
        if key.startswith("under.") and self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()
        return await super().get(key)


def test_f40_what_a_group_is_told_is_what_the_replica_said_that_was_first() -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner.

    Here the loser has told the group already, and has nothing left to keep: the winner took in the same and more.
    """

    async def run() -> None:
        store = Between()
        life = Life(Policies(Policy(group_by=("namespace", "condition"))), store)
        other = new({}, Metrics(), store=store, publisher=life.sink, rules=life.rules)
        await life.at(0, trouble(0, pod(1), "crash-loop"))
        await life.until(30)
        again = trouble(100, pod(1), "crash-loop", count=2)

        async def happens() -> None:
            for one in (again, trouble(101, pod(1), "crash-loop", count=3, severity="critical")):
                await send(other, one)

        store.happens = happens
        await life.at(102, again)
        await life.until(2000)
        assert [one.episode.severity for one in life.open()] == ["critical"]

    asyncio.run(run())

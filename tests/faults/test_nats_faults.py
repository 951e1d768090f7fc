"""A real NATS is killed, stopped and without quorum: tickets are found by asking, and all recovers by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared.events.outcome import Done, Duplicate, InProgress, Retry
from shared.stores.nats_link import SECONDS
from shared.stores.protocol import ABSENT, StoreUnavailableError
from tests.support.correlator import problem, told
from tests.support.nats import Nats, cluster, cluster_url, nats
from tests.support.nats_correlator import Correlating, answers, correlating, is_ready, opened, settled, until
from tests.support.tickets import Rig, episode, resolved


def kill(server: Nats) -> None:
    server.kill()


def freeze(server: Nats) -> None:
    server.freeze()


def again(server: Nats) -> None:
    if server.runs:
        server.thaw()
    else:
        server.start()


BREAKS = pytest.mark.parametrize("away", [kill, freeze])


@BREAKS
def test_f32_with_nats_away_each_delivery_asks_the_destination_and_goes_by_claims_again_after(
    away: Callable[[Nats], None], tmp_path: Path
) -> None:
    """F32, word for word.

    KV restart / partition / quorum lost | deliveries degrade to asking the destination; the correlator answers Retry;
    both recover by themselves
    """

    async def main(server: Nats) -> None:
        async with opened(server.url()) as store:
            rig = Rig(store=store)
            assert (await rig.deliver(episode())).outcome == Done()
            away(server)
            rig.desk.asked.clear()
            outcomes = [type((await rig.deliver(one)).outcome) for one in (episode(), episode(2), resolved(3))]
            assert outcomes[0] is Duplicate
            assert set(outcomes[1:]) <= {Done, Duplicate}
            assert rig.desk.asked.count("find") >= 3, "each one asked"
            assert "create" not in rig.desk.asked
            degraded = rig.metrics.total("tidings_degraded_total")
            assert degraded >= 3
            await asyncio.to_thread(again, server)
            await until(lambda: answers(store))
            degraded = rig.metrics.total("tidings_degraded_total")
            assert isinstance((await rig.deliver(resolved(3))).outcome, Done | Duplicate)
            rig.desk.asked.clear()
            assert (await rig.deliver(resolved(3))).outcome == Duplicate()
            assert rig.desk.asked == [], "the claim says it"
            assert rig.metrics.total("tidings_degraded_total") == degraded
            assert [one.standing for one in rig.desk.records.values()] == ["resolved"]

    with nats(tmp_path) as server:
        asyncio.run(main(server))


@BREAKS
def test_f32_with_nats_away_the_correlator_answers_retry_and_goes_on_where_it_was(
    away: Callable[[Nats], None], tmp_path: Path
) -> None:
    """F32, word for word.

    KV restart / partition / quorum lost | deliveries degrade to asking the destination; the correlator answers Retry;
    both recover by themselves
    """

    async def main(server: Nats) -> None:
        async with correlating(server.url()) as rig:
            first = told(await rig.send(problem(0)))
            away(server)
            begun = time.monotonic()
            assert isinstance((await rig.send(problem(1, count=2))).outcome, Retry)
            assert time.monotonic() - begun < 2 * SECONDS, "within the deadline of a call"
            begun = time.monotonic()
            results = await asyncio.gather(*(rig.send(problem(2, count=3 + number)) for number in range(200)))
            assert {type(result.outcome) for result in results} == {Retry}
            assert time.monotonic() - begun < SECONDS, "those who come after know it at once"
            assert rig.function.readiness().problems
            await asyncio.to_thread(again, server)

            async def ready() -> bool:
                return not rig.function.readiness().problems

            await until(ready)
            second = told(await rig.send(problem(600, count=50)))
            assert second.id == first.id
            assert second.count == 50

    with nats(tmp_path) as server:
        asyncio.run(main(server))


def test_f32_a_cluster_that_lost_its_quorum_is_as_good_as_away_until_it_has_one_again(tmp_path: Path) -> None:
    """F32, word for word.

    KV restart / partition / quorum lost | deliveries degrade to asking the destination; the correlator answers Retry;
    both recover by themselves
    """

    async def main(servers: list[Nats]) -> None:
        url = cluster_url(servers)
        async with opened(url) as store, correlating(url) as rig:
            await until(lambda: answers(store), 30)
            tickets = Rig(store=store)
            await until(lambda: is_ready(rig), 30)
            assert (await tickets.deliver(episode())).outcome == Done()
            first = told(await rig.send(problem(0)))

            servers[0].kill()
            await until(lambda: answers(store), 30)
            await until(lambda: is_ready(rig), 30)
            assert told(await settled(rig, 300, 10)).id == first.id, "two of three are enough"

            servers[1].kill()
            assert isinstance((await tickets.deliver(episode(2, severity="critical"))).outcome, Done | Duplicate)
            assert len(tickets.desk.active()) == 1
            assert isinstance((await rig.send(problem(600, count=20))).outcome, Retry)
            assert tickets.metrics.total("tidings_degraded_total") >= 1

            for server in servers[:2]:
                server.start(wait=False)
            for server in servers[:2]:
                await asyncio.to_thread(server.wait)
            await until(lambda: answers(store), 30)
            await until(lambda: is_ready(rig), 30)
            assert told(await settled(rig, 900, 30)).id == first.id
            # The claim of the update may have reached the one that was left, and stands once there is a quorum.
            if (outcome := (await tickets.deliver(resolved(3))).outcome) == InProgress():
                tickets.clock.now += 30
                outcome = (await tickets.deliver(resolved(3))).outcome
            assert outcome == Done()
            assert [one.standing for one in tickets.desk.records.values()] == ["resolved"]

    with cluster(tmp_path) as servers:
        asyncio.run(main(list(servers)))


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_f31_the_servers_clock_decides_what_expired_and_no_clock_of_ours(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def main(server: Nats) -> None:
        async with opened(server.url()) as store:
            assert await store.put("long", b"", expected=ABSENT, ttl=600) is not None
            assert await store.put("short", b"", expected=ABSENT, ttl=1) is not None
            real = time.time
            monkeypatch.setattr(time, "time", lambda: real() + jump)
            assert await store.get("short") is not None

            async def gone() -> bool:
                return await store.get("short") is None

            await until(gone)
            assert await store.get("long") is not None

    with nats(tmp_path) as server:
        asyncio.run(main(server))


def test_what_is_asked_while_nats_is_away_is_not_done_after(tmp_path: Path) -> None:
    """Nothing is queued: a write that was given up is never made by a connection that comes back."""

    async def main(server: Nats) -> None:
        async with opened(server.url()) as store:
            assert await answers(store)
            server.kill()
            with pytest.raises(StoreUnavailableError):
                await store.put("first", b"", expected=ABSENT)
            puts = (store.put(f"k{number}", b"x" * 1000, expected=ABSENT) for number in range(1000))
            results = await asyncio.gather(*puts, return_exceptions=True)
            assert {type(result) for result in results} == {StoreUnavailableError}
            await asyncio.to_thread(server.start)
            await until(lambda: answers(store))
            assert [entry.key async for entry in store.scan("k")] == []

    with nats(tmp_path) as server:
        asyncio.run(main(server))


def test_f40_two_correlators_on_one_bucket_make_one_episode_of_one_problem(tmp_path: Path) -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""

    async def main(server: Nats) -> None:
        async with correlating(server.url()) as here, correlating(server.url()) as there:
            ids = set[str]()

            async def send(rig: Correlating, count: int) -> None:
                result = await settled(rig, count, count)
                reply = getattr(result, "reply", None)
                if reply is not None:
                    ids.add(reply.data["id"])

            await asyncio.gather(*(send((here, there)[count % 2], count) for count in range(1, 61)))
            assert len(ids) == 1
            last = told(await settled(here, 700, 100))  # type: ignore[arg-type]
            assert {last.id} == ids
            assert last.count == 100
            other = told(await settled(there, 760, 200))  # type: ignore[arg-type]
            assert (other.id, other.count) == (last.id, 200)
            assert len([key async for key in scan(server, "thing.")]) == 1

    async def scan(server: Nats, prefix: str) -> AsyncIterator[str]:
        async with opened(server.url()) as store:
            async for entry in store.scan(prefix):
                yield entry.key

    with nats(tmp_path) as server:
        asyncio.run(main(server))

"""The correlator with what it cannot use: malformed data, a store or a broker that fails, replicas, bad settings."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from functions.correlator.handler import new
from shared.episodes import browse
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Ignored, Rejected, Retry
from shared.runtime.function import Call, Result
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.correlator import START, Rig, play, problem, recovery, told


def test_due_work_waits_in_the_outbox_while_the_broker_refuses() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=60))
        rig.sink.broken = True
        assert isinstance((await rig.tick(100)).outcome, Retry)
        assert isinstance((await rig.tick(110)).outcome, Retry)
        rig.sink.broken = False
        assert (await rig.tick(120)).outcome == Done()
        assert [event.type for event in rig.sink.events] == ["dev.tidings.problem.resolved.v1"]
        await rig.tick(130)
        assert len(rig.sink.events) == 1
        assert await rig.due() == []

    play(work)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"observation": {}, "verdict": {}}])
def test_f27_malformed_data_is_rejected(data: Any) -> None:
    """F27, word for word.

    poison: malformed JSON / wrong content type / no ce-id / bad time |
    400/422 once, straight to DLS, no traceback, no echo
    """

    async def work(rig: Rig) -> None:
        event = CloudEvent("1", "s", "dev.tidings.security.v1", data=data)
        result = await rig.function.handle(event, Call(asyncio.get_running_loop().time() + 1))
        assert isinstance(result.outcome, Rejected)
        assert result.outcome.stage == "decode"

    play(work)


def test_a_ping_of_a_pingsource_is_a_tick_and_one_without_a_time_is_rejected() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=60))
        ping = CloudEvent("p", "/apis/v1/namespaces/tidings/pingsources/tick", "dev.knative.sources.ping")
        call = Call(asyncio.get_running_loop().time() + 10)
        assert isinstance((await rig.function.handle(ping, call)).outcome, Rejected)
        timed = ping._replace(time=START + timedelta(seconds=90))
        assert (await rig.function.handle(timed, call)).outcome == Done()
        assert len(rig.sink.events) == 1

    play(work)


def test_a_store_that_was_given_stays_open() -> None:
    async def work(rig: Rig) -> None:
        await rig.function.stop()
        assert await rig.store.get("thing.x") is None

    play(work)


def test_what_neither_begins_nor_ends_anything_touches_no_store() -> None:
    async def work(rig: Rig) -> None:
        await rig.store.close()
        assert isinstance((await rig.send(recovery(0, phase="info"))).outcome, Ignored)

    play(work)


def test_f32_a_store_that_is_down_means_retry_and_not_ready() -> None:
    """F32: KV restart / partition | the correlator answers Retry; recovers by itself."""

    async def work(rig: Rig) -> None:
        assert rig.function.readiness().ready
        await rig.store.close()
        assert isinstance((await rig.send(problem())).outcome, Retry)
        assert isinstance((await rig.tick(1)).outcome, Retry)
        assert rig.function.readiness().problems == ("the store cannot be asked",)

    play(work)


def test_f40_many_replicas_and_one_key_lose_nothing() -> None:
    """F40: two replicas, same key, store CAS race | exactly one winner."""

    async def work(rig: Rig) -> None:
        functions = [rig.build() for _ in range(3)]

        async def send(number: int) -> Result:
            await asyncio.sleep(0)
            event = CloudEvent(
                "1", "s", "dev.tidings.infrastructure.v1",
                data=problem(number, source_uid=f"u{number}", identity=f"u{number}").model_dump(mode="json"),
            )  # fmt: skip
            return await functions[number % 3].handle(event, Call(asyncio.get_running_loop().time() + 10))

        results = await asyncio.gather(*(send(number) for number in range(30)))
        assert all(result.outcome == Done() for result in results)
        (episode,) = (await browse.listing(rig.store)).episodes
        assert (episode.count, episode.revision) == (30, 30)
        assert sorted(told(result).revision for result in results) == list(range(1, 31))

    play(work)


def test_a_record_of_a_newer_version_is_not_guessed_at() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem())
        async for entry in rig.store.scan("thing."):
            await rig.store.put(entry.key, b'{"v": 99}', expected=entry.revision)
        assert isinstance((await rig.send(problem(1, count=2))).outcome, Retry)
        assert (await browse.listing(rig.store)).unreadable == 1

    play(work)


def test_settings_that_cannot_work_are_named() -> None:
    for environ in ({"STORE_URL": "etcd://x"}, {"FIRST_CONTACT": "5"}):
        with pytest.raises(SettingsError, match=next(iter(environ))):
            new(environ, Metrics())

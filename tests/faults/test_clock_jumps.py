"""A clock that jumps an hour ahead or back: leases, tokens and stores do not mind, and nothing is told twice."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.delivery.claim import Known, Memory
from shared.delivery.claims import Claims, Taken
from shared.destinations.http import new_client
from shared.destinations.servicenow.auth import Auth
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.events.outcome import Done, Duplicate, InProgress, Retry
from shared.settings.environment import read
from shared.stores.memory import MemoryStore
from shared.stores.sqlite import SqliteStore
from shared.telemetry.metrics import Metrics
from tests.support.correlator import START, play, problem, told
from tests.support.correlator import Rig as Correlator
from tests.support.servers import serve
from tests.support.tickets import Clock, Rig, episode, resolved, run

HOUR = 3600.0
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR])


class TokenEndpoint:
    """Gives a new token of ten minutes on each request."""

    def __init__(self) -> None:
        self.given = 0

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            self.given += 1
            body = json.dumps({"access_token": f"token-{self.given}", "expires_in": 600}).encode()
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": body})


def ahead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let this process's clock on the wall differ; what is monotonic goes on."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)


@JUMPS
def test_f31_a_jump_while_the_holder_is_at_it_moves_neither_its_deadline_nor_its_fence(jump: float) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def main() -> None:
        rig = Rig()
        original, sent = rig.desk.create, list[float]()

        async def create(order: Any, seconds: float) -> Any:
            sent.append(seconds)
            return await original(order, seconds)

        async def find(*_: Any) -> Any:
            rig.clock.now += jump
            return ()

        rig.desk.create = create  # type: ignore[method-assign]
        rig.desk.find = find  # type: ignore[assignment, method-assign]
        assert (await rig.deliver(episode(), seconds=5.0)).outcome == Done()
        assert 3 < sent[0] < 5, "the time that is left is that of the monotonic clock"
        del rig.desk.find, rig.desk.create
        assert (await rig.deliver(episode())).outcome == Duplicate()
        assert len(rig.desk.records) == 1

    run(main())


@JUMPS
def test_f31_a_lease_of_another_machines_hour_is_asked_about_and_its_holder_is_fenced(jump: float) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def main() -> None:
        here, there = Clock(), Clock()
        there.now += jump
        store = MemoryStore(here)
        mine, other = Claims(store, "d", Metrics(), here), Claims(store, "d", Metrics(), there)
        first = await mine.take("e", 1, 10.0)
        second = await other.take("e", 1, 10.0)
        assert isinstance(first, Taken)
        assert isinstance(second, Taken)
        assert (first.in_doubt, second.in_doubt) == (False, True), "whoever takes over asks first"
        assert not await mine.complete(first, Memory(revision=1, record="late"))
        assert await other.complete(second, Memory(revision=1, record="right"))

    run(main())


@JUMPS
def test_f31_the_life_of_an_episode_over_jumps_is_one_ticket(jump: float) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def main() -> None:
        rig = Rig()
        for one in (episode(), episode(2, severity="critical"), resolved(3), episode(2), resolved(3)):
            answer = await rig.deliver(one)
            assert isinstance(answer.outcome, Done | Duplicate)
            rig.clock.now += jump
        assert [record.standing for record in rig.desk.records.values()] == ["resolved"]
        assert rig.desk.asked.count("create") == 1

    run(main())


@JUMPS
def test_f31_a_store_keeps_what_it_was_given_over_a_jump(jump: float, tmp_path: Path) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def main() -> None:
        clock = Clock()
        store = SqliteStore(tmp_path / "store.db", clock)
        claims = Claims(store, "d", Metrics(), clock)
        taken = await claims.take("e", 1, 10.0)
        assert isinstance(taken, Taken)
        assert await claims.complete(taken, Memory(revision=1, record="r"))
        clock.now += jump
        assert await claims.take("e", 1, 10.0) == Known(Memory(revision=1, record="r"))
        await store.close()

    run(main())


@JUMPS
def test_f31_a_token_is_renewed_before_its_end_by_a_clock_that_does_not_jump(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""
    endpoint = TokenEndpoint()

    async def main(url: str) -> list[str]:
        environ = {"SERVICENOW_INSTANCE": url, "SERVICENOW_CLIENT_ID": "c", "SERVICENOW_CLIENT_SECRET": "s"}
        auth = Auth(read(ServiceNowSettings, environ))
        loop, seen = asyncio.get_running_loop(), list[str]()
        real, passed = loop.time, 0.0
        loop.time = lambda: real() + passed  # type: ignore[method-assign]
        async with new_client(url) as client:
            for step in (0.0, 530.0, 15.0):  # the second after 530 s of 600, the third 55 s before its end
                passed += step
                found = await auth.headers(client, 5.0)
                assert isinstance(found, Mapping)
                seen.append(found["authorization"])
                ahead(monkeypatch, jump)
        return seen

    with serve(endpoint) as url:
        seen = asyncio.run(main(url))
    assert seen == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@JUMPS
def test_f31_a_correlator_whose_senders_clock_jumps_tells_one_episode(jump: float) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def work(rig: Correlator) -> None:
        first = told(await rig.send(problem(0)))
        moved = START + timedelta(seconds=jump)
        second = told(await rig.send(problem(0, count=2, time=moved, received=moved)))
        third = told(await rig.send(problem(60, count=3)))
        assert first.id == second.id == third.id
        assert (await rig.send(problem(60, count=3))).outcome == Duplicate()
        assert third.count == 3

    play(work)


def test_f31_two_replicas_an_hour_apart_leave_one_active_ticket() -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

    async def main() -> None:
        here, there = Rig(), Rig()
        there.desk, there.store = here.desk, here.store
        for _ in range(4):
            there.clock.now = here.clock.now + HOUR
            answers = await asyncio.gather(here.deliver(episode()), there.deliver(episode()))
            assert {type(one.outcome) for one in answers} <= {Done, Duplicate, InProgress, Retry}
            here.clock.now += 10
        assert len(here.desk.active()) == 1

    run(main())

"""The bucket of a real NATS is wiped: what was told is found by asking, and what is wrong keeps its name."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.events.outcome import Done, Duplicate
from tests.support.correlator import problem, told
from tests.support.nats import Nats, nats
from tests.support.nats_correlator import answers, correlating, opened, settled, until
from tests.support.tickets import Rig, episode, resolved


async def wipe_by_hand(server: Nats) -> None:
    """Delete the bucket while all runs."""
    client = Client()
    await client.connect(server.url("").rstrip("/"))
    answer = await client.request("$JS.API.STREAM.DELETE.KV_tidings", b"", timeout=5)
    assert json.loads(answer.data)["success"]
    await client.close()


async def lose_the_files(server: Nats) -> None:
    """Let the server start again with an empty disk."""
    server.kill()
    shutil.rmtree(server.folder / "jetstream")
    await asyncio.to_thread(server.start)


WIPES = pytest.mark.parametrize("wipe", [wipe_by_hand, lose_the_files])


@WIPES
def test_f33_with_the_bucket_wiped_the_ticket_is_found_at_the_cost_of_one_question(
    wipe: Callable[[Nats], Awaitable[None]], tmp_path: Path
) -> None:
    """F33: KV bucket wiped (or NATS lost acked writes) | find(key) prevents duplicates; stated cost: one extra GET."""

    async def main(server: Nats) -> None:
        async with opened(server.url()) as store:
            rig = Rig(store=store)
            assert (await rig.deliver(episode())).outcome == Done()
            await wipe(server)
            await until(lambda: answers(store))
            rig.desk.asked.clear()
            assert (await rig.deliver(episode())).outcome == Duplicate()
            assert rig.desk.asked == ["find"]
            rig.desk.asked.clear()
            assert (await rig.deliver(episode())).outcome == Duplicate()
            assert rig.desk.asked == [], "it is known again"
            assert (await rig.deliver(resolved())).outcome == Done()
            assert [one.standing for one in rig.desk.records.values()] == ["resolved"]

    with nats(tmp_path) as server:
        asyncio.run(main(server))


@WIPES
def test_f33_a_correlator_whose_bucket_was_wiped_gives_a_problem_that_is_sent_again_the_same_episode(
    wipe: Callable[[Nats], Awaitable[None]], tmp_path: Path
) -> None:
    """F33: KV bucket wiped (or NATS lost acked writes) | find(key) prevents duplicates; stated cost: one extra GET."""

    async def main(server: Nats) -> None:
        async with opened(server.url()) as store, correlating(server.url()) as rig:
            first = told(await rig.send(problem(0)))
            desk = Rig(store=store)
            assert (await desk.deliver(first)).outcome == Done()
            await wipe(server)
            await until(lambda: answers(store))
            rig.function = rig.build()  # nothing that it remembers by itself helps
            await rig.function.start()
            again_told = told(await settled(rig, 0, 1))
            assert again_told.id == first.id
            assert isinstance((await desk.deliver(again_told)).outcome, Done | Duplicate)
            assert len(desk.desk.records) == 1

    with nats(tmp_path) as server:
        asyncio.run(main(server))

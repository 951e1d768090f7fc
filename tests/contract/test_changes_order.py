"""The function `changes` on every store: the same again, never an older one, whoever is first."""

import asyncio
import random
from pathlib import Path

import pytest

from functions.changes.handler import new
from shared.events.outcome import Done, Duplicate, Ignored, Retry
from shared.rules.classify import ENDS_ALL, classify
from shared.rules.shipped import load_shipped
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry, StoreUnavailableError
from tests.support.objects import STORED, Rig, observation, on, play, sent, thing, web


@STORED
def test_f22_the_same_version_under_a_new_id_is_the_same_observation_again(name: str, tmp_path: Path) -> None:
    """F22: same object change with new CE id (source restart/HA): same identity → Duplicate."""

    async def work(rig: Rig) -> None:
        await rig.send(web(1), "add")
        first = await rig.send(web(2, 5), event_id="one")
        for verb in ("update", "add"):
            again = await rig.send(web(2, 5), verb, event_id="two")
            assert again.outcome == Duplicate()
            assert observation(again).identity == observation(first).identity
            assert observation(again).original["change"] == observation(first).original["change"]

    on(name, tmp_path, work)


@STORED
def test_f23_an_older_version_never_overwrites_a_newer_one(name: str, tmp_path: Path) -> None:
    """F23: updates out of order (rv 7 before rv 5).

    older update never overwrites newer; noted as work note or ignored.
    """

    async def work(rig: Rig) -> None:
        await rig.send(web(4, 1), "add")
        assert observation(await rig.send(web(7, 3))).message.endswith("spec.replicas 1 → 3")
        late = await rig.send(web(5, 2))
        assert (late.outcome, late.reply) == (Ignored("a newer version of it is known"), None)
        assert rig.dropped("out_of_order") == 1
        assert observation(await rig.send(web(10, 4))).message.endswith("spec.replicas 3 → 4"), "9 < 10 as numbers"

    on(name, tmp_path, work)


def test_f23_a_version_without_a_change_counts_as_the_newest_too() -> None:
    """F23: older update never overwrites newer: also where the newer one had nothing to tell."""

    async def work(rig: Rig) -> None:
        await rig.send(web(4, 3), "add")
        await rig.send(web(7, 3))
        assert isinstance((await rig.send(web(6, 9))).outcome, Ignored)
        assert isinstance((await rig.send(web(7, 3), event_id="again")).outcome, Ignored)
        assert rig.dropped("no_change") == 2

    play(work)


@STORED
def test_f24_a_deletion_before_its_object_is_told_and_the_object_is_not(name: str, tmp_path: Path) -> None:
    """F24: delete before add: closes/ignores, no crash."""

    async def work(rig: Rig) -> None:
        gone = observation(await rig.send(web(9), "delete"))
        assert (gone.operation, gone.dialect) == ("delete", "apiserver-resource")
        assert classify(gone, load_shipped(None)).ends == ENDS_ALL
        assert isinstance((await rig.send(web(8), "add")).outcome, Ignored)
        assert isinstance((await rig.send(web(9), "delete")).outcome, Duplicate)

    on(name, tmp_path, work)


def test_an_object_that_is_made_again_under_its_name_is_another_one() -> None:
    async def work(rig: Rig) -> None:
        named = {"uid": ""}
        await rig.send(thing("Widget", 5, named, spec={"a": 1}), "delete")
        again = await rig.send(thing("Widget", 9, named, spec={"a": 2}), "add", event_id="other")
        assert observation(again).operation == "add"
        other = thing("Widget", 11, {"uid": "other"}, spec={"a": 3})
        assert observation(await rig.send(other, "add", event_id="third")).operation == "add"

    play(work)


def test_what_a_watch_adds_anew_is_a_change_where_it_was_known() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(web(1, 3), "add")
        seen = observation(await rig.send(web(9, 5), "add"))
        assert (seen.operation, seen.message.rpartition(": ")[2]) == ("update", "spec.replicas 3 → 5")

    play(work)


class Broken:
    """A store that cannot be asked."""

    async def get(self, key: str) -> Entry | None:
        raise StoreUnavailableError(key)

    put = delete = scan = close = get


def test_f32_a_store_that_is_away_means_come_again_and_is_said_by_readiness() -> None:
    """F32: KV restart / partition / quorum lost: the correlator answers Retry; both recover by themselves."""

    async def work(rig: Rig) -> None:
        function = new({}, rig.metrics, store=Broken(), publisher=rig.sink)  # type: ignore[arg-type]
        await function.start()
        assert function.readiness().problems == ("the store cannot be asked",)
        rig.store, kept = Broken(), rig.store  # type: ignore[assignment]
        assert isinstance((await rig.build().dispatch(sent(web(1)))).outcome, Retry)
        rig.store = kept
        assert (await rig.build().dispatch(sent(web(1)))).outcome == Done()
        await function.stop()

    play(work)


@STORED
def test_f40_of_two_replicas_each_version_is_told_alike(name: str, tmp_path: Path) -> None:
    """F40: two replicas, same key, store CAS race: exactly one winner."""

    async def work(rig: Rig) -> None:
        await rig.send(web(1, 0), "add")
        replicas = [rig.build() for _ in range(4)]
        for version in range(2, 12):
            results = await asyncio.gather(*(one.dispatch(sent(web(version, version))) for one in replicas))
            assert sorted(type(result.outcome).__name__ for result in results) == ["Done", *["Duplicate"] * 3]
            assert len({observation(result).message for result in results}) == 1

    on(name, tmp_path, work)


@pytest.mark.parametrize("seed", range(20))
def test_f23_in_whatever_order_versions_come_the_last_one_is_what_is_known(seed: int) -> None:
    """F23: updates out of order: older update never overwrites newer. Each may come again at any time."""

    async def work(rig: Rig) -> None:
        chance = random.Random(seed)  # noqa: S311 - an order, no secret
        versions = [(version, chance.randrange(4)) for version in range(1, 9)]
        order = [*versions, *chance.sample(versions, 4)]
        chance.shuffle(order)
        for version, replicas in order:
            await rig.send(web(version, replicas))
        last = versions[-1][1]
        final = await rig.send(web(20, 100))
        assert observation(final).message.endswith(f"spec.replicas {last} → 100")

    play(work)


def test_an_object_that_is_heard_of_again_and_again_is_not_forgotten_though_it_never_changes() -> None:
    days = [0.0]

    async def work() -> None:
        rig = Rig(MemoryStore(clock=lambda: days[0] * 86_400))
        await rig.send(web(1, 3), "add")
        for days[0], sent_at in ((60.0, 1), (120.0, 2), (180.0, 3)):
            again = await rig.send(web(1, 3), "add", seconds=sent_at * 86_400)
            assert again.outcome == Duplicate()
        days[0] = 240.0
        changed = await rig.send(web(2, 5), seconds=4 * 86_400)
        assert "spec.replicas 3 → 5" in observation(changed).message

    asyncio.run(work())

"""`reconcile` against an API server of ours: tick by tick it finds what a source lost, and says what is gone."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.cluster import comparison
from shared.events.cloudevent import CloudEvent
from shared.runtime.function import Call
from tests.support.apiserver.standin import StandIn
from tests.support.servers import serve
from tests.support.watching import NODES, PODS, Lab, until


@pytest.fixture
def server() -> StandIn:
    return StandIn()


@pytest.fixture
def url(server: StandIn) -> Iterator[str]:
    with serve(server) as url:
        yield url


def test_each_round_tells_what_changed_since_the_one_before_and_what_is_gone(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, url)
    for name in ("stays", "changes", "goes"):
        server.put(PODS, name)

    async def main() -> None:
        reconcile = lab.reconcile()
        assert await lab.tick(reconcile) == "Done"
        assert len(lab.broker.told()) == 3
        assert await lab.tick(reconcile) == "Done"
        assert len(lab.broker.told()) == 3, "nothing has changed"
        server.put(PODS, "changes", status={"phase": "Failed"})
        server.put(PODS, "comes")
        server.delete(PODS, "goes")
        await lab.tick(reconcile)
        await lab.tick(reconcile)
        await reconcile.stop()

    asyncio.run(main())
    assert sorted(lab.broker.told()[3:]) == [
        ("add", "Pod", "comes"),
        ("delete", "Pod", "goes"),
        ("update", "Pod", "changes"),
    ]
    assert [one.data["gone"] for one in lab.broker.lists()] == [0, 0, 1, 0]
    assert lab.broker.lists()[-1].data["resource_version"] == server.version


def test_what_watch_has_told_it_does_not_tell_again_and_the_other_way_round(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, url)
    server.put(PODS, "web")

    async def main() -> None:
        reconcile, watch = lab.reconcile(), lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await lab.tick(reconcile)
        server.put(PODS, "next")
        await until(lambda: len(lab.broker.told()) == 2)
        server.delete(PODS, "web")
        await until(lambda: len(lab.broker.told()) == 3)
        await until(lambda: lab.broker.told()[-1] == ("delete", "Pod", "web"))
        await asyncio.sleep(0.1)  # until it is remembered
        await lab.tick(reconcile)
        await watch.stop()
        await reconcile.stop()

    asyncio.run(main())
    assert lab.broker.told() == [("add", "Pod", "web"), ("add", "Pod", "next"), ("delete", "Pod", "web")]


def test_what_came_after_the_list_was_made_is_not_taken_for_gone(server: StandIn, url: str, tmp_path: Path) -> None:
    """Another process has it in the common memory, and the list is older than that."""
    lab = Lab(tmp_path, url)
    for number in range(600):
        server.put(PODS, f"pod-{number:03}")

    async def main() -> None:
        reconcile, watch = lab.reconcile(), lab.watch()
        await lab.tick(reconcile)
        await watch.start()
        await until(lambda: watch.readiness().ready)
        before = len(server.requests)
        ticking = asyncio.create_task(lab.tick(reconcile))
        await until(lambda: len(server.requests) > before + 1)
        server.put(PODS, "aaa-new")  # on the page that was read already
        await until(lambda: ("add", "Pod", "aaa-new") in lab.broker.told())
        await ticking
        await watch.stop()
        await reconcile.stop()

    asyncio.run(main())
    assert not [told for told in lab.broker.told() if told[0] == "delete"]


def late_after(lab: Lab, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time be up once so many more changes were told since the tick's first look at the clock."""
    first: list[int] = []

    def is_late(until: float) -> bool:
        if not first or first[0] != int(until):
            first[:] = [int(until), len(lab.broker.told())]
        return len(lab.broker.told()) - first[1] >= number

    monkeypatch.setattr(comparison, "_late", is_late)


def test_a_tick_whose_time_is_up_ends_and_the_next_one_goes_on_there(
    server: StandIn, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, url, "v1/Pod,v1/Node")
    for number in range(1100):
        server.put(PODS, f"pod-{number:04}")
    server.put(NODES, "n1", "")
    late_after(lab, 300, monkeypatch)

    async def main() -> list[int]:
        reconcile = lab.reconcile()
        progress = []
        while len(lab.broker.lists()) < 2:
            await lab.tick(reconcile, 100 * (1 + len(progress)))
            progress.append(len(lab.broker.told()))
        await reconcile.stop()
        return progress

    progress = asyncio.run(main())
    steps = [after - before for before, after in itertools.pairwise([0, *progress[:3]])]
    assert all(300 <= step < 300 + 64 for step in steps), "it ends with a batch"
    assert progress[-1] == 1101, "nothing came twice"


def test_a_tick_ends_before_its_deadline_however_slow_the_broker_is(server: StandIn, url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)
    for number in range(400):
        server.put(PODS, f"pod-{number:04}")
    accepted = lab.broker.accept

    async def slowly(events: list[CloudEvent]) -> str:
        await asyncio.sleep(0.4)
        return await accepted(events)

    lab.broker.accept = slowly  # type: ignore[method-assign, assignment]

    async def main() -> float:
        reconcile = lab.reconcile()
        began = asyncio.get_running_loop().time()
        await lab.tick(reconcile, 4.5)
        ended = asyncio.get_running_loop().time()
        await reconcile.stop()
        return ended - began

    assert asyncio.run(main()) < 4.5
    assert len(lab.broker.told()) < 400


def test_a_page_that_is_cut_off_by_the_deadline_is_no_trouble_and_comes_again(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    server.put(PODS, "web")
    server.pause = 2.5
    lab = Lab(tmp_path, url)

    async def main() -> None:
        reconcile = lab.reconcile()
        assert await lab.tick(reconcile, 3 + 1.5) == "Done"
        assert reconcile.readiness().ready
        assert lab.broker.told() == []
        server.pause = 0.0
        await lab.tick(reconcile)
        await reconcile.stop()

    asyncio.run(main())
    assert lab.broker.told() == [("add", "Pod", "web")]


def test_a_list_whose_next_page_the_server_has_forgotten_begins_anew(
    server: StandIn, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, url)
    for number in range(1100):
        server.put(PODS, f"pod-{number:04}")
    late_after(lab, 600, monkeypatch)

    async def main() -> None:
        reconcile = lab.reconcile()
        await lab.tick(reconcile, 100)
        assert 500 < len(lab.broker.told()) < 1100
        server.forget_history(pages=True)
        await lab.tick(reconcile, 200)
        assert reconcile.readiness().problems == ("lab: v1/Pod: what was to be read next is too old",)
        await lab.tick(reconcile, 300)
        assert reconcile.readiness().ready
        await reconcile.stop()

    asyncio.run(main())
    assert len(lab.broker.told()) == len(set(lab.broker.told())) == 1100


def test_a_cluster_that_cannot_be_reached_is_said_and_costs_the_others_no_time(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    server.put(PODS, "web")
    lab = Lab(tmp_path, url, "v1/Pod,v1/Node")
    server.refuse["/api/v1"] = 401

    async def main() -> None:
        reconcile = lab.reconcile()
        assert await lab.tick(reconcile) == "Done"
        assert reconcile.readiness().problems == ("lab: v1/Pod: its API server refuses the token or certificate",)
        server.refuse.clear()
        await lab.tick(reconcile)
        assert reconcile.readiness().ready
        await reconcile.stop()

    asyncio.run(main())
    assert lab.broker.told() == [("add", "Pod", "web")]


def test_a_broker_that_is_full_ends_the_tick_and_nothing_is_lost(server: StandIn, url: str, tmp_path: Path) -> None:
    server.put(PODS, "web")
    lab = Lab(tmp_path, url)
    lab.broker.answer = "full"

    async def main() -> None:
        reconcile = lab.reconcile()
        await lab.tick(reconcile)
        assert reconcile.readiness().problems == ("lab: v1/Pod: the broker takes no events",)
        lab.broker.answer = "accepted"
        await lab.tick(reconcile)
        assert reconcile.readiness().ready
        await reconcile.stop()

    asyncio.run(main())
    assert lab.broker.told() == [("add", "Pod", "web")]


def test_rounds_keep_their_pace_and_ticks_do_not_overlap(server: StandIn, url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)
    server.put(PODS, "web")

    async def main() -> None:
        lab.environment["RECONCILE_EVERY"] = "300"
        from functions.reconcile.handler import new

        reconcile = new(lab.environment, lab.metrics, store=lab.store, handover=lab.broker)
        ended = await asyncio.gather(lab.tick(reconcile), lab.tick(reconcile))
        assert sorted(ended) == ["Done", "Ignored"]
        assert await lab.tick(reconcile) == "Ignored"
        call = Call(asyncio.get_running_loop().time() + 20)
        other = await reconcile.handle(CloudEvent("1", "s", "dev.tidings.infrastructure.v1"), call)
        assert type(other.outcome).__name__ == "Ignored"
        await reconcile.stop()

    asyncio.run(main())
    assert len(lab.broker.lists()) == 1


def test_without_a_cluster_it_has_nothing_to_do_and_is_ready(server: StandIn, url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)

    async def main() -> None:
        from functions.reconcile.handler import new

        reconcile = new({}, lab.metrics, store=lab.store, handover=lab.broker, clusters=())
        assert await lab.tick(reconcile) == "Ignored"
        assert reconcile.readiness().ready
        await reconcile.stop()

    asyncio.run(main())
    assert not server.requests


def test_f59_its_own_namespace_is_left_out_also_when_something_is_gone_there(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    lab = Lab(tmp_path, url, "v1/Pod,v1/Node", OWN_NAMESPACE="tidings")
    server.put(PODS, "ours", "tidings")
    server.put(PODS, "theirs")
    server.put(NODES, "n1", "")

    async def main() -> None:
        reconcile = lab.reconcile()
        assert await lab.tick(reconcile) == "Done"
        server.put(PODS, "ours too", "tidings")
        server.delete(PODS, "ours", "tidings")
        server.delete(PODS, "theirs")
        assert await lab.tick(reconcile) == "Done"
        await reconcile.stop()

    asyncio.run(main())
    assert sorted(lab.broker.told()) == [("add", "Node", "n1"), ("add", "Pod", "theirs"), ("delete", "Pod", "theirs")]

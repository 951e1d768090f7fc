"""`watch` against an API server of ours: what it tells, in which form, and that nothing is lost in between."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.sources.registry import decode
from tests.support.apiserver.standin import StandIn
from tests.support.servers import serve
from tests.support.watching import EVENTS, NODES, ODD, PODS, Lab, until


@pytest.fixture
def server() -> StandIn:
    return StandIn()


@pytest.fixture
def url(server: StandIn) -> Iterator[str]:
    with serve(server) as url:
        yield url


def test_what_is_there_comes_first_and_then_what_happens(server: StandIn, url: str, tmp_path: Path) -> None:
    server.put(PODS, "old")
    lab = Lab(tmp_path, url)

    async def main() -> None:
        watch = lab.watch()
        assert watch.readiness().problems == ("it has not begun",)
        await watch.start()
        assert watch.readiness().problems == ("lab: v1/Pod: not looked at yet",)
        await until(lambda: watch.readiness().ready)
        server.put(PODS, "new")
        server.put(PODS, "new", spec={"nodeName": "n1"})
        server.delete(PODS, "old")
        await until(lambda: len(lab.broker.told()) == 4)
        await watch.stop()

    asyncio.run(main())
    expected = [("add", "Pod", "old"), ("add", "Pod", "new"), ("update", "Pod", "new"), ("delete", "Pod", "old")]
    assert lab.broker.told() == expected
    (listed,) = lab.broker.lists()
    assert (listed.data["objects"], listed.data["changed"], listed.data["complete"]) == (1, 1, True)


def test_an_event_has_the_form_of_an_api_server_source(server: StandIn, url: str, tmp_path: Path) -> None:
    pod = server.put(PODS, "web", spec={"nodeName": "n1"})
    server.put(NODES, "n1", "")
    lab = Lab(tmp_path, url, "v1/Pod,v1/Node")

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: len(lab.broker.told()) == 2)
        await watch.stop()

    asyncio.run(main())
    events = {event.extensions["kind"]: event for event in lab.broker.events if "kind" in event.extensions}
    web = events["Pod"]
    assert (web.type, web.source) == ("dev.knative.apiserver.resource.add", url)
    assert web.subject == "/apis/v1/namespaces/shop/pods/web"
    assert web.extensions == {
        "kind": "Pod", "apiversion": "v1", "name": "web", "namespace": "shop", "cluster": "lab",
    }  # fmt: skip
    assert web.data == {"kind": "Pod", "apiVersion": "v1", **pod}
    assert events["Node"].subject == "/apis/v1/namespaces//nodes/n1"
    assert events["Node"].extensions["namespace"] == ""
    assert web.time is not None
    (seen,) = decode(web, cluster="", now=web.time)  # type: ignore[misc]
    assert (seen.cluster, seen.operation, seen.object.name) == ("lab", "add", "web")


def test_started_again_it_goes_on_where_it_was(server: StandIn, url: str, tmp_path: Path) -> None:
    server.put(PODS, "one")
    lab = Lab(tmp_path, url)

    async def main() -> None:
        for number in range(3):
            watch = lab.watch()
            await watch.start()
            await until(lambda watch=watch: watch.readiness().ready)  # type: ignore[misc]
            await until(lambda number=number: len(lab.broker.told()) == 1 + number)  # type: ignore[misc]
            await watch.stop()
            server.put(PODS, f"while it was away {number}")

    asyncio.run(main())
    assert len(lab.broker.lists()) == 1, "the memory was enough"
    assert lab.broker.told()[1:] == [("add", "Pod", f"while it was away {number}") for number in range(2)]


@pytest.mark.parametrize("told_by", ["status", "stream"])
def test_what_happened_while_its_version_became_too_old_is_told_also_that_something_is_gone(
    told_by: str, server: StandIn, url: str, tmp_path: Path
) -> None:
    for name in ("stays", "changes", "goes"):
        server.put(PODS, name)
    lab = Lab(tmp_path, url)
    if told_by == "status":
        server.refuse["expired"] = 410

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: len(lab.broker.told()) == 3 and len(lab.broker.lists()) == 1)
        await watch.stop()
        server.put(PODS, "changes", spec={"nodeName": "n2"})
        server.delete(PODS, "goes")
        server.put(PODS, "comes")
        server.put(PODS, "came and went")
        server.delete(PODS, "came and went")
        server.forget_history()
        watch = lab.watch()
        await watch.start()
        await until(lambda: len(lab.broker.lists()) == 2)
        await until(lambda: watch.readiness().ready)
        server.put(PODS, "later")
        await until(lambda: len(lab.broker.told()) == 7)
        await watch.stop()

    asyncio.run(main())
    assert sorted(lab.broker.told()[3:6]) == [
        ("add", "Pod", "comes"),
        ("delete", "Pod", "goes"),
        ("update", "Pod", "changes"),
    ]
    assert lab.broker.told()[6] == ("add", "Pod", "later")
    assert lab.metrics.total("tidings_source_relists_total", function="watch", kind="Pod") == 1
    gone = next(event for event in lab.broker.events if event.type.endswith("delete"))
    assert gone.data["metadata"].keys() == {"name", "namespace", "uid", "resourceVersion"}


def test_a_bookmark_moves_it_on_so_that_a_quiet_kind_does_not_become_too_old(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    server.put(PODS, "quiet")
    lab = Lab(tmp_path, url)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        server.put(NODES, "another kind", "")
        await until(lambda: server.watching == 1)
        await asyncio.sleep(0.1)
        await watch.stop()
        server.forget_history(to=int(server.version))
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())
    assert len(lab.broker.lists()) == 1


def test_lists_come_in_pages_and_none_of_it_is_told_twice(server: StandIn, url: str, tmp_path: Path) -> None:
    for number in range(1234):
        server.put(PODS, f"pod-{number}")
    lab = Lab(tmp_path, url)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())
    assert len(lab.broker.told()) == len(set(lab.broker.told())) == 1234
    assert sum("limit=500" in request for request in server.requests) == 3


def test_a_list_of_custom_resources_says_of_itself_at_its_end(server: StandIn, url: str, tmp_path: Path) -> None:
    server.sorted_lists = True
    for number in range(501):
        server.put(ODD, f"odd-{number}", metadata_like='{"metadata":{"resourceVersion":"1"}}}')
    lab = Lab(tmp_path, url, "example.com/v1/Oddity")

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())
    assert len(lab.broker.told()) == 501
    assert lab.broker.lists()[0].data["resource_version"] == server.version
    assert lab.broker.events[0].subject.startswith("/apis/example.com/v1/namespaces/shop/oddities-of-all-kinds/odd-")


def test_a_kind_that_the_cluster_does_not_serve_is_nothing_wrong_but_a_misspelt_one_is(
    url: str, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, url, "kubevirt.io/v1/VirtualMachine,v1/Pood,v1/Pod")

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().problems == ("lab: v1/Pood: the cluster has no such kind",))
        await watch.stop()

    asyncio.run(main())


def test_f59_its_own_namespace_is_left_out(server: StandIn, url: str, tmp_path: Path) -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    server.put(PODS, "ours", "tidings")
    server.put(PODS, "theirs")
    server.put(NODES, "n1", "")
    lab = Lab(tmp_path, url, "v1/Pod,v1/Node", OWN_NAMESPACE="tidings")

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        server.put(PODS, "ours too", "tidings")
        server.put(PODS, "last")
        await until(lambda: ("add", "Pod", "last") in lab.broker.told())
        await watch.stop()

    asyncio.run(main())
    assert {name for _, _, name in lab.broker.told()} == {"theirs", "n1", "last"}


def test_an_object_that_the_broker_does_not_take_is_told_by_its_head(server: StandIn, url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)
    lab.broker.too_large = "giant"
    for name in ("a", "b", "c"):
        server.put(PODS, name, spec={"text": "giant" if name == "b" else "small"})

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())
    assert {name for _, _, name in lab.broker.told()} == {"a", "b", "c"}
    (head,) = [event.data for event in lab.broker.events if event.extensions.get("name") == "b"]
    assert head["truncated"] is True
    assert "spec" not in head


def test_events_that_expire_are_told_as_they_are_and_their_memory_ends_by_itself(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    server.put(EVENTS, "web.1", involvedObject={"kind": "Pod", "name": "web"})
    lab = Lab(tmp_path, url, "v1/Event")

    async def main() -> None:
        for lists in (1, 2):
            watch = lab.watch()
            await watch.start()
            await until(lambda lists=lists: len(lab.broker.lists()) == lists)  # type: ignore[misc]
            await watch.stop()
            if lists == 1:
                server.delete(EVENTS, "web.1")
                server.forget_history()

    asyncio.run(main())
    assert lab.broker.told() == [("add", "Event", "web.1")], "no list says that an Event has ended"
    assert lab.broker.lists()[-1].data["gone"] == 1

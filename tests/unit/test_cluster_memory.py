"""The memory of what was seen: it only goes forward, whoever writes it, on every store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cluster.changes import Change
from shared.cluster.kinds import Kind, Resource
from shared.cluster.memory import Memory, is_newer
from shared.events.model import Operation
from shared.stores.registry import STORES, open_store
from tests.support.nats import store_url

PODS = Resource(Kind("v1", "Pod"), "pods", namespaced=True)
EVENTS = Resource(Kind("v1", "Event"), "events", namespaced=True)
each_store = pytest.mark.parametrize("name", sorted(STORES))


def change(version: int, operation: Operation = "update", uid: str = "u") -> Change:
    return Change(operation, {"metadata": {"uid": uid, "name": "web", "resourceVersion": str(version)}}, 100)


def with_memory(name: str, folder: Path, work: Callable[[Memory, Memory], Awaitable[None]]) -> None:
    """Run with two memories of the same kind, as of two processes."""

    async def main() -> None:
        store = open_store(store_url(name, folder), {})
        try:
            await work(Memory(store, "lab", PODS), Memory(store, "lab", PODS))
        finally:
            await store.close()

    asyncio.run(main())


@each_store
def test_an_older_version_does_not_overwrite_a_newer_one(name: str, tmp_path: Path) -> None:
    async def work(one: Memory, other: Memory) -> None:
        await one.note([change(9)])
        await other.note([change(10)])
        await one.note([change(9)])
        assert await one.versions(["u", "unknown"]) == {"u": "10"}

    with_memory(name, tmp_path, work)


@each_store
def test_a_deletion_forgets_but_not_what_was_seen_after_it(name: str, tmp_path: Path) -> None:
    async def work(one: Memory, other: Memory) -> None:
        await one.note([change(9), change(5, uid="v")])
        await other.note([change(8, "delete"), change(6, "delete", uid="v")])
        assert await one.versions(["u", "v"]) == {"u": "9"}
        (record,) = await one.all()
        await other.note([change(11)])
        await one.forget([record])
        assert await one.versions(["u"]) == {"u": "11"}

    with_memory(name, tmp_path, work)


@each_store
def test_many_at_once_leave_the_newest(name: str, tmp_path: Path) -> None:
    async def work(one: Memory, other: Memory) -> None:
        await asyncio.gather(*((one, other)[number % 2].note([change(number)]) for number in range(1, 5)))
        assert int((await one.versions(["u"]))["u"]) == 4

    with_memory(name, tmp_path, work)


@each_store
def test_all_that_is_remembered_comes_in_pages(name: str, tmp_path: Path) -> None:
    async def work(one: Memory, _other: Memory) -> None:
        await one.note([change(1, uid=f"u{number}") for number in range(501)])
        found, after = set[str](), ""
        while page := await one.all(after):
            found |= {record.uid for record in page}
            after = page[-1].key
        assert len(found) == 501

    with_memory(name, tmp_path, work)


@each_store
def test_the_cursor_is_of_one_kind_of_one_cluster(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        store = open_store(store_url(name, tmp_path), {})
        pods, events, other = Memory(store, "a", PODS), Memory(store, "a", EVENTS), Memory(store, "b", PODS)
        await pods.move("7")
        assert [await one.cursor() for one in (pods, events, other)] == ["7", "", ""]
        await pods.move("")
        assert await pods.cursor() == ""
        await store.close()

    asyncio.run(main())


def test_events_are_forgotten_after_a_day() -> None:
    from shared.stores.memory import MemoryStore

    now = [0.0]

    async def main() -> None:
        store = MemoryStore(lambda: now[0])
        events, pods = Memory(store, "lab", EVENTS), Memory(store, "lab", PODS)
        await events.note([change(1)])
        await pods.note([change(1)])
        now[0] = 86_401.0
        assert (await events.versions(["u"]), await pods.versions(["u"])) == ({}, {"u": "1"})

    asyncio.run(main())


@given(st.integers(0, 2**70), st.integers(0, 2**70))
def test_versions_are_compared_as_numbers(one: int, other: int) -> None:
    assert is_newer(str(one), str(other)) == (one > other)
    assert is_newer("opaque", str(other))
    assert not is_newer("opaque", "opaque")

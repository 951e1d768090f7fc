"""F60: first contact is once for each cluster: over restarts, updates, replicas, and with a store that is slow."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
import pytest

from shared.episodes.contact import CONTACTS, Contact, decode, encode, key_of
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry
from tests.support.baseline import BASELINE, DAY, began, listed, one_snapshot
from tests.support.correlator import Rig, play


def test_f60_a_restart_keeps_what_is_known_and_makes_no_second_first_contact(caplog: pytest.LogCaptureFixture) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Known by the store, so a new process knows it too.
    """

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))
        await rig.send(began(DAY + 300, 300, 1, count=41))
        rig.function = rig.build()
        again = await one_snapshot(rig, began(DAY + 600, 600, 1, count=42))
        assert (again.baseline, again.ticket, again.transition, again.count) == (True, False, "updated", 42)
        # The time of first contact is the first process's: what began between the two starts is new.
        new = await one_snapshot(rig, began(300, 610, 2))
        assert (new.baseline, new.ticket) == (False, True)
        assert [entry.key async for entry in rig.store.scan(CONTACTS)] == [key_of("c")]

    with caplog.at_level(logging.INFO):
        play(run, **BASELINE)
    assert sum("first contact" in record.message for record in caplog.records) == 1


def test_f60_a_second_cluster_has_a_first_contact_of_its_own() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    First start on a cluster: each cluster has its own, also one that joins later.
    """

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))
        joined = 30 * DAY
        old = await one_snapshot(rig, began(DAY, joined, 2, cluster="joined"))
        assert (old.ticket, old.baseline, old.cluster) == (False, True, "joined")
        assert (await one_snapshot(rig, began(DAY, joined, 3))).ticket
        assert len([entry async for entry in rig.store.scan(CONTACTS)]) == 2

    play(run, **BASELINE)


def test_f60_a_store_that_held_episodes_before_keeps_ticketing_whatever_cluster_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    First start: a store with episodes in it has that behind it, so nothing is taken as old.
    """

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))  # by an earlier version, or with FIRST_CONTACT=ticket
        rig.environ = BASELINE
        rig.function = rig.build()
        for number, cluster in ((2, "c"), (3, "other")):
            new = await one_snapshot(rig, began(DAY, 60, number, cluster=cluster))
            assert (new.ticket, new.baseline) == (True, False)

    with caplog.at_level(logging.INFO):
        play(run)
    assert sum(record.message.startswith("no first contact:") for record in caplog.records) == 2


class Slow(MemoryStore):
    """A store in which everybody else gets a turn before each answer, as with one on another thread."""

    async def get(self, key: str) -> Entry | None:
        found = await super().get(key)
        await asyncio.sleep(0)
        return found

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        await asyncio.sleep(0)
        return await super().put(key, value, expected=expected, ttl=ttl)


def test_f60_many_first_observations_at_once_make_one_first_contact(caplog: pytest.LogCaptureFixture) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    First start: there is one for each cluster, also where several replicas start at once.
    """

    async def run(rig: Rig) -> None:
        rig.store = Slow()
        replicas = [rig.build() for _ in range(3)]
        answers = []
        for number in range(30):
            rig.function = replicas[number % 3]
            answers.append(rig.send(began(DAY, number, number, cluster=f"c{number % 2}")))
        await asyncio.gather(*answers)
        found = await listed(rig)
        assert len(found) == 30
        assert all(episode.baseline and not episode.ticket for episode in found)

    with caplog.at_level(logging.INFO):
        play(run, **BASELINE)
    assert sum("first contact" in record.message for record in caplog.records) == 2


def test_f60_of_two_first_observations_at_once_the_first_decides_for_both() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    First start: which conditions are old goes by the one first contact that was stored.
    """

    async def run(rig: Rig) -> None:
        rig.store = Slow()
        first, second = rig.build(), rig.build()
        rig.function = first
        sent = [rig.send(began(DAY, 0, 1))]
        rig.function = second
        sent.append(rig.send(began(50, 100, 2)))  # before its own sending, after the other's
        await asyncio.gather(*sent)
        assert {episode.object.name: episode.ticket for episode in await listed(rig)} == {"web-1": False, "web-2": True}

    play(run, **BASELINE)


class Between(MemoryStore):
    """A store in which something happens between two scans."""

    def __init__(self) -> None:
        super().__init__()
        self.then: Callable[[], Awaitable[object]] | None = None

    async def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        async for entry in super().scan(prefix, after=after, before=before, limit=limit):
            yield entry
        then, self.then = self.then, None
        if then is not None:
            await then()


def test_f60_a_first_contact_amid_that_of_another_cluster_is_no_update() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    First start: what another cluster writes meanwhile does not make it look like an update of a store in use.
    """

    async def run(rig: Rig) -> None:
        rig.store = store = Between()
        other, rig.function = rig.build(), rig.build()
        data = began(DAY, 0, 1, cluster="other")

        async def meanwhile() -> None:
            mine, rig.function = rig.function, other
            await rig.send(data)
            rig.function = mine

        store.then = meanwhile
        episode = await one_snapshot(rig, began(DAY, 0, 2))
        assert (episode.ticket, episode.baseline) == (False, True)
        assert len(await listed(rig)) == 2

    play(run, **BASELINE)


def test_f60_what_is_kept_of_it_can_be_read_again_and_what_cannot_hides_nothing() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Baseline: a mark of first contact that cannot be read is taken as one that tickets.
    """
    for contact in (Contact(12.5, "baseline"), Contact(0.0, "ticket")):
        assert decode(encode(contact)) == contact
    for broken in (b"", b"{}", b"[1]", b'["x","baseline"]', b'[1,"silence"]', b"null"):
        assert decode(broken).mode == "ticket"


def test_f60_a_record_of_an_earlier_version_is_read_as_one_of_news() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Known is only what was stored as such: a record without that mark is ticketed as before.
    """

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0))
        (entry,) = [entry async for entry in rig.store.scan("thing.")]
        value = orjson.loads(entry.value)
        for _, _, (core, _), _, facts, *_ in value["tracks"]:
            del core[-2:]  # known, past
            for fact in facts:
                del fact[-1:]  # old
        assert await rig.store.put(entry.key, orjson.dumps(value), expected=entry.revision) is not None
        more = await one_snapshot(rig, began(DAY, 60, count=41))
        assert (more.ticket, more.baseline, more.count) == (True, False, 41)

    play(run)

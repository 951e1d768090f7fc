"""F60: what was wrong before Tidings first heard of a cluster is known, not ticketed."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest

from shared.episodes.browse import Filter, listing
from shared.episodes.contact import CONTACTS, WINDOW, Contact, decode, encode, key_of
from shared.events.episode import Episode
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry
from tests.support.correlator import START, Rig, play, problem, recovery, told

OLD = 5000
DAY = 86_400.0
BASELINE = {"FIRST_CONTACT": "baseline"}


def pod(number: int) -> ObjectRef:
    return ObjectRef(kind="Pod", namespace="shop", name=f"web-{number}")


def began(before: float, seconds: float, number: int = 0, count: int = 40, **changes: Any) -> Classified:
    """Return a repeated Event of a pod, sent `seconds` after START, whose series began `before` seconds ahead of it."""
    thing, cluster = pod(number), changes.get("cluster", "c")
    first = START + timedelta(seconds=seconds - before)
    one = {
        "object": thing, "problem_key": problem_key(cluster, thing, "crash-loop"), "first_time": first,
        "source_uid": f"event-{number}", "identity": event_identity(cluster, f"event-{number}", count),
    }  # fmt: skip
    return problem(seconds, count=count, **{**one, **changes})


def ended(seconds: float, number: int = 0) -> Classified:
    return recovery(seconds, "crash-loop", object=pod(number))


def snapshots(rig: Rig) -> list[Episode]:
    return [Episode.model_validate(event.data) for event in rig.sink.events]


async def one_snapshot(rig: Rig, classified: Classified) -> Episode:
    return told(await rig.send(classified))


async def listed(rig: Rig) -> list[Episode]:
    return list((await listing(rig.store, Filter(), limit=10 * OLD)).episodes)


def test_f60_five_thousand_old_conditions_are_known_not_ticketed_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said."""

    async def run(rig: Rig) -> None:
        answers = [told(await rig.send(began(DAY + number, number * 0.1, number))) for number in range(OLD)]
        # not ticketed
        assert not any(episode.ticket for episode in answers)
        assert not any(episode.ticket for episode in snapshots(rig))
        # known: each is an open episode that says what it is
        found = await listed(rig)
        assert len(found) == OLD == len({episode.id for episode in found})
        assert all(episode.baseline and episode.state == "open" and not episode.ticket for episode in found)
        # said
        assert rig.metrics.value("tidings_baseline_episodes_total") == OLD

    with caplog.at_level(logging.INFO):
        play(run, **BASELINE)
    said = [record for record in caplog.records if "first contact" in record.message]
    assert len(said) == 1
    assert said[0].message == "first contact with a cluster: problems that began before are known, not ticketed"
    assert vars(said[0])["cluster"] == "c"
    assert vars(said[0])["since"] == START.isoformat()


def test_f60_a_restart_keeps_what_is_known_and_makes_no_second_first_contact(caplog: pytest.LogCaptureFixture) -> None:
    """F60: … baseline: known, not ticketed, said: by the store, so a new process knows it too."""

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))
        rig.function = rig.build()
        again = await one_snapshot(rig, began(DAY + 600, 600, 1, count=41))
        assert (again.baseline, again.ticket, again.transition, again.count) == (True, False, "updated", 41)
        # The time of first contact is the first process's: what began between the two starts is new.
        new = await one_snapshot(rig, began(300, 610, 2))
        assert (new.baseline, new.ticket) == (False, True)
        assert [entry.key async for entry in rig.store.scan(CONTACTS)] == [key_of("c")]

    with caplog.at_level(logging.INFO):
        play(run, **BASELINE)
    assert sum("first contact" in record.message for record in caplog.records) == 1


def test_f60_an_old_problem_ends_without_a_ticket() -> None:
    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0))
        over = await one_snapshot(rig, ended(900))
        assert (over.state, over.ticket, over.baseline) == ("resolved", False, True)

    play(run, **BASELINE)


@pytest.mark.parametrize("later", [300.0, 2400.0], ids=["in the window for reopening", "after it"])
def test_f60_an_old_problem_that_comes_back_is_ticketed_though_its_series_of_events_is_old(later: float) -> None:
    async def run(rig: Rig) -> None:
        first = await one_snapshot(rig, began(DAY, 0))
        await rig.send(ended(600))
        back = await one_snapshot(rig, began(DAY + later, 600 + later, count=41))
        assert (back.state, back.ticket, back.baseline) == ("open", True, False)
        assert (back.id == first.id) is (later < 1800)
        # One that is late, and of the time before: the new episode stays news.
        late = began(DAY, 600 + later - 20, source_uid="another", identity="late")
        await rig.send(late)
        assert [(one.ticket, one.baseline) for one in await listed(rig)] == [(True, False)]

    play(run, **BASELINE)


def test_f60_an_old_problem_that_gets_worse_is_ticketed_and_one_that_only_goes_on_is_not() -> None:
    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, severity="medium"))
        same = await one_snapshot(rig, began(60, 120, count=41, severity="medium", source_uid="another"))
        assert (same.ticket, same.baseline) == (False, True)
        # As bad as this it was before, only in another series of Events.
        known = await one_snapshot(rig, began(DAY, 180, count=42, severity="high", source_uid="third"))
        assert (known.ticket, known.baseline, known.severity) == (False, True, "high")
        milder = await one_snapshot(rig, began(0, 240, count=43, severity="low"))
        assert (milder.ticket, milder.baseline) == (False, True)
        worse = await one_snapshot(rig, began(0, 300, count=44, severity="critical", source_uid="fourth"))
        assert (worse.ticket, worse.baseline, worse.severity) == (True, False, "critical")

    play(run, **BASELINE)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_f60_the_order_of_arrival_does_not_decide_about_the_ticket(order: Sequence[int]) -> None:
    seen = (
        began(DAY, 10, severity="medium", source_uid="a", identity="a"),
        began(0, 20, severity="high", source_uid="b", identity="b"),
        began(DAY, 30, severity="critical", source_uid="c", identity="c"),
    )

    async def run(rig: Rig) -> None:
        await rig.send(ended(0, number=9))  # first contact
        for index in order:
            await rig.send(seen[index])
        assert [(one.ticket, one.severity) for one in await listed(rig)] == [(True, "critical")]

    play(run, **BASELINE)


def test_f60_a_new_problem_is_ticketed_as_ever() -> None:
    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))
        for number, before in ((2, 0.0), (3, 50.0)):
            new = await one_snapshot(rig, began(before, 60, number))
            assert (new.ticket, new.baseline, new.transition) == (True, False, "opened")
        # The first observation itself, where it is of something that begins with it.
        first = await one_snapshot(rig, began(0, 0, 4, cluster="other"))
        assert (first.ticket, first.baseline) == (True, False)
        assert rig.metrics.value("tidings_baseline_episodes_total") == 1

    play(run, **BASELINE)


def test_f60_any_observation_is_first_contact_and_objects_go_by_the_time_of_their_change() -> None:
    async def run(rig: Rig) -> None:
        await rig.send(ended(0, number=9))
        thing = {"dialect": "apiserver-resource", "first_time": START - timedelta(days=9)}  # when it was created
        changed = await one_snapshot(rig, began(DAY, 5, 1, operation="update", **thing))
        assert (changed.ticket, changed.baseline) == (True, False)
        found = await one_snapshot(rig, began(DAY, 6, 2, operation="add", time=START - timedelta(days=9), **thing))
        assert (found.ticket, found.baseline) == (False, True)

    play(run, **BASELINE)


def test_f60_only_for_an_hour_can_a_problem_be_old() -> None:
    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))
        assert (await one_snapshot(rig, began(DAY, WINDOW - 1, 2))).baseline
        late = await one_snapshot(rig, began(DAY, WINDOW, 3))
        assert (late.ticket, late.baseline) == (True, False)

    play(run, **BASELINE)


def test_f60_a_second_cluster_has_a_first_contact_of_its_own() -> None:
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


def test_f60_with_ticket_all_is_as_before() -> None:
    async def run(rig: Rig) -> None:
        episodes = [await one_snapshot(rig, began(DAY, number, number)) for number in range(50)]
        assert all(episode.ticket and not episode.baseline for episode in episodes)
        assert rig.metrics.value("tidings_baseline_episodes_total") == 0
        assert [entry async for entry in rig.store.scan(CONTACTS)] == []

    play(run)
    play(run, FIRST_CONTACT="ticket")


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


def test_f60_what_is_kept_of_it_can_be_read_again_and_what_cannot_hides_nothing() -> None:
    for contact in (Contact(12.5, "baseline"), Contact(0.0, "ticket")):
        assert decode(encode(contact)) == contact
    for broken in (b"", b"{}", b"[1]", b'["x","baseline"]', b'[1,"silence"]', b"null"):
        assert decode(broken).mode == "ticket"


def test_f60_a_record_of_an_earlier_version_is_read_as_one_of_news() -> None:
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

"""F60: what was wrong before Tidings first heard of a cluster is known, not ticketed."""

import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.episodes.contact import CONTACTS, WINDOW
from tests.support.baseline import BASELINE, DAY, began, ended, listed, one_snapshot
from tests.support.correlator import START, Rig, play, told

OLD = 5000


def test_f60_five_thousand_old_conditions_are_known_not_ticketed_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said."""

    async def run(rig: Rig) -> None:
        answers = [told(await rig.send(began(DAY + number, number * 0.1, number))) for number in range(OLD)]
        # not ticketed
        assert not any(episode.ticket for episode in answers)
        assert rig.sink.events == [], "all that was told is in the answers"
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


def test_f60_an_old_problem_ends_without_a_ticket() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Not ticketed: neither is its end.
    """

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0))
        over = await one_snapshot(rig, ended(900))
        assert (over.state, over.ticket, over.baseline) == ("resolved", False, True)

    play(run, **BASELINE)


@pytest.mark.parametrize("later", [300.0, 2400.0], ids=["in the window for reopening", "after it"])
def test_f60_an_old_problem_that_comes_back_is_ticketed_though_its_series_of_events_is_old(later: float) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Not ticketed is the old condition only: its return is news.
    """

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
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Not ticketed is the old condition only, and only while it is no worse than it was.
    """

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
        assert rig.metrics.value("tidings_baseline_episodes_total") == 1, "an episode is counted once"

    play(run, **BASELINE)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_f60_the_order_of_arrival_does_not_decide_about_the_ticket(order: Sequence[int]) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Old is what began before the first contact, whenever it is heard of.
    """
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
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Old conditions only: one that begins at the first contact or shortly before it is news.
    """

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
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    The first start is the first observation of any kind; how old an object is does not make its change old.
    """

    async def run(rig: Rig) -> None:
        await rig.send(ended(0, number=9))
        thing = {"dialect": "apiserver-resource", "first_time": START - timedelta(days=9)}  # when it was created
        changed = await one_snapshot(rig, began(DAY, 5, 1, operation="update", **thing))
        assert (changed.ticket, changed.baseline) == (True, False)
        found = await one_snapshot(rig, began(DAY, 6, 2, operation="add", time=START - timedelta(days=9), **thing))
        assert (found.ticket, found.baseline) == (False, True)

    play(run, **BASELINE)


def test_f60_only_for_an_hour_can_a_problem_be_old() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    First start: an hour after it, what is heard of for the first time is news however long ago it began.
    """

    async def run(rig: Rig) -> None:
        await rig.send(began(DAY, 0, 1))
        assert (await one_snapshot(rig, began(DAY, WINDOW - 1, 2))).baseline
        late = await one_snapshot(rig, began(DAY, WINDOW, 3))
        assert (late.ticket, late.baseline) == (True, False)

    play(run, **BASELINE)


def test_f60_with_ticket_all_is_as_before() -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Baseline is a choice: without it old conditions are ticketed, and nothing is kept or said of a first contact.
    """

    async def run(rig: Rig) -> None:
        episodes = [await one_snapshot(rig, began(DAY, number, number)) for number in range(50)]
        assert all(episode.ticket and not episode.baseline for episode in episodes)
        assert rig.metrics.value("tidings_baseline_episodes_total") == 0
        assert [entry async for entry in rig.store.scan(CONTACTS)] == []

    play(run)
    play(run, FIRST_CONTACT="ticket")

"""The ticket system left open whether it did what it was told: it is asked, and one ticket results."""

import pytest

from shared.delivery.failure import Ambiguous, Failure, Temporary
from shared.delivery.ticket import Found, Order
from shared.events.outcome import Done, Duplicate, Retry
from tests.support.tickets import Desk, Rig, episode, fail_once, resolved, run, until_settled


def test_a_doubt_stays_while_the_destination_cannot_be_asked() -> None:
    async def main() -> None:
        rig = Rig(fail_once("create", Ambiguous("no answer in time")))
        rig.desk.commits = lambda _name: False
        await rig.deliver(episode())
        rig.desk.script = lambda called: Temporary("cannot connect") if called == "find" else None
        assert isinstance((await rig.deliver(episode())).outcome, Retry)
        rig.desk.script = lambda _name: None
        made = await rig.deliver(episode())
        assert made.outcome == Retry("created in doubt, to be looked at again", 5.0)
        rig.clock.now += 5
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)

    run(main())


def test_f13_what_was_certainly_not_sent_leaves_no_doubt() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""

    async def main() -> None:
        for step in ("find", "create"):
            rig = Rig(fail_once(step, Temporary("cannot connect")))
            assert isinstance((await rig.deliver(episode())).outcome, Retry)
            entry = await rig.store.get(f"claim.desk.{episode().id}")
            assert entry is not None
            assert b'"phase":"free"' in entry.value
            assert isinstance((await rig.deliver(episode())).outcome, Done)
            assert len(rig.desk.records) == 1

    run(main())


@pytest.mark.parametrize("commits", [True, False])
def test_f14_an_ambiguous_create_is_asked_for_and_one_ticket_results(*, commits: bool) -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket."""

    async def main() -> None:
        rig = Rig(fail_once("create", Ambiguous("no answer in time")))
        rig.desk.commits = lambda _name: commits
        first = await rig.deliver(episode())
        assert isinstance(first.outcome, Done if commits else Retry)
        assert rig.desk.asked[:3] == ["find", "create", "find"]
        await until_settled(rig)
        assert len(rig.desk.records) == 1

    run(main())


def test_f14_an_ambiguous_update_that_took_effect_is_not_noted_twice() -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket. Here an update; its mark tells of it."""

    async def main() -> None:
        rig = Rig(fail_once("update", Ambiguous("no answer in time")))
        await rig.deliver(episode())
        later = episode(2, transition="updated", severity="critical")
        await rig.deliver(later)
        await rig.deliver(later)
        assert [note for _, note in rig.desk.notes] == ["open r1", "update r2"]

    run(main())


@pytest.mark.parametrize("waited", [0.0, 60.0], ids=["at once", "after a minute"])
def test_f55_a_create_that_commits_after_we_asked_is_seen_at_the_second_look(waited: float) -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """

    async def main() -> None:
        rig = Rig(fail_once("create", Ambiguous("no answer in time")))
        rig.desk.commits = lambda _name: False
        assert isinstance((await rig.deliver(episode())).outcome, Retry)
        slow = Desk()
        await Rig(slow).deliver(episode())
        rig.desk.late = list(slow.records.values())
        rig.desk._made = 1
        rig.clock.now += waited
        second = await rig.deliver(episode())
        assert isinstance(second.outcome, Retry), "what is created in doubt is looked at again"
        rig.desk.commit_late()
        rig.clock.now += 5
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)
        assert [one.number for one in rig.desk.active()] == ["T1"]
        ref, note = rig.desk.notes[-1]
        assert (ref, note) == ("r002", "see T1 https://desk/r001")

    run(main())


def test_f55_what_is_found_soon_after_a_doubt_is_looked_at_again_before_it_counts() -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """

    async def main() -> None:
        rig = Rig()
        slow = Desk()
        await Rig(slow).deliver(episode())
        rig.desk.script = lambda called: Ambiguous("no answer in time") if called == "create" else None
        rig.desk.commits = lambda _name: False
        assert isinstance((await rig.deliver(episode())).outcome, Retry)
        rig.desk.late, rig.desk._made = list(slow.records.values()), 1
        rig.desk.commits = lambda _name: True
        assert isinstance((await rig.deliver(episode())).outcome, Retry), "its create took effect, and is not all"
        rig.desk.script = lambda _name: None
        third = await rig.deliver(episode())
        assert third.outcome == Retry("done in doubt, to be looked at again", 5.0)
        rig.desk.commit_late()
        assert len(rig.desk.active()) == 2
        rig.clock.now += 5
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)
        assert [one.number for one in rig.desk.active()] == ["T1"]

    run(main())


def test_f55_an_end_that_comes_soon_after_a_doubt_waits_for_the_ticket_that_may_yet_appear() -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """

    async def main() -> None:
        rig = Rig()
        slow = Desk()
        await Rig(slow).deliver(episode())
        rig.desk.script = lambda called: Ambiguous("no answer in time") if called == "create" else None
        rig.desk.commits = lambda _name: False
        await rig.deliver(episode())
        rig.desk.script = lambda _name: None
        assert isinstance((await rig.deliver(resolved())).outcome, Retry)
        rig.desk.late = list(slow.records.values())
        rig.desk.commit_late()
        rig.clock.now += 5
        assert isinstance((await rig.deliver(resolved())).outcome, Done)
        assert rig.desk.active() == []

    run(main())


def test_f55_a_second_ticket_that_cannot_be_cancelled_now_is_cancelled_later() -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """

    async def main() -> None:
        rig = Rig(fail_once("cancel", Temporary("cannot connect")))
        slow = Desk()
        await Rig(slow).deliver(episode())
        rig.desk.late, rig.desk._made = list(slow.records.values()), 1
        original = rig.desk.create

        async def create(order: Order, seconds: float) -> Found | Failure:
            made = await original(order, seconds)
            rig.desk.commit_late()
            return made

        rig.desk.create = create  # type: ignore[method-assign]
        assert (await rig.deliver(episode())).outcome == Retry("cannot connect", 5.0)
        assert len(rig.desk.active()) == 2
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)
        assert [one.number for one in rig.desk.active()] == ["T1"]

    run(main())

"""What needs no question: memory alone is certain that nothing would be told, and any doubt asks again."""

import pytest

from shared.delivery.failure import Ambiguous
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored
from shared.stores.memory import MemoryStore
from tests.support.tickets import Rig, episode, fail_once, resolved, run


def asked_for(rig: Rig, one: Episode) -> list[str]:
    """Deliver one more snapshot and return what the ticket system was asked."""
    rig.desk.asked.clear()
    run(rig.deliver(one))
    return rig.desk.asked


def told(*snapshots: Episode) -> Rig:
    rig = Rig()
    for one in snapshots:
        run(rig.deliver(one))
    return rig


def test_a_snapshot_that_would_change_nothing_asks_nothing_and_is_known_afterwards() -> None:
    rig = told(episode(1, count=2))
    rig.desk.asked.clear()
    same = run(rig.deliver(episode(2, transition="updated", count=3)))
    assert same.outcome == Ignored("nothing that people need to know changed")
    assert isinstance(run(rig.deliver(episode(2, transition="updated", count=3))).outcome, Duplicate)
    assert isinstance(run(rig.deliver(episode(1))).outcome, Duplicate), "an older one comes too late"
    assert rig.desk.asked == []


@pytest.mark.parametrize("changes", [{"severity": "critical"}, {"summary": "another line"}, {"reopened": 1}])
def test_a_snapshot_that_people_shall_see_asks_and_tells(changes: dict[str, object]) -> None:
    rig = told(episode(1, count=2))
    after = {"transition": "updated", "count": 3, **changes}
    assert asked_for(rig, episode(2, **after)) == ["find", "update"]


def test_an_end_after_the_end_asks_nothing() -> None:
    rig = told(episode(), resolved(2))
    rig.desk.asked.clear()
    again = run(rig.deliver(resolved(3)))
    assert again.outcome == Ignored("the ticket is ended already")
    assert rig.desk.asked == []
    assert asked_for(rig, episode(4, transition="reopened", reopened=1)) == ["find", "reopen"]


def test_an_end_without_a_ticket_asks_once() -> None:
    rig = Rig()
    assert asked_for(rig, resolved(2)) == ["find"]
    assert asked_for(rig, resolved(3)) == []
    assert asked_for(rig, episode(4, transition="reopened", reopened=1))[:2] == ["find", "create"]


def test_f33_a_store_that_forgot_is_certain_of_nothing() -> None:
    """F33: KV bucket wiped: find(key) prevents duplicates; stated cost: one extra GET."""
    rig = told(episode(1, count=2))
    rig.store = MemoryStore(rig.clock)
    assert asked_for(rig, resolved(2)) == ["find", "resolve"]
    rig.store = MemoryStore(rig.clock)
    assert asked_for(rig, resolved(3)) == ["find"]


def test_a_claim_in_doubt_is_certain_of_nothing() -> None:
    async def main() -> None:
        rig = Rig(fail_once("update", Ambiguous("no answer in time")))
        rig.desk.commits = lambda _name: False
        await rig.deliver(episode(1))
        await rig.deliver(episode(2, transition="updated", severity="critical"))
        rig.desk.asked.clear()
        rig.clock.now += 5
        same = episode(3, transition="updated", severity="high")
        assert isinstance((await rig.deliver(same)).outcome, Ignored)
        assert rig.desk.asked == ["find"]

    run(main())


def test_a_ticket_that_people_removed_is_made_again_at_the_next_change_that_they_shall_see() -> None:
    rig = told(episode(1, count=2))
    rig.desk.records.clear()
    assert asked_for(rig, episode(2, transition="updated", count=3)) == []
    graver = run(rig.deliver(episode(3, transition="updated", count=3, severity="critical")))
    assert isinstance(graver.outcome, Done)
    assert [one.number for one in rig.desk.active()] == ["T2"]

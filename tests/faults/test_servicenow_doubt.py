"""What a ServiceNow instance did, or may have done, and nobody heard of: looked for, and never done twice."""

import asyncio
from datetime import timedelta
from typing import Any

from shared.events.outcome import Done, Duplicate, InProgress, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from shared.stores.memory import MemoryStore
from tests.support.incidents import Delivering, instance, settling
from tests.support.tickets import START, episode, resolved


def test_f14_a_create_that_committed_and_then_timed_out_is_found() -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket."""
    for fault in ("commit-then-time-out", "commit-then-reset", "commit-then-status"):
        with instance() as sn:
            sn.app.faults.set([Rule(do=fault, operation="create", status=504)])
            outcomes = sn.play(settling(sn), SERVICENOW_TIMEOUT="0.5")
            assert outcomes == [Done]
            assert len(sn.incidents()) == 1


def test_f14_an_update_that_committed_and_then_timed_out_is_noted_once() -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket. Here an update; its note is not repeated."""
    with instance() as sn:
        later = episode(2, transition="updated", severity="critical")

        async def main(deliver: Delivering) -> Result:
            await deliver(episode())
            sn.app.faults.set([Rule(do="commit-then-reset", operation="update")])
            await deliver(later)
            return await deliver(later)

        assert isinstance(sn.play(main).outcome, Duplicate)
        assert len(sn.notes(sn.incidents()[0])) == 1


def test_f03_f04_a_field_whose_change_was_never_confirmed_stays_ours() -> None:
    """F04: sink committed, then the process is lost before complete. Here an update; a later one changes it again."""
    with instance() as sn:
        worse = episode(2, transition="updated", severity="critical")
        better = episode(3, transition="updated", severity="low")

        async def main(deliver: Delivering) -> list[Any]:
            outcomes = [(await deliver(episode())).outcome]
            lost = [Rule(do="commit-then-reset", operation="update")]
            unseen = [Rule(do="status", status=500, operation="find", nth=2, count=3)]
            sn.app.faults.set([*lost, *unseen])
            outcomes.append((await deliver(worse)).outcome)
            sn.clock.now += 60
            return outcomes + [(await deliver(one)).outcome for one in (worse, better)]

        assert [type(one) for one in sn.play(main)] == [Done, Retry, Duplicate, Done]
        assert sn.incidents()[0]["urgency"] == "3"


def test_f21_ten_at_once_on_two_replicas_make_one_incident() -> None:
    """F21: same event delivered 10x concurrently: 1 ticket, 9 x 204/409."""
    with instance() as sn:

        async def main(deliver: Delivering) -> list[Result]:
            other = sn.function()
            await other.start()
            replicas = [deliver, Delivering(other)]
            answers = await asyncio.gather(*(replicas[number % 2](episode()) for number in range(10)))
            await other._system.close()
            return list(answers)

        outcomes = [type(answer.outcome) for answer in sn.play(main)]
        assert outcomes.count(Done) == 1
        assert set(outcomes) <= {Done, Duplicate, InProgress}
        assert len(sn.incidents()) == 1


def test_f33_f54_after_a_wiped_store_the_own_incident_is_found_and_an_old_closed_one_is_left() -> None:
    """F33 and F54, word for word.

    KV bucket wiped (or NATS lost acked writes) | find(key) prevents duplicates; stated cost: one extra GET

    store wiped while last month's ticket of the same problem is closed | a new episode gets a new ticket; the old one
    is not touched
    """
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            await deliver(resolved())

        sn.play(main)
        before = sn.incidents()[0]
        sn.store = MemoryStore(sn.clock)
        assert isinstance(sn.play(lambda deliver: deliver(resolved())).outcome, Duplicate)
        sn.store = MemoryStore(sn.clock)
        newer = episode(start=START + timedelta(days=30))
        assert isinstance(sn.play(lambda deliver: deliver(newer)).outcome, Done)
        assert sn.incidents()[0] == before
        assert [row["correlation_id"] for row in sn.active()] == [newer.id]


def test_f55_an_incident_that_committed_late_is_seen_and_ours_is_cancelled_with_a_link() -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """
    with instance() as sn:
        late = {"correlation_id": episode().id, "short_description": "late", "state": "1"}

        async def main(deliver: Delivering) -> Result:
            sn.app.insert("incident", late)
            # The first question is answered as if the slow insert had not been there yet.
            sn.app.faults.set([Rule(do="body", body='{"result": []}', operation="find")])
            return await deliver(episode())

        assert isinstance(sn.play(main).outcome, Done)
        # Both were made within one second, so the lower sys_id decides which of them counts as the oldest.
        (kept,) = sn.active()
        (other,) = [row for row in sn.incidents() if row["sys_id"] != kept["sys_id"]]
        assert kept["sys_id"] < other["sys_id"]
        assert other["state"] == "8"
        assert any(kept["number"] in note and kept["sys_id"] in note for note in sn.notes(other))


def test_a_table_that_does_not_keep_the_key_gets_one_record_and_not_one_for_each_snapshot() -> None:
    """A record without its key is found by nobody: everything that follows would create another."""
    with instance() as sn:
        unkeyed = '{"result": {"sys_id": "0123", "number": "INC1", "correlation_id": ""}}'

        async def main(deliver: Delivering) -> list[Result]:
            sn.app.faults.set([Rule(do="body", status=201, operation="create", body=unkeyed, count=0)])
            return [await deliver(episode(revision=revision)) for revision in (1, 2, 3)]

        assert {type(result.outcome) for result in sn.play(main)} == {Rejected}
        assert sn.app.faults.count(operation="create") == 1

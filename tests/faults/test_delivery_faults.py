"""The delivery algorithm under faults, on a ticket system in memory: each step may fail, and one ticket results."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.delivery.ticket import Found, Order
from shared.delivery.tickets import Delivered
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Rejected, Retry
from shared.stores.memory import MemoryStore
from shared.stores.protocol import StoreUnavailableError
from tests.support.tickets import START, Desk, Rig, episode, resolved, run


def fail_once(name: str, failure: Failure) -> Desk:
    """Return a desk whose first call of a name fails."""
    desk = Desk()
    left = [failure]
    desk.script = lambda called: left.pop() if left and called == name else None
    return desk


async def crash_in(rig: Rig, name: str) -> None:
    """Deliver and stop dead inside the call of a name: nothing after it happens, as with SIGKILL."""
    reached = asyncio.Event()

    def script(called: str) -> None:
        if called == name:
            reached.set()
            raise asyncio.CancelledError

    rig.desk.script = script
    task = asyncio.create_task(rig.deliver(episode()))
    await asyncio.wait({task})
    assert task.cancelled()
    rig.desk.script = lambda _name: None


async def until_settled(rig: Rig) -> list[Delivered]:
    """Deliver again as a broker does, the clock going on, until the answer is final."""
    answers: list[Delivered] = []
    for _ in range(12):
        answers.append(await rig.deliver(episode()))
        if not isinstance(answers[-1].outcome, Retry | InProgress):
            return answers
        rig.clock.now += 10
    raise AssertionError("never settled")


def test_f01_killed_before_the_claim_it_is_redelivered_and_one_ticket_is_made() -> None:
    """F01: SIGKILL before claim: redelivered; one ticket."""
    rig = Rig()
    answers = run(until_settled(rig))
    assert [type(answer.outcome) for answer in answers] == [Done]
    assert len(rig.desk.records) == 1


def test_f02_killed_between_claim_and_send_others_wait_for_the_lease_then_one_ticket_is_made() -> None:
    """F02: SIGKILL after claim, before send: lease expires <= deadline+skew; 409s meanwhile; find: none: one ticket."""

    async def main() -> None:
        rig = Rig()
        await crash_in(rig, "find")
        assert isinstance((await rig.deliver(episode())).outcome, InProgress)
        rig.clock.now += 20 + 2 - 0.1
        assert isinstance((await rig.deliver(episode())).outcome, InProgress)
        rig.clock.now += 0.2
        rig.desk.asked.clear()
        await until_settled(rig)
        assert rig.desk.asked[:2] == ["find", "create"]
        assert len(rig.desk.records) == 1

    run(main())


@pytest.mark.parametrize("commits", [True, False])
def test_f03_killed_in_the_middle_of_sending_the_destination_is_asked_first(*, commits: bool) -> None:
    """F03: SIGKILL mid-send (bytes out): DOUBT path: find(key) first; one ticket."""

    async def main() -> None:
        rig = Rig()
        create = rig.desk.create

        async def dying(order: Order, seconds: float) -> Found | Failure:
            if commits:
                await create(order, seconds)
            raise asyncio.CancelledError

        rig.desk.create = dying  # type: ignore[method-assign]
        task = asyncio.create_task(rig.deliver(episode()))
        await asyncio.wait({task})
        assert task.cancelled()
        rig.desk.create = create  # type: ignore[method-assign]
        rig.clock.now += 60
        rig.desk.asked.clear()
        answers = await until_settled(rig)
        assert rig.desk.asked[0] == "find"
        assert isinstance(answers[-1].outcome, Duplicate)
        assert len(rig.desk.records) == 1

    run(main())


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
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)

    run(main())


def test_f04_killed_after_the_ticket_was_made_it_is_found_and_is_a_duplicate() -> None:
    """F03, F04: SIGKILL mid-send or after sink committed, before complete: find returns ref; Duplicate; one ticket."""

    async def main() -> None:
        rig = Rig()
        made = False

        def script(called: str) -> None:
            nonlocal made
            if called == "find" and made:
                raise asyncio.CancelledError
            made = made or called == "create"

        rig.desk.script = script
        task = asyncio.create_task(rig.deliver(episode()))
        await asyncio.wait({task})
        assert task.cancelled()
        assert len(rig.desk.records) == 1
        rig.desk.script = lambda _name: None
        rig.clock.now += 60
        answer = await rig.deliver(episode())
        assert isinstance(answer.outcome, Duplicate)
        assert answer.memory is not None
        assert (answer.memory.number, answer.reported) == ("T1", False)
        assert len(rig.desk.records) == 1
        await rig.deliver(episode(2, transition="updated", severity="critical"))
        assert rig.desk.records["r001"].fields["urgency"] == "critical", "what is ours is recognised as ours"

    run(main())


def test_f05_killed_after_complete_before_the_answer_it_is_a_duplicate_without_a_question() -> None:
    """F05: SIGKILL after complete, before 204: DONE -> Duplicate; one ticket."""

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        rig.desk.asked.clear()
        again = await rig.deliver(episode())
        assert isinstance(again.outcome, Duplicate)
        assert again.reported
        assert rig.desk.asked == []

    run(main())


def test_f07_frozen_past_its_lease_it_sends_nothing_more_and_cannot_complete() -> None:
    """F07: SIGSTOP 60 s then resume with stale lease: fencing token refuses late complete; at most one ticket."""

    async def main() -> None:
        rig = Rig()
        loop = asyncio.get_running_loop()
        frozen_until = asyncio.Event()
        original = rig.desk.find
        first = True

        async def freezing(episode_id: str, problem: str, seconds: float) -> object:
            nonlocal first
            found = await original(episode_id, problem, seconds)
            if first:
                first = False
                await frozen_until.wait()
            return found

        rig.desk.find = freezing  # type: ignore[assignment, method-assign]
        frozen = asyncio.create_task(rig.tickets().deliver(episode(), loop.time() + 0.8))
        await asyncio.sleep(0.05)
        rig.clock.now += 60
        assert isinstance((await rig.deliver(episode())).outcome, Retry)
        await asyncio.sleep(0.8)
        frozen_until.set()
        late = await frozen
        assert isinstance(late.outcome, Retry | InProgress)
        assert len(rig.desk.records) == 1
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
    """F14, for an update: the record itself says what was applied."""

    async def main() -> None:
        rig = Rig(fail_once("update", Ambiguous("no answer in time")))
        await rig.deliver(episode())
        later = episode(2, transition="updated", severity="critical")
        await rig.deliver(later)
        await rig.deliver(later)
        assert [note for _, note in rig.desk.notes] == ["open r1", "update r2"]

    run(main())


def test_f21_the_same_event_ten_times_at_once_makes_one_ticket() -> None:
    """F21: same event delivered 10x concurrently: 1 ticket, 9 x 204/409."""

    async def main() -> None:
        rig = Rig()
        answers = await asyncio.gather(*(rig.deliver(episode()) for _ in range(10)))
        outcomes = [type(answer.outcome) for answer in answers]
        assert outcomes.count(Done) == 1
        assert set(outcomes) <= {Done, Duplicate, InProgress}
        assert len(rig.desk.records) == 1

    run(main())


def test_f23_an_older_update_never_overwrites_a_newer_one() -> None:
    """F23: updates out of order: older update never overwrites newer."""

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode(7, severity="critical"))
        assert isinstance((await rig.deliver(episode(5, severity="high"))).outcome, Duplicate)
        assert rig.desk.records["r001"].fields["urgency"] == "critical"

    run(main())


def test_f25_a_count_that_grows_from_1_to_50_keeps_one_ticket_with_few_notes() -> None:
    """F25: Event series count 1 -> 50: updates one ticket, no 50 tickets."""

    async def main() -> None:
        rig = Rig()
        for count in range(1, 51):
            await rig.deliver(episode(count, count=count, transition="opened" if count == 1 else "updated"))
        assert len(rig.desk.records) == 1
        assert len(rig.desk.notes) == 6

    run(main())


class DownStore(MemoryStore):
    """A store that cannot be asked."""

    async def get(self, key: str) -> None:
        raise StoreUnavailableError(key)


def test_f32_with_the_store_down_the_destination_is_asked_each_time_and_nothing_is_dropped() -> None:
    """F32: KV restart / partition / quorum lost: deliveries degrade to asking the destination."""

    async def main() -> None:
        rig = Rig(store=DownStore())
        outcomes = [type((await rig.deliver(one)).outcome) for one in (episode(), episode(), resolved(), resolved())]
        assert outcomes == [Done, Duplicate, Done, Duplicate]
        assert [one.standing for one in rig.desk.records.values()] == ["resolved"]
        assert rig.metrics.total("tidings_degraded_total") == 4

    run(main())


def test_f33_with_the_store_wiped_the_ticket_is_found_by_its_key() -> None:
    """F33: KV bucket wiped: find(key) prevents duplicates; stated cost: one extra GET."""

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        rig.store = MemoryStore(rig.clock)
        rig.desk.asked.clear()
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)
        assert rig.desk.asked == ["find"]
        rig.store = MemoryStore(rig.clock)
        assert isinstance((await rig.deliver(resolved())).outcome, Done)
        assert [one.standing for one in rig.desk.records.values()] == ["resolved"]

    run(main())


def test_f54_a_new_episode_gets_a_new_ticket_though_the_store_forgot_the_old_closed_one() -> None:
    """F54: store wiped while last month's ticket of the same problem is closed: a new ticket; the old one untouched."""

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        await rig.deliver(resolved())
        rig.desk.by_hand("r001", standing="closed")
        before = rig.desk.records["r001"]
        rig.store = MemoryStore(rig.clock)
        assert isinstance((await rig.deliver(episode(start=START + timedelta(days=30)))).outcome, Done)
        assert rig.desk.records["r001"] == before
        assert [one.number for one in rig.desk.active()] == ["T2"]

    run(main())


def test_f55_a_create_that_commits_after_we_asked_is_seen_at_the_second_look() -> None:
    """F55: destination commits a create after we asked and found nothing.

    Second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """

    async def main() -> None:
        rig = Rig(fail_once("create", Ambiguous("no answer in time")))
        rig.desk.commits = lambda _name: False
        assert isinstance((await rig.deliver(episode())).outcome, Retry)
        slow = Desk()
        await Rig(slow).deliver(episode())
        rig.desk.late = list(slow.records.values())
        rig.desk._made = 1
        second = await rig.deliver(episode())
        assert isinstance(second.outcome, Retry), "what is created in doubt is looked at again"
        rig.desk.commit_late()
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)
        assert [one.number for one in rig.desk.active()] == ["T1"]
        ref, note = rig.desk.notes[-1]
        assert (ref, note) == ("r002", "see T1 https://desk/r001")

    run(main())


@pytest.mark.parametrize("jump", [3600, -3600])
def test_f31_a_clock_that_jumps_while_one_is_sending_leaves_one_active_ticket(jump: int) -> None:
    """F31: clock jumps ±1 h: leases use monotonic/server time; no duplicates."""

    async def main() -> None:
        rig = Rig()
        asked, resume = asyncio.Event(), asyncio.Event()
        original, first = rig.desk.find, [True]

        async def pausing(episode_id: str, problem: str, seconds: float) -> object:
            found = await original(episode_id, problem, seconds)
            if first:
                first.clear()
                asked.set()
                await resume.wait()
            return found

        rig.desk.find = pausing  # type: ignore[assignment, method-assign]
        early = asyncio.create_task(rig.deliver(episode()))
        await asked.wait()
        rig.clock.now += jump
        await rig.deliver(episode())
        resume.set()
        assert isinstance((await early).outcome, InProgress), "the fence holds: another took over"
        await until_settled(rig)
        assert len(rig.desk.records) == 2
        assert [one.number for one in rig.desk.active()] == ["T1"]

    run(main())


def test_a_ticket_that_people_closed_stays_closed_until_the_problem_comes_back() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        rig.desk.by_hand("r001", standing="resolved")
        lasting = await rig.deliver(episode(2, transition="updated", severity="critical"))
        assert isinstance(lasting.outcome, Ignored)
        over = await rig.deliver(resolved(3))
        assert isinstance(over.outcome, Ignored)
        assert rig.desk.records["r001"].standing == "resolved"
        back = await rig.deliver(episode(4, transition="reopened", reopened=1))
        assert isinstance(back.outcome, Done)
        assert [one.ref for one in rig.desk.active()] == ["r001"]

    run(main())


def test_where_reopening_is_refused_a_new_ticket_follows() -> None:
    async def main() -> None:
        rig = Rig(fail_once("reopen", Refused("not allowed")))
        await rig.deliver(episode())
        await rig.deliver(resolved())
        assert isinstance((await rig.deliver(episode(3, transition="reopened", reopened=1))).outcome, Done)
        assert [one.number for one in rig.desk.active()] == ["T2"]

    run(main())


def test_an_active_ticket_of_an_earlier_episode_is_adopted_and_its_late_end_does_not_close_it() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        newer = episode(start=START + timedelta(hours=2))
        assert isinstance((await rig.deliver(newer)).outcome, Done)
        assert isinstance((await rig.deliver(resolved())).outcome, Ignored)
        assert [one.mark.episode for one in rig.desk.active()] == [newer.id]
        assert len(rig.desk.records) == 1

    run(main())


def test_snapshots_that_want_no_ticket_and_ends_of_what_had_none_are_ignored() -> None:
    async def main() -> None:
        rig = Rig()
        assert isinstance((await rig.deliver(episode(ticket=False))).outcome, Ignored)
        assert rig.desk.asked == []
        assert isinstance((await rig.deliver(resolved())).outcome, Ignored)
        assert rig.desk.asked == ["find"]
        assert rig.desk.records == {}

    run(main())


def test_a_record_that_went_between_question_and_command_is_asked_for_again_once() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())

        def script(called: str) -> Gone | None:
            if called == "update":
                rig.desk.records.clear()
                return Gone()
            return None

        rig.desk.script = script
        assert isinstance((await rig.deliver(episode(2, severity="critical"))).outcome, Done)
        assert [one.number for one in rig.desk.active()] == ["T2"]

    run(main())


def test_a_record_that_is_shown_but_cannot_be_written_makes_no_second_ticket() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        rig.desk.script = lambda called: Gone() if called == "update" else None
        assert isinstance((await rig.deliver(episode(2, severity="critical"))).outcome, Rejected)
        assert len(rig.desk.records) == 1

    run(main())


def test_what_is_refused_is_rejected_with_the_destinations_name_and_the_claim_is_free() -> None:
    async def main() -> None:
        rig = Rig(fail_once("create", Refused("not allowed", detail="their words")))
        assert (await rig.deliver(episode())).outcome == Rejected("desk", "not allowed")
        assert isinstance((await rig.deliver(episode())).outcome, Done)

    run(main())


def test_without_time_left_nothing_is_claimed_or_sent() -> None:
    async def main() -> None:
        rig = Rig()
        assert isinstance((await rig.deliver(episode(), seconds=0.3)).outcome, Retry)
        assert rig.desk.asked == []
        assert await rig.store.get(f"claim.desk.{episode().id}") is None

    run(main())


FAILURES = st.sampled_from(
    [None, None, Temporary("t"), Ambiguous("a"), asyncio.CancelledError(), "late"],
)


@settings(max_examples=150, deadline=None)
@given(
    faults=st.lists(FAILURES, max_size=12),
    commits=st.lists(st.booleans(), min_size=12, max_size=12),
    wipes=st.sets(st.integers(0, 10), max_size=2),
)
def test_whatever_fails_one_ticket_results_and_it_ends_resolved(
    faults: list[object], commits: list[bool], wipes: set[int]
) -> None:
    """Calls fail, take effect or not, processes die, the store is wiped: in the end there is one ticket, resolved."""

    async def main() -> None:
        rig = Rig()
        waiting, effects = list(faults), list(commits)

        def script(_name: str) -> Failure | None:
            fault = waiting.pop(0) if waiting else None
            if isinstance(fault, asyncio.CancelledError):
                raise fault
            return Ambiguous("late") if fault == "late" else fault  # type: ignore[return-value]

        rig.desk.script = script
        rig.desk.commits = lambda _name: effects.pop(0) if effects else False
        for number, one in enumerate((episode(1), episode(2, transition="updated", severity="critical"), resolved(3))):
            await broker(rig, one, wipes, number)
        kept = [one for one in rig.desk.records.values() if one.mark.standing != "void"]
        assert [(one.standing, one.mark.revision) for one in kept] == [("resolved", 3)]
        assert rig.desk.active() == []

    run(main())


async def broker(rig: Rig, one: object, wipes: set[int], number: int) -> None:
    """Send one event until it is answered for good, as a broker does."""
    for turn in range(30):
        task = asyncio.create_task(rig.deliver(one))  # type: ignore[arg-type]
        await asyncio.wait({task})
        rig.clock.now += 30
        if number * 4 + turn in wipes:
            rig.store = MemoryStore(rig.clock)
        if not task.cancelled() and not isinstance(task.result().outcome, Retry | InProgress):
            return
    raise AssertionError("never settled")

"""The process that delivers is killed or frozen at each step: whoever goes on ends with one ticket."""

import asyncio

import pytest

from shared.delivery.failure import Failure
from shared.delivery.ticket import Found, Order
from shared.events.outcome import Done, Duplicate, InProgress, Retry
from shared.stores.memory import MemoryStore
from tests.support.tickets import Rig, episode, run, until_settled


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


def test_f01_killed_before_the_claim_it_is_redelivered_and_one_ticket_is_made() -> None:
    """F01: SIGKILL before claim: redelivered; one ticket."""

    class Dying(MemoryStore):
        async def put(self, *_: object, **__: object) -> int | None:
            raise asyncio.CancelledError

    async def main() -> None:
        rig = Rig(store=Dying())
        task = asyncio.create_task(rig.deliver(episode()))
        await asyncio.wait({task})
        assert task.cancelled(), "no answer: whoever sent it has to send it again"
        assert rig.desk.asked == [], "nothing is asked or sent without a claim"
        rig.store = MemoryStore(rig.clock)
        assert [type(answer.outcome) for answer in await until_settled(rig)] == [Done], "at once: nobody holds it"
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate), "also where it is sent once more"
        assert len(rig.desk.records) == 1

    run(main())


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


def test_f04_killed_after_the_ticket_was_made_it_is_found_and_is_a_duplicate() -> None:
    """F04: SIGKILL after sink committed, before complete: find returns ref; Duplicate; one ticket."""

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
        assert rig.desk.asked == [], "DONE: nobody needs to be asked"
        assert len(rig.desk.records) == 1

    run(main())


def test_f07_frozen_past_its_lease_it_sends_nothing_more_and_cannot_complete() -> None:
    """At most one ticket.

    F07: SIGSTOP 60 s (GC/throttle) then resume with stale lease | fencing token refuses late complete; at most one
    ticket, or late writer finds & links.
    """

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


def test_f07_frozen_before_it_completes_it_leaves_the_answer_to_the_one_that_took_over() -> None:
    """The fencing token refuses the late complete, also where the deadline's clock stood still with the process.

    F07: SIGSTOP 60 s (GC/throttle) then resume with stale lease | fencing token refuses late complete; at most one
    ticket, or late writer finds & links.
    """

    async def main() -> None:
        rig = Rig()
        created, resume = asyncio.Event(), asyncio.Event()
        original = rig.desk.find

        async def freezing(episode_id: str, problem: str, seconds: float) -> object:
            found = await original(episode_id, problem, seconds)
            if rig.desk.asked == ["find", "create", "find"]:
                created.set()
                await resume.wait()
            return found

        rig.desk.find = freezing  # type: ignore[assignment, method-assign]
        frozen = asyncio.create_task(rig.deliver(episode()))
        await created.wait()
        rig.clock.now += 60
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate), "found, and completed by the other"
        resume.set()
        assert isinstance((await frozen).outcome, InProgress), "what is refused is no success"
        assert len(rig.desk.records) == 1

    run(main())

"""Snapshots that come at once, again, out of order or while the clock jumps: one active ticket, the newest wins."""

import asyncio

import pytest

from shared.events.outcome import Done, Duplicate, Ignored, InProgress
from shared.stores.memory import MemoryStore
from tests.support.tickets import Rig, episode, resolved, run, until_settled


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
    """F23, word for word.

    updates out of order (rv 7 before rv 5) | older update never overwrites newer; noted as work note or ignored
    """

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode(7, severity="critical"))
        newest, notes = dict(rig.desk.records), list(rig.desk.notes)
        assert isinstance((await rig.deliver(episode(5, severity="high"))).outcome, Duplicate)
        rig.store = MemoryStore(rig.clock)  # and where only the ticket remembers
        assert isinstance((await rig.deliver(episode(6, severity="high"))).outcome, Duplicate)
        assert rig.desk.records == newest, "severity, title, mark and state are those of the newest"
        assert rig.desk.notes == notes, "ignored: what is old news is no note either"
        await rig.deliver(resolved(9))
        assert isinstance((await rig.deliver(episode(8))).outcome, Duplicate)
        assert rig.desk.active() == [], "nor does it come back"

    run(main())


def test_f24_an_end_that_comes_before_its_beginning_leaves_no_ticket() -> None:
    """F24: delete before add | closes/ignores, no crash."""

    async def main() -> None:
        rig = Rig()
        assert isinstance((await rig.deliver(resolved(2))).outcome, Ignored)
        assert isinstance((await rig.deliver(episode(1))).outcome, Duplicate), "it is over, as everybody knows by now"
        assert rig.desk.records == {}

    run(main())


def test_f25_a_count_that_grows_from_1_to_50_keeps_one_ticket_with_few_notes() -> None:
    """F25: Event series count 1→50 | updates one ticket, no 50 tickets."""

    async def main() -> None:
        rig = Rig()
        for count in range(1, 51):
            await rig.deliver(episode(count, count=count, transition="opened" if count == 1 else "updated"))
        assert len(rig.desk.records) == 1, "no 50 tickets"
        assert rig.desk.asked.count("create") == 1
        assert len(rig.desk.notes) == 1, "nobody was told fifty times (that the count moves: test_observed_again.py)"

    run(main())


@pytest.mark.parametrize("jump", [3600, -3600])
def test_f31_a_clock_that_jumps_while_one_is_sending_leaves_one_active_ticket(jump: int) -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""

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

"""Tickets that people closed, that went away or that may not be written, and snapshots that need none."""

from datetime import timedelta

from shared.delivery.failure import Gone, Refused
from shared.events.outcome import Done, Ignored, Rejected, Retry
from tests.support.tickets import START, Rig, episode, fail_once, resolved, run


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

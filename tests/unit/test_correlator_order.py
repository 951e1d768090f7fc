"""Observations that reach the correlator late, early, again or with an impossible time."""

from datetime import UTC, datetime, timedelta

from shared.episodes import browse
from shared.events.outcome import Done, Duplicate, Ignored, Retry
from tests.support.correlator import START, Rig, play, problem, recovery, told


def test_f24_an_end_before_its_problem_opens_and_resolves() -> None:
    """F24: delete before add | closes/ignores, no crash."""

    async def work(rig: Rig) -> None:
        assert isinstance((await rig.send(recovery(60, "*"))).outcome, Ignored)
        assert (await rig.send(problem(10))).outcome == Done()
        assert [event.data["transition"] for event in rig.sink.events] == ["opened"]
        await rig.tick(90)
        assert [event.data["transition"] for event in rig.sink.events] == ["opened", "resolved"]
        assert await rig.due() == []

    play(work)


def test_a_problem_covered_by_a_recovery_that_is_sent_twice_before_the_tick_stays_one_episode() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(recovery(60, "*"))
        rig.sink.broken = True
        assert isinstance((await rig.send(problem(10))).outcome, Retry)
        rig.sink.broken = False
        await rig.send(problem(10))
        await rig.tick(90)
        assert [event.data["revision"] for event in rig.sink.events] == [1, 2]

    play(work)


def test_f23_an_older_recovery_does_not_close() -> None:
    """F23, word for word.

    updates out of order (rv 7 before rv 5) | older update never overwrites newer; noted as work note or ignored
    """

    async def work(rig: Rig) -> None:
        await rig.send(problem(100))
        assert (await rig.send(recovery(50, "crash-loop"))).reply is None
        await rig.tick(500)
        assert [episode.state for episode in (await browse.listing(rig.store)).episodes] == ["open"]

    play(work)


def test_f23_an_older_problem_that_comes_late_is_a_line_of_history_and_overwrites_nothing() -> None:
    """F23, word for word.

    updates out of order (rv 7 before rv 5) | older update never overwrites newer; noted as work note or ignored
    """

    async def work(rig: Rig) -> None:
        newest = told(await rig.send(problem(70, count=7, reason="Newer", message="the seventh")))
        late = told(await rig.send(problem(50, count=5, reason="Older", message="the fifth")))
        assert (late.reason, late.message) == ("Newer", "the seventh")
        assert (late.last_seen, late.count) == (newest.last_seen, 7)
        assert [line.message for line in late.history] == ["the fifth", "the seventh"]

    play(work)


def test_a_time_in_1970_or_2300_is_shown_but_decides_nothing() -> None:
    async def work(rig: Rig) -> None:
        at = START + timedelta(seconds=5)
        late = told(await rig.send(problem(5, time=datetime(2300, 1, 1, tzinfo=UTC), received=at)))
        assert late.started.year == 2300
        assert told(await rig.send(recovery(50, "crash-loop"))).state == "resolved"
        early = told(await rig.send(problem(60, count=2, time=datetime(1970, 1, 1, tzinfo=UTC))))
        assert early.id == late.id
        assert early.transition == "reopened"

    play(work)


def test_old_observations_listed_again_with_a_new_time_of_sending_change_nothing() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0))
        await rig.send(recovery(10, "crash-loop"))
        late = START + timedelta(hours=1)
        assert (await rig.send(problem(0, received=late))).outcome == Duplicate()
        await rig.send(problem(3700, count=2))
        assert (await rig.send(recovery(10, "crash-loop", received=late + timedelta(hours=1)))).outcome == Duplicate()
        assert (await browse.listing(rig.store, browse.Filter(state="open"))).episodes

    play(work)

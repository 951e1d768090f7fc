"""How an episode ends at the correlator and comes back: recoveries, holds, expiry and reopening."""

from dataclasses import replace
from datetime import timedelta

from shared.episodes import browse
from shared.episodes.policy import IMMEDIATE, Policies
from shared.events.identity import problem_key
from shared.events.outcome import Done, Duplicate, Retry
from tests.support.correlator import POD, START, Rig, play, problem, recovery, told


def test_an_old_event_that_a_source_lists_again_does_not_bring_back_what_is_over() -> None:
    async def work(rig: Rig) -> None:
        opened = told(await rig.send(problem(0)))
        assert told(await rig.send(recovery(600, "crash-loop"))).state == "resolved"
        late = {"time": START + timedelta(seconds=300), "received": START + timedelta(seconds=900), "count": 3}
        again = told(await rig.send(problem(300, **late)))
        assert (again.id, again.state, again.count, again.reopened) == (opened.id, "resolved", 3, 0)
        fresh = {"time": START + timedelta(seconds=700), "received": START + timedelta(seconds=1200), "count": 4}
        assert told(await rig.send(problem(700, **fresh))).transition == "reopened"

    play(work)


def test_a_recovery_resolves_and_a_return_reopens_the_same_episode() -> None:
    async def work(rig: Rig) -> None:
        opened = told(await rig.send(problem(0)))
        resolved = told(await rig.send(recovery(100, "crash-loop")))
        again = told(await rig.send(problem(200, count=2)))
        assert (resolved.id, resolved.state, resolved.transition) == (opened.id, "resolved", "resolved")
        assert resolved.ended_by == "Started"
        assert resolved.resolved == START + timedelta(seconds=100)
        assert (again.id, again.transition, again.reopened, again.revision) == (opened.id, "reopened", 1, 3)

    play(work)


def test_beyond_the_window_for_reopening_it_is_a_new_episode() -> None:
    async def work(rig: Rig) -> None:
        opened = told(await rig.send(problem(0)))
        await rig.send(recovery(100, "crash-loop"))
        fresh = told(await rig.send(problem(100 + 301 + 61, count=7)))
        assert fresh.id != opened.id
        assert (fresh.transition, fresh.revision, fresh.reopened) == ("opened", 1, 0)

    play(work, Policies(replace(IMMEDIATE, reopen_within=300.0)))


def test_a_hold_waits_for_silence_and_the_tick_resolves_once() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, hold=600))
        assert (await rig.send(recovery(100, "crash-loop"))).reply is None
        await rig.tick(699)
        assert rig.sink.events == []
        for _ in range(3):
            assert (await rig.tick(701)).outcome == Done()
        assert [event.type for event in rig.sink.events] == ["dev.tidings.problem.resolved.v1"]
        assert await rig.due() == []

    play(work)


def test_what_is_not_repeated_expires() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=3600))
        await rig.send(problem(3000, count=2, expires=3600))
        await rig.tick(3601)
        assert rig.sink.events == []
        await rig.tick(6601)
        (event,) = rig.sink.events
        assert event.data["ended_by"] == "expired"
        assert await rig.due() == []

    play(work)


def test_a_recovery_that_ends_several_posts_each_and_a_lost_post_comes_again() -> None:
    async def work(rig: Rig) -> None:
        for condition in ("crash-loop", "image", "probe"):
            await rig.send(problem(0, condition))
        rig.sink.broken = True
        assert isinstance((await rig.send(recovery(50, "*"))).outcome, Retry)
        rig.sink.broken = False
        assert (await rig.send(recovery(50, "*"))).outcome == Duplicate()
        assert len(rig.sink.events) == 3
        assert {event.data["state"] for event in rig.sink.events} == {"resolved"}
        assert [episode.state for episode in (await browse.listing(rig.store)).episodes] == ["resolved"] * 3

    play(work)


def test_a_recovery_of_one_part_leaves_the_other_parts_open() -> None:
    async def work(rig: Rig) -> None:
        for part in ("web", "sidecar"):
            key = problem_key("c", POD, "crash-loop", part)
            await rig.send(problem(0, part=part, problem_key=key, source_uid=part, identity=part))
        closed = told(await rig.send(recovery(10, "crash-loop", part="web")))
        assert closed.part == "web"
        states = {episode.part: episode.state for episode in (await browse.listing(rig.store)).episodes}
        assert states == {"web": "resolved", "sidecar": "open"}

    play(work)


def test_what_is_due_on_the_same_object_is_done_with_an_observation_and_survives_a_refusing_broker() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, "image", expires=60))
        rig.sink.broken = True
        assert isinstance((await rig.send(problem(200, "probe"))).outcome, Retry)
        rig.sink.broken = False
        assert (await rig.send(problem(200, "probe"))).outcome == Duplicate()
        told_now = {(event.data["condition"], event.data["transition"]) for event in rig.sink.events}
        assert told_now == {("image", "resolved"), ("probe", "opened")}

    play(work)

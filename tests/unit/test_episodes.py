"""The state machine's corners: the edge of the reopening window, bounds, ageing, and the stored form."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.episodes import record as records
from shared.episodes.machine import Known, indexed, observe
from shared.episodes.policy import IMMEDIATE, Policies
from shared.episodes.record import Record, RecordError
from shared.episodes.sources import HARD, SOFT, STATE, Sources
from shared.episodes.stored import decode, encode
from tests.support.histories import Seen, World


def test_just_beyond_the_window_a_problem_waits_until_no_earlier_one_can_come() -> None:
    world = World()  # reopens within 100 s
    world.see(Seen(0, "image"))
    world.see(Seen(10, ends=("image",)))
    assert world.see(Seen(130, "image", count=2)).snapshots == ()
    world.tick(170)
    assert [(one.state, one.revision) for one in world.current()] == [("resolved", 2)]
    world.tick(171)  # 10 + 100 + 60 and a second
    assert sorted((one.state, one.revision) for one in world.current()) == [("open", 1), ("resolved", 2)]


def test_just_beyond_the_window_an_earlier_one_that_comes_late_keeps_it_one_episode() -> None:
    world = World()
    world.see(Seen(0, "image"))
    world.see(Seen(10, ends=("image",)))
    world.see(Seen(130, "image", count=3))
    world.see(Seen(100, "image", count=2))
    assert [(one.state, one.reopened, one.count) for one in world.current()] == [("open", 1, 3)]


def test_what_was_shown_as_one_episode_is_never_split_by_something_very_late() -> None:
    world = World()
    world.see(Seen(5, ends=("image",)))
    world.see(Seen(3000, "image", count=2))
    world.see(Seen(0, "image", count=1))
    assert len(world.current()) == 1
    assert world.current()[0].state == "open"


def test_a_tick_that_was_early_is_put_right_by_a_late_observation() -> None:
    world = World()
    world.see(Seen(0, "image"))
    world.tick(151)
    assert world.current()[0].ended_by == "expired"
    world.see(Seen(140, "image", count=2))
    (episode,) = world.current()
    assert (episode.state, episode.transition, episode.ended_by) == ("open", "reopened", "")


def test_an_object_keeps_at_most_so_many_problems_and_closes_those_that_must_go() -> None:
    world = World()
    for number in range(records.MAX_TRACKS + 10):
        world.see(Seen(number, "crash-loop", part=f"p{number}"))
    kept = decode(world.stored)
    assert len(kept.tracks) == records.MAX_TRACKS
    gone = [one for one in world.current() if one.state == "resolved"]
    assert {one.part for one in gone} == {f"p{number}" for number in range(10)}


def test_a_storm_on_one_object_stays_one_small_record() -> None:
    world = World()
    for number in range(800):
        world.see(Seen(number // 20, "crash-loop", source=number % 400, count=1 + number // 400))
    assert len(world.stored) < 64 * 1024
    (episode,) = world.current()
    assert episode.count >= 400


def test_closed_and_unmentioned_episodes_age_out() -> None:
    world = World()
    world.see(Seen(0, "image"))
    world.see(Seen(10, ends=("image",)))
    assert decode(world.stored).ttl() == pytest.approx(8 * 86_400)
    world.tick(8 * 86_400)
    assert decode(world.stored).tracks == {}


def test_an_open_problem_never_ages_out_and_a_lone_recovery_soon_does() -> None:
    world = World()
    world.see(Seen(0, ends=("image",)))
    assert decode(world.stored).ttl() == pytest.approx(2 * 86_400)
    world.see(Seen(5, "crash-loop"))
    assert decode(world.stored).ttl() is None


def test_recoveries_are_remembered_by_kind_and_bounded() -> None:
    world = World()
    for number in range(400):
        world.see(Seen(number * 10, ends=(f"c{number % 3}",), count=number + 1))
    assert len(decode(world.stored).marks) <= 3 + 7


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 50), st.integers(0, 5000)), max_size=400))
def test_repetition_never_raises_a_count_however_many_sources(reports: list[tuple[int, int, int]]) -> None:
    sources = Sources()
    for source, count, time in reports:
        sources.add(f"s{source}", count, float(time))
        total = sources.total
        sources.add(f"s{source}", count, float(time))
        assert sources.total == total
        assert len(sources.known) <= HARD
    total = sources.total
    for source, count, time in reports:
        if f"s{source}" not in sources.known:
            sources.add(f"s{source}", count, float(time))
    assert sources.total == total


def test_old_sources_are_given_up_but_stay_counted() -> None:
    sources = Sources()
    for number in range(SOFT + 50):
        sources.add(f"s{number}", 2, number * 10.0)
        sources.bound()
    assert len(sources.known) == SOFT
    assert sources.total == 2 * (SOFT + 50)


def test_a_record_is_the_same_after_storing() -> None:
    world = World()
    for number in range(5):
        world.see(Seen(number, "crash-loop", source=number))
    step = observe(decode(world.stored), Seen(50, ends=("*",)).classified, Known({"team": "a"}), Policies(IMMEDIATE))
    assert decode(encode(step.record)) == step.record


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"v": 99}', b'{"v": 1, "now": 0}', b"\xff"])
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        decode(data)


def test_the_index_is_written_only_where_an_earlier_entry_will_not_do() -> None:
    record = Record()
    record, second = indexed(record, 100.2)
    assert second == 101
    assert indexed(record, 500.0) == (record, None)
    sooner, second = indexed(record, 50.0)
    assert (sooner.due, second) == (50.0, 50)
    later, second = indexed(record, 500.0, consumed=101)
    assert (later.due, second) == (500.0, 500)
    assert indexed(record, None, consumed=101) == (replace(record, due=None), None)


EVENTS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=8)


@settings(deadline=None)
@given(reports=EVENTS, states=st.lists(st.integers(1, 9), max_size=3), seed=st.randoms(use_true_random=False))
def test_the_state_of_an_object_is_no_further_occurrence_whatever_comes_first(
    reports: list[tuple[str, int]], states: list[int], seed: random.Random
) -> None:
    mixed = [*reports, *((STATE, count) for count in states)]
    seed.shuffle(mixed)
    sources, seen = Sources(), 0
    for time, (source, count) in enumerate(mixed):
        sources.add(source, count, float(time))
        assert sources.total >= seen, "a reader never sees it fall"
        seen = sources.total
    events = sum(max(count for source, count in reports if source == name) for name in {name for name, _ in reports})
    assert sources.total == max(events, *states, 0) == sources.copy().total


def test_what_the_state_of_an_object_said_is_kept_with_its_problem() -> None:
    world = World()
    world.see(Seen(0, "crash-loop"))
    record = decode(world.stored)
    (track,) = record.tracks.values()
    track.base.sources.add(STATE, 7, 0.0)
    (read,) = decode(encode(record)).tracks.values()
    assert (read.base.sources.state, read.base.sources.total) == (7, track.base.sources.total)

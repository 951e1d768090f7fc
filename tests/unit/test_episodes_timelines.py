"""The timelines of docs/episodes.md, played."""

from typing import Any

from shared.episodes.policy import IMMEDIATE, Policies
from tests.support.histories import Seen, World


def _told(world: Any) -> list[list[str]]:
    return [[one.transition for _, one in sorted(revisions.items())] for revisions in world.told.values()]


def test_disorder_within_a_minute() -> None:
    world = World(Policies(IMMEDIATE))
    world.see(Seen(40, "image", count=2))
    world.see(Seen(0, "image", count=1, source=1))
    world.see(Seen(20, ends=("image",)))
    assert _told(world) == [["opened", "updated", "updated"]]
    (episode,) = world.current()
    assert (episode.state, episode.reopened) == ("open", 1)


def test_an_end_before_its_beginning() -> None:
    world = World(Policies(IMMEDIATE))
    world.see(Seen(300, ends=("image",)))
    world.see(Seen(240, "image"))
    assert _told(world) == [["opened", "resolved"]]


def test_a_crash_loop_with_a_hold() -> None:
    world = World(Policies(IMMEDIATE))  # the hold of these histories is 90 seconds
    world.see(Seen(0, "crash-loop"))
    world.see(Seen(30, ends=("crash-loop",)))
    world.see(Seen(100, "crash-loop", count=2))
    world.see(Seen(160, ends=("crash-loop",), count=2))
    world.tick(249)
    assert _told(world) == [["opened", "updated"]]
    world.tick(250)
    assert _told(world) == [["opened", "updated", "resolved"]]
    assert world.current()[0].ended_by == "Fine"


def test_back_within_the_window_and_just_beyond_it_and_later() -> None:
    for back, tick, wanted in (
        (1740, None, [["opened", "resolved", "reopened"]]),
        (1840, 1860, [["opened", "resolved"]]),
        (1840, 1861, [["opened", "resolved"], ["opened"]]),
        (2400, None, [["opened", "resolved"], ["opened"]]),
    ):
        world = World(Policies(IMMEDIATE))
        world.see(Seen(-60, "probe"))
        world.see(Seen(-20, ends=("probe",)))  # held for 20 seconds: over at 0
        world.tick(0)
        world.see(Seen(back, "probe", count=2))
        if tick is not None:
            world.tick(tick)
        assert _told(world) == wanted

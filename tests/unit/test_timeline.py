"""The timeline of an episode: what changed, told by which revision; bounded, and the same after a restart."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.episodes.policy import Policies, Policy
from shared.episodes.stored import decode, encode
from shared.episodes.timeline import MAX_KINDS, MAX_TURNS
from shared.events.episode import Episode
from shared.events.vocabulary import Severity
from tests.support import stories
from tests.support.histories import Seen, World
from tests.support.life import Life, fine, pod, trouble
from tests.support.stories import GROUPED, HELD, PLAIN, told


def whats(one: Episode) -> list[str]:
    return [turn.what for turn in one.timeline]


def newest(episodes: list[Episode], path: str) -> Episode:
    return max((one for one in episodes if one.object.path == path), key=lambda one: one.revision)


def test_a_turn_is_told_once_by_the_revision_that_has_it_first() -> None:
    for episodes in (told(stories.lost_node, HELD), told(stories.late_cause, HELD), told(stories.group, GROUPED)):
        for one in episodes:
            before = [other for other in episodes if other.id == one.id and other.revision < one.revision]
            known = [turn for other in before for turn in other.timeline]
            assert all(turn in known for turn in one.timeline if turn.revision < one.revision)
            assert all(turn not in known for turn in one.timeline if turn.revision == one.revision)


def test_a_cause_that_comes_and_goes_is_a_turn_each() -> None:
    pod_ = newest(told(stories.late_cause, HELD), "Pod/shop/web-1")
    assert whats(pod_) == ["opened", "taken", "freed", "over"]
    assert [turn.after or turn.before for turn in pod_.timeline[1:3]] == ["Node worker-1 is not ready"] * 2


def test_more_affected_than_ever_are_a_turn_and_fewer_or_as_many_again_are_none() -> None:
    node = newest(told(stories.lost_node, HELD), "Node/worker-1")
    assert whats(node) == ["opened", "affected", "affected", "over"]
    assert node.affected_count == 0


def test_messages_in_turn_are_told_once_each_and_at_most_so_many_kinds() -> None:
    async def work(life: Life) -> None:
        for turn in range(60):
            kind = f"k{turn % 2}" if turn < 20 else f"k{turn}"
            seen = trouble(60 * turn, pod(1), "pull", count=turn + 1, fingerprint=kind, message=kind)
            await life.at(60 * turn, seen)

    last = newest(told(work, PLAIN), "Pod/shop/web-1")
    assert whats(last) == ["opened", *["message"] * (MAX_KINDS - 1)]


def test_however_long_it_goes_on_the_first_turn_and_the_latest_are_kept() -> None:
    async def work(life: Life) -> None:
        for turn in range(40):
            await life.at(900 * turn, trouble(900 * turn, pod(1), "probe", count=turn + 1))
            await life.at(900 * turn + 60, fine(900 * turn + 60, pod(1)))

    last = newest(told(work, Policies(Policy(flap=None))), "Pod/shop/web-1")
    assert len(last.timeline) == MAX_TURNS
    assert last.timeline[0].what == "opened"
    assert [turn.revision for turn in last.timeline[1:]] == sorted(turn.revision for turn in last.timeline[1:])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(["bad", "good", "worse"])), max_size=20))
def test_a_record_keeps_its_timeline_over_a_restart(steps: list[tuple[int, str]]) -> None:
    world = World()
    for number, (time, what) in enumerate(sorted(steps)):
        severity: Severity = "critical" if what == "worse" else "medium"
        seen = (
            Seen(time, "", ("image",)) if what == "good" else Seen(time, "image", severity=severity, count=number + 1)
        )
        world.see(seen)
        record = decode(world.stored)
        assert decode(encode(record)) == record
    for one in world.current():
        assert one.timeline[0].what == "opened"
        assert max(turn.revision for turn in one.timeline) <= one.revision


def test_a_record_of_before_there_was_a_timeline_is_read_and_goes_on() -> None:
    world = World()
    world.see(Seen(0, "image"))
    value = orjson.loads(world.stored)
    for row in value["tracks"]:
        del row[11:], row[7][12:]
    world.stored = orjson.dumps(value)
    world.see(Seen(100, "image", severity="critical", count=2))
    (one,) = world.current()
    assert "severity" in whats(one)

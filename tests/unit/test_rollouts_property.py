"""Within a minute neither order nor repetition of what is heard of a roll-out makes a difference."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.episodes import rollouts
from shared.episodes.rollout_record import Rollout
from shared.events.change import Change
from shared.events.model import Classified
from tests.support.rollouts import DONE, MOVES, START, STUCK, deployment, seen, upgraded

Facts = list[Classified]


@st.composite
def histories(draw: st.DrawFn) -> Facts:
    """Return what is heard of one Deployment in a minute: changes of its template, and how they went."""
    versions = [upgraded()[0]]
    at, number = 0.0, 1
    for turn in range(draw(st.integers(1, 4))):
        for step in draw(st.lists(st.sampled_from(["template", MOVES, DONE, STUCK]), min_size=1, max_size=4)):
            at += draw(st.sampled_from([0.5, 1.0, 4.0]))
            number += 1
            behind = step == "template"
            image = f"web:{number}" if behind else versions[-1][1]["spec"]["template"]["spec"]["containers"][0]["image"]
            reason = DONE if behind else step
            versions.append((at, deployment(number, image, reason, turn, generation=number, behind=behind)))
    return seen(versions)


def states(found: Facts, end: float = 59.0) -> list[dict[str, Any]]:
    """Return the changes as they stand in the end, but for what the first word on each decides: its id."""
    held: Rollout | None = None
    for one in found:
        held = rollouts.step(held, one, START).rollout
    held = None if held is None else rollouts.tick(held, START + end).rollout
    return [] if held is None else [one.model_dump(exclude={"id", "revision"}) for one in _at_hand(held)]


def _at_hand(held: Rollout) -> list[Change]:
    told = rollouts._settle(held).rollout or held
    return [rollouts._change(told, core, known) for core, known in rollouts._matched(told) if known is not None]


@given(histories(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_within_a_minute_makes_no_difference(found: Facts, random: Any) -> None:
    shuffled = random.sample(found, len(found))
    assert states(shuffled) == states(found)


@given(histories(), st.data())
@settings(deadline=None)
def test_repetition_makes_no_difference_and_tells_nothing_new(found: Facts, data: Any) -> None:
    again = data.draw(st.lists(st.sampled_from(found), max_size=6)) if found else []
    assert states([*found, *again]) == states(found)


@given(histories())
@settings(deadline=None)
def test_revisions_only_grow_and_one_change_runs_at_a_time(found: Facts) -> None:
    held: Rollout | None = None
    seen_: dict[str, int] = {}
    running: set[str] = set()
    for one in found:
        done = rollouts.step(held, one, START)
        held = done.rollout
        for change in done.changes:
            assert change.revision == seen_.get(change.id, 0) + 1
            seen_[change.id] = change.revision
            (running.add if change.state == "running" else running.discard)(change.id)
        assert len(running) <= 1


@given(histories())
@settings(deadline=None)
def test_nothing_runs_for_ever(found: Facts) -> None:
    states_ = states(found, 10**7)
    assert all(one["state"] in {"completed", "failed"} for one in states_)


@given(histories(), st.integers(0, 20))
@settings(deadline=None)
def test_being_stored_in_between_makes_no_difference(found: Facts, at: int) -> None:
    held: Rollout | None = None
    told: list[Change] = []
    plain: list[Change] = []
    other: Rollout | None = None
    for number, one in enumerate(found):
        done = rollouts.step(held, one, START)
        held, told = done.rollout, [*told, *done.changes]
        if number == at and held is not None:
            held = rollouts.decode(rollouts.encode(held))
        done = rollouts.step(other, one, START)
        other, plain = done.rollout, [*plain, *done.changes]
    assert told == plain

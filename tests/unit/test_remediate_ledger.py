"""The ledger as a machine: whatever comes in whatever order, no bound is ever passed."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.remediate.hook import Circuit, Hook, Limit
from functions.remediate.ledger import KEPT, MOST, Act, Busy, Granted, Known, Ledger, Refusal, ended, judge, released
from shared.episodes.policy import Match
from tests.support.examples import examples

LEASE = 30.0
HOOK = Hook("h", Match(), "restart", cooldown=600.0, limit=Limit(3, 3600.0), circuit=Circuit(2, 2, 7200.0))


def act(now: float, thing: str = "Deployment/shop/web", episode: str = "e", **changes: object) -> Act:
    values = {"id": f"{episode}-{thing}", "hook": "h", "thing": thing, "episode": episode, "revision": 1}
    return Act.model_validate({**values, "time": now, "since": now, **changes})


STEPS = st.lists(
    st.tuples(
        st.floats(0, 2000),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 5),
        st.sampled_from(["done", "failed", "release", "dies"]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=examples(100))
@given(STEPS)
@example([(0.0, "c", 1, "failed", True), (0.0, "c", 1, "release", True), (0.0, "c", 0, "done", True)])
def test_no_bound_is_ever_passed(steps: list[tuple[float, str, int, str, bool]]) -> None:
    ledger, now, did = Ledger(), 1_000_000.0, list[Act]()
    for pause, thing, episode, how, dry in steps:
        now += pause
        wanted = act(now, thing, f"e{episode}", dry=dry)
        answer = judge(ledger, wanted, HOOK, LEASE)
        if not isinstance(answer, Granted):
            assert isinstance(answer, Known | Busy | Refusal)
            continue
        ledger = answer.ledger
        if how == "release" and not answer.again:
            ledger = released(ledger, answer.act)
            did = [one for one in did if (one.id, one.dry) != (wanted.id, dry)]  # and its failure, which it stood for
            continue
        if not answer.again:
            did.append(answer.act)
        if how != "dies":
            ledger = ended(ledger, answer.act, "done" if how == "done" else "failed", how)
    for real in (True, False):
        acts = [one for one in did if one.dry is real]
        for index, one in enumerate(acts):
            # One that failed may be tried again once people send it again, and then stands for itself.
            before = {other.id: other for other in acts[:index] if other.id != one.id}.values()
            assert all(one.time - other.time >= HOOK.cooldown for other in before if other.thing == one.thing)
            assert len([other for other in before if one.time - other.time < HOOK.limit.within]) < HOOK.limit.acts


def test_what_was_done_is_known_and_another_revision_of_its_episode_has_had_its_share() -> None:
    first = judge(Ledger(), act(0.0), HOOK, LEASE)
    assert isinstance(first, Granted)
    ledger = ended(first.ledger, first.act, "done", "did it")
    again = judge(ledger, act(1.0), HOOK, LEASE)
    assert isinstance(again, Known)
    assert again.act.said == "did it"
    assert judge(ledger, act(9999.0, id="other"), HOOK, LEASE) == Refusal(
        "this episode has had what it may have", told=False
    )


def test_one_that_was_begun_is_busy_until_its_lease_is_over_and_goes_on_under_its_time() -> None:
    first = judge(Ledger(), act(100.0), HOOK, LEASE)
    assert isinstance(first, Granted)
    assert judge(first.ledger, act(100.0 + LEASE - 1), HOOK, LEASE) == Busy()
    again = judge(first.ledger, act(100.0 + LEASE), HOOK, LEASE)
    assert isinstance(again, Granted)
    assert (again.again, again.act.time, again.act.since) == (True, 100.0, 130.0)
    assert judge(again.ledger, act(131.0), HOOK, LEASE) == Busy(), "whoever goes on has a lease of his own"


def test_f07_who_was_frozen_beyond_its_lease_takes_nothing_from_who_went_on() -> None:
    """F07: SIGSTOP, then resume with a stale lease: a late end is refused, but for that it was done."""
    first = judge(Ledger(), act(100.0), HOOK, LEASE)
    assert isinstance(first, Granted)
    again = judge(first.ledger, act(100.0 + LEASE), HOOK, LEASE)
    assert isinstance(again, Granted)
    for ledger in (again.ledger, ended(again.ledger, again.act, "done", "did it")):
        assert released(ledger, first.act) == ledger
        assert ended(ledger, first.act, "failed", "too late") == ledger
    known = judge(ended(again.ledger, first.act, "done", "did it"), act(131.0), HOOK, LEASE)
    assert isinstance(known, Known)


def test_the_same_may_be_tried_again_after_it_failed_once_people_send_it_again() -> None:
    first = judge(Ledger(), act(0.0), HOOK, LEASE)
    assert isinstance(first, Granted)
    ledger = ended(first.ledger, first.act, "failed", "RBAC")
    assert isinstance(judge(ledger, act(HOOK.cooldown), HOOK, LEASE), Granted)


def test_old_acts_are_forgotten_and_too_many_within_a_day_end_it() -> None:
    old = tuple(act(0.0, id=str(number), hook="x", thing=str(number)) for number in range(MOST))
    full = judge(Ledger(acts=old), act(3600.0), HOOK, LEASE)
    assert full == Refusal("2,000 things were done within a day")
    later = judge(Ledger(acts=old), act(90_000.0), HOOK, LEASE)
    assert isinstance(later, Granted)
    assert len(later.ledger.acts) == MOST
    much_later = judge(Ledger(acts=old), act(KEPT), HOOK, LEASE)
    assert isinstance(much_later, Granted)
    assert len(much_later.ledger.acts) == 1


def test_a_full_ledger_fits_into_a_store() -> None:
    acts = tuple(
        act(float(number), id="a" * 26, thing="t" * 100, episode="e" * 40, said="s" * 80) for number in range(MOST)
    )
    assert len(Ledger(acts=acts).model_dump_json()) < 2**20

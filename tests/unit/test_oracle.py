"""The oracle says of each timeline what people would, and agrees with the older one where both have a word."""

from dataclasses import replace
from random import Random

import pytest

from tests.support import histories
from tests.support.oracle import SUMMARY, Fact, Rules, Setting, Ticket, oracle
from tests.support.timelines import arrivals, history, moved

NODE, POD, OTHER = "node", "pod", "other"


def seen(*times: int, key: str = POD) -> list[Fact]:
    """Return problems at these times, each counted up."""
    return [Fact(time, key, count=number) for number, time in enumerate(times, 1)]


def well(*times: int, key: str = POD) -> list[Fact]:
    return [Fact(time, key, problem=False) for time in times]


def rules(**changes: int) -> Setting:
    return Setting(Rules(**changes))


def spans(tickets: list[Ticket]) -> list[tuple[str, list[tuple[int, int | None]]]]:
    return [(ticket.group, ticket.spans) for ticket in tickets]


def test_a_problem_opens_a_ticket_and_its_recovery_closes_it() -> None:
    tickets = oracle([*seen(10), *well(50)], 100)
    assert spans(tickets) == [(POD, [(10, 50)])]
    assert tickets[0].why == "over"


def test_a_ticket_opens_with_the_third_occurrence_and_not_for_two() -> None:
    assert oracle([*seen(10, 20), *well(50)], 100, rules(open_after=3)) == []
    assert spans(oracle(seen(10, 20, 30), 100, rules(open_after=3))) == [(POD, [(30, None)])]


def test_occurrences_count_only_within_their_time() -> None:
    setting = rules(open_after=3, open_within=50)
    assert oracle(seen(10, 50, 90), 200, setting) == []
    assert spans(oracle(seen(10, 60, 70, 80), 200, setting)) == [(POD, [(80, None)])]


def test_repetition_of_a_count_is_no_occurrence() -> None:
    assert oracle([Fact(10, POD), Fact(20, POD), Fact(30, POD)], 100, rules(open_after=2)) == []


def test_what_must_last_gets_its_ticket_when_it_has_happened_often_enough_and_lasted() -> None:
    setting = rules(open_after=2, open_lasting=60)
    assert oracle(seen(10), 200, setting) == []
    assert spans(oracle(seen(10, 20), 200, setting)) == [(POD, [(70, None)])]
    assert spans(oracle(seen(10, 90), 200, setting)) == [(POD, [(90, None)])]
    assert oracle([*seen(10, 20), *well(69)], 200, setting) == []


def test_what_comes_back_must_last_anew() -> None:
    facts = [*seen(10, 60), *well(50)]
    assert spans(oracle(facts, 200, rules(open_lasting=60))) == [(POD, [(120, None)])]


def test_what_was_over_before_anybody_looked_has_its_ticket_if_it_lasted_past_the_wait() -> None:
    setting = Setting(Rules(group_wait=10), every=10)
    assert spans(oracle([*seen(1), *well(12)], 100, setting)) == [(POD, [(20, 20)])]
    assert oracle([*seen(1), *well(11)], 100, setting) == []


def test_a_group_waits_and_takes_in_what_comes_meanwhile() -> None:
    setting = Setting(Rules(group_wait=10), groups={POD: "shop", OTHER: "shop"})
    tickets = oracle([*seen(10), *seen(15, key=OTHER)], 100, setting)
    assert spans(tickets) == [("shop", [(20, None)])]
    assert tickets[0].keys == {POD, OTHER}


def test_what_is_over_within_the_wait_makes_no_ticket() -> None:
    assert oracle([*seen(10), *well(19)], 100, rules(group_wait=10)) == []


def test_a_group_is_over_when_all_of_it_is() -> None:
    setting = Setting(groups={POD: "shop", OTHER: "shop"})
    facts = [*seen(10), *seen(15, key=OTHER), *well(30)]
    assert spans(oracle(facts, 100, setting)) == [("shop", [(10, None)])]
    assert spans(oracle([*facts, *well(40, key=OTHER)], 100, setting)) == [("shop", [(10, 40)])]


def test_the_crash_loop_of_the_page_ends_ten_minutes_after_its_last_start() -> None:
    """docs/episodes.md: BackOff at 0, Started at 1, BackOff at 3, Started at 6 minutes: resolved at 16."""
    tickets = oracle([*seen(0, 180), *well(60, 360)], 1200, rules(hold=600))
    assert spans(tickets) == [(POD, [(0, 960)])]


def test_a_problem_that_nobody_repeats_is_over_after_its_quiet_time() -> None:
    assert spans(oracle(seen(10, 40), 200, rules(resolve_after=60))) == [(POD, [(10, 100)])]


@pytest.mark.parametrize(("back", "expected"), [(150, [(POD, [(10, 50), (150, None)])]),
                                                (151, [(POD, [(10, 50)]), (POD, [(151, None)])])])  # fmt: skip
def test_back_within_the_window_is_the_same_ticket_and_beyond_it_another(
    back: int, expected: list[tuple[str, list[tuple[int, int | None]]]]
) -> None:
    assert spans(oracle([*seen(10, back), *well(50)], 200, rules(reopen_within=100))) == expected


def test_a_problem_that_flaps_has_one_ticket_until_it_is_calm() -> None:
    facts = [*seen(0, 40, 80, 120), *well(20, 60, 100, 140)]
    assert len(oracle(facts, 400)[0].spans) == 4
    (ticket,) = oracle(facts, 400, rules(flap_changes=4, flap_within=100))
    # The fourth end or return is at 80: from then on an end must last for a hundred seconds.
    assert ticket.spans == [(0, 20), (40, 60), (80, 240)]


def test_a_consequence_of_what_is_known_makes_no_ticket() -> None:
    setting = Setting(causes={POD: (NODE,)})
    facts = [*seen(10, key=NODE), *seen(12), *well(50, key=NODE), *well(50)]
    assert spans(oracle(facts, 100, setting)) == [(NODE, [(10, 50)])]


def test_a_cause_that_shows_up_late_takes_the_ticket_of_its_consequence_in() -> None:
    setting = Setting(causes={POD: (NODE,)})
    tickets = oracle([*seen(10), *seen(30, key=NODE)], 100, setting)
    assert spans(tickets) == [(POD, [(10, 30)]), (NODE, [(30, None)])]
    assert (tickets[0].why, tickets[0].cause) == ("consequence", NODE)


def test_a_consequence_that_outlives_its_cause_comes_back_as_the_ticket_that_it_had() -> None:
    setting = Setting(Rules(reopen_within=5), causes={POD: (NODE,)})
    tickets = oracle([*seen(10), *seen(30, key=NODE), *well(60, key=NODE)], 100, setting)
    assert spans(tickets) == [(POD, [(10, 30), (60, None)]), (NODE, [(30, 60)])]


def test_a_consequence_that_had_no_ticket_gets_one_when_it_outlives_its_cause() -> None:
    setting = Setting(Rules(group_wait=10), causes={POD: (NODE,)})
    tickets = oracle([*seen(10, key=NODE), *seen(12), *well(60, key=NODE)], 100, setting)
    assert spans(tickets) == [(NODE, [(20, 60)]), (POD, [(60, None)])]


def test_the_cause_of_a_cause_is_what_a_ticket_names() -> None:
    setting = Setting(causes={POD: (OTHER,), OTHER: (NODE,)})
    facts = [*seen(10), *seen(20, key=OTHER), *seen(20, key=NODE)]
    tickets = oracle(facts, 100, setting)
    assert (tickets[0].group, tickets[0].cause) == (POD, NODE)
    assert [ticket.group for ticket in tickets] == [POD, NODE]


def test_a_cause_that_deserves_no_ticket_takes_nothing_in() -> None:
    setting = Setting(of_key={NODE: Rules(open_after=5)}, causes={POD: (NODE,)})
    assert spans(oracle([*seen(10, key=NODE), *seen(12)], 100, setting)) == [(POD, [(12, None)])]


def test_beyond_the_limit_one_summary_stands_for_the_rest_and_ends_with_them() -> None:
    setting = rules(limit=2, limit_within=50)
    keys = [f"k{number}" for number in range(5)]
    facts = [fact for key in keys for fact in seen(10, key=key)]
    tickets = oracle(facts, 100, setting)
    assert [ticket.group for ticket in tickets] == ["k0", "k1", SUMMARY]
    assert tickets[-1].keys == {"k2", "k3", "k4"}
    ended = oracle([*facts, *(fact for key in keys for fact in well(30, key=key))], 100, setting)
    assert [ticket.open for ticket in ended] == [False, False, False]


def test_what_comes_when_the_limit_is_free_again_has_its_own_ticket() -> None:
    setting = rules(limit=1, limit_within=50)
    tickets = oracle([*seen(10), *seen(70, key=OTHER)], 100, setting)
    assert [ticket.group for ticket in tickets] == [POD, OTHER]


SETTINGS = (
    Setting(Rules(open_after=2, group_wait=5, hold=20, reopen_within=40, flap_changes=4, flap_within=60)),
    Setting(Rules(resolve_after=50, reopen_within=30), causes={POD: (NODE,), OTHER: (NODE,)}),
    Setting(Rules(group_wait=10, limit=2, limit_within=100), groups={POD: "shop", OTHER: "shop"}),
)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("block", range(4))
def test_order_and_repetition_of_the_same_facts_change_nothing(setting: Setting, block: int) -> None:
    for seed in range(block * 8, block * 8 + 8):
        facts = history(seed, (NODE, POD, OTHER), 300)
        expected = oracle(facts, 600, setting)
        arrived = [fact for _, fact in arrivals(facts, seed)]
        assert oracle(arrived, 600, setting) == expected
        for ticket in expected:
            ordered = [moment for span in ticket.spans for moment in span if moment is not None]
            assert ordered == sorted(ordered)


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_group_ever_has_two_open_tickets_and_none_is_open_once_all_is_well(setting: Setting) -> None:
    for seed in range(40):
        facts = history(seed, (NODE, POD, OTHER), 300)
        facts += [Fact(310, key, problem=False) for key in (NODE, POD, OTHER)]
        tickets = oracle(facts, 600, setting)
        assert not any(ticket.open for ticket in tickets)
        for one in tickets:
            others = [other for other in tickets if other is not one and other.group == one.group]
            for begin, end in one.spans:
                assert end is not None
                assert not any(start < end and begin < (stop or 0) for other in others for start, stop in other.spans)


def test_a_history_arrives_at_most_so_late_and_moved_in_time_it_makes_the_same_tickets() -> None:
    facts = history(3, (NODE, POD), 200)
    assert all(fact.time <= at <= fact.time + 60 for at, fact in arrivals(facts, 1))
    here, there = oracle(facts, 400), oracle(moved(facts, 100), 500)
    assert [replace(ticket, spans=[(a + 100, b and b + 100) for a, b in ticket.spans]) for ticket in here] == there


def test_it_agrees_with_the_oracle_of_one_record_where_both_have_a_word() -> None:
    """tests/support/histories.py knows one thing without groups, waits, causes and limits; the rest is the same."""
    conditions = tuple(histories.HOLDS)
    of_key = {
        name: Rules(
            open_after=histories.AFTER[name] or 10**6, hold=histories.HOLDS[name],
            resolve_after=histories.EXPIRES[name], reopen_within=100,
        )
        for name in conditions
    }  # fmt: skip
    tickets_seen = 0
    for seed in range(100):
        chance = Random(seed)  # noqa: S311 -- a simulation
        facts = history(seed, conditions, 900, 25)
        end = 900 + chance.randrange(400)
        theirs = [
            histories.Seen(fact.time, condition=fact.key, count=fact.count)
            if fact.problem
            else histories.Seen(fact.time, ends=(fact.key,))
            for fact in facts
        ]
        rows = histories.oracle(theirs, end=end)
        expected = sorted(state for each in rows.values() for state, _, _, ticket in each if ticket)
        tickets = oracle(facts, end, Setting(of_key=of_key))
        assert sorted("open" if ticket.open else "resolved" for ticket in tickets) == expected, seed
        tickets_seen += len(tickets)
    assert tickets_seen > 160

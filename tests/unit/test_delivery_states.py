"""The state table of tickets, row by row, as the decision takes it; and what the decision does around it."""

from datetime import timedelta
from typing import get_args

import pytest

from shared.delivery.claim import Memory
from shared.delivery.plan import decide, fingerprint, note_of, untouched, written
from shared.delivery.states import TABLE, EpisodeView, RecordView
from shared.delivery.ticket import Found
from tests.support.tickets import START, episode, mark, resolved

EXPECTED = """
open  none              create
open  earlier           adopt
open  later             leave
open  working           update
open  on-hold           update
open  merged            leave
open  ended-by-us       reopen
open  ended-by-people   leave
open  closed-by-us      renew
open  closed-by-people  leave
back  none              create
back  earlier           adopt
back  later             leave
back  working           update
back  on-hold           update
back  merged            note
back  ended-by-us       reopen
back  ended-by-people   reopen
back  closed-by-us      renew
back  closed-by-people  renew
over  none              leave
over  earlier           leave
over  later             leave
over  working           resolve
over  on-hold           note
over  merged            note
over  ended-by-us       leave
over  ended-by-people   leave
over  closed-by-us      leave
over  closed-by-people  leave
"""
ROWS = [tuple(line.split()) for line in EXPECTED.strip().splitlines()]
NOW = {
    "open": episode(5, transition="updated"),
    "back": episode(5, transition="reopened", reopened=1),
    "over": resolved(5),
}
EARLIER = episode(1, start=START - timedelta(days=1))
LATER = episode(1, start=START + timedelta(days=1))
OURS = episode(4)
RECORDS = {
    "none": None,
    "earlier": Found("r1", "T1", "l", "1", "active", mark(EARLIER)),
    "later": Found("r1", "T1", "l", "1", "active", mark(LATER)),
    "working": Found("r1", "T1", "l", "1", "active", mark(OURS)),
    "on-hold": Found("r1", "T1", "l", "1", "on-hold", mark(OURS)),
    "merged": Found("r1", "T1", "l", "1", "closed", mark(OURS), into="r9"),
    "ended-by-us": Found("r1", "T1", "l", "1", "resolved", mark(OURS, standing="over")),
    "ended-by-people": Found("r1", "T1", "l", "1", "resolved", mark(OURS)),
    "closed-by-us": Found("r1", "T1", "l", "1", "closed", mark(OURS, standing="over")),
    "closed-by-people": Found("r1", "T1", "l", "1", "closed", mark(OURS)),
}


@pytest.mark.parametrize(("view", "record", "action"), ROWS)
def test_each_row_of_the_state_table_is_what_is_decided(view: str, record: str, action: str) -> None:
    found = RECORDS[record]
    plan = decide(NOW[view], Memory(), () if found is None else (found,))
    assert (plan.action, plan.applied) == (action, False)


def test_the_table_has_a_row_for_every_combination_and_these_tests_have_them_all() -> None:
    combinations = {(view, record) for view in get_args(EpisodeView) for record in get_args(RecordView)}
    assert set(TABLE) == combinations == {(view, record) for view, record, _ in ROWS}


def test_f54_a_closed_ticket_of_an_earlier_episode_is_not_touched_and_a_new_one_is_created() -> None:
    """F54: store wiped while last month's ticket of the same problem is closed.

    a new episode gets a new ticket; the old one is not touched.
    """
    for standing in ("resolved", "closed"):
        old = Found("r1", "T1", "l", "1", standing, mark(EARLIER, standing="over"))
        plan = decide(NOW["open"], Memory(), (old,))
        assert (plan.action, plan.target, plan.extras) == ("create", None, ())


def test_f55_of_two_active_tickets_the_oldest_stays_and_ours_gives_way() -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """
    first = Found("r2", "T2", "l", "1", "active", mark(OURS))
    second = Found("r1", "T1", "l", "2", "active", mark(OURS))
    plan = decide(OURS, Memory(), (second, first))
    assert (plan.target, plan.extras) == (first, (second,))


def test_two_tickets_of_the_same_second_are_decided_by_their_id_so_that_all_replicas_agree() -> None:
    pair = [Found(ref, ref, "l", "1", "active", mark(OURS)) for ref in ("rb", "ra")]
    for order in (pair, pair[::-1]):
        plan = decide(OURS, Memory(), order)
        assert plan.target is not None
        assert (plan.target.ref, [one.ref for one in plan.extras]) == ("ra", ["rb"])


def test_another_episodes_ticket_is_never_cancelled() -> None:
    own = Found("r1", "T1", "l", "1", "active", mark(OURS))
    other = Found("r2", "T2", "l", "2", "active", mark(EARLIER))
    assert decide(OURS, Memory(), (own, other)).extras == ()


def test_a_second_ticket_that_we_cancelled_counts_for_nothing() -> None:
    void = Found("r1", "T1", "l", "1", "closed", mark(OURS, standing="void"))
    assert decide(NOW["open"], Memory(), (void,)).action == "create"


def test_f23_an_older_snapshot_never_overwrites_a_newer_one_even_where_only_the_ticket_remembers() -> None:
    """F23, word for word.

    updates out of order (rv 7 before rv 5) | older update never overwrites newer; noted as work note or ignored
    """
    newer = Found("r1", "T1", "l", "1", "active", mark(episode(7)))
    assert decide(episode(5), Memory(), (newer,)).applied
    assert not decide(episode(8), Memory(), (newer,)).applied


def test_what_people_changed_stays_and_what_is_ours_is_written_over() -> None:
    found = Found("r1", "T1", "l", "1", "active", mark(OURS), {"title": "t", "urgency": "high"})
    memory = Memory(record="r1", written=written({"title": "t", "urgency": "high"}, found, Memory(), frozenset()))
    by_hand = Found("r1", "T1", "l", "1", "active", mark(OURS), {"title": "ours now", "urgency": "high"})
    wanted = {"title": "new", "urgency": "critical", "work_notes": "n"}
    assert untouched(wanted, by_hand, memory, frozenset({"work_notes"})) == {"urgency": "critical", "work_notes": "n"}


def test_without_a_memory_of_our_writes_only_empty_fields_are_written() -> None:
    found = Found("r1", "T1", "l", "1", "active", mark(OURS), {"title": "t", "urgency": ""})
    assert untouched({"title": "new", "urgency": "high"}, found, Memory(), frozenset()) == {"urgency": "high"}


def test_a_field_that_no_reading_shows_is_sent_where_it_differs_from_what_was_written() -> None:
    found = Found("r1", "T1", "l", "1", "active", mark(OURS), {"list": ""}, unread=frozenset({"list"}))
    memory = Memory(record=found.ref, written={"list": fingerprint("a")})
    assert untouched({"list": "a"}, found, memory, frozenset()) == {}
    assert untouched({"list": "a b"}, found, memory, frozenset()) == {"list": "a b"}
    assert untouched({"list": "a"}, found, Memory(), frozenset()) == {"list": "a"}, "another record"
    assert written({"list": "a"}, found, memory, frozenset()) == {"list": fingerprint("")}, "it is said not to be"


def test_a_note_is_wanted_when_something_changed_for_people_and_never_for_a_mere_count() -> None:
    assert len({note_of(episode(count=count)) for count in range(1, 51)}) == 1
    more = {"revision": 2, "time": START, "what": "affected", "before": "0", "after": "3"}
    assert note_of(episode()) != note_of(episode(2, timeline=[more]))
    assert note_of(episode()) != note_of(episode(severity="critical"))
    assert note_of(episode()) == note_of(episode(9, message="another text", reason="Failed"))


def test_of_a_merged_ticket_only_what_people_are_told_is_written() -> None:
    wanted = {"urgency": "1", "work_notes": "over"}
    assert untouched(wanted, RECORDS["merged"], Memory(), frozenset({"work_notes"})) == {"work_notes": "over"}  # type: ignore[arg-type]

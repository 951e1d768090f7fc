"""A bulk call loses no record and answers each once; a credential that was refused is left in peace for a while."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.bulk import MOST_CALLS, Bulk
from shared.destinations import refusals
from shared.destinations.refusals import Refusals
from shared.events.outcome import Done, Outcome, Rejected, Retry

BAD = Rejected("x", "bad")


@given(st.lists(st.booleans(), max_size=MOST_CALLS // 2))
def test_halving_finds_exactly_the_bad_records_and_each_is_sent_at_last(bad: list[bool]) -> None:
    records = [b"bad" if one else b"good" for one in bad]
    call = Bulk(records)
    while (part := call.next()) is not None:
        call.calls += 1
        if b"bad" in call.content(part):
            call.split(part, BAD)
        else:
            call.settle(part, Done())
    assert call.outcomes() == [BAD if one else Done() for one in bad]
    assert call.calls <= 2 * len(bad)


@given(st.lists(st.booleans(), max_size=40), st.booleans())
def test_striking_goes_on_behind_the_bad_record_and_sends_again_what_was_before_it_where_wanted(
    bad: list[bool],
    keep: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    call = Bulk([b"bad" if one else b"good" for one in bad])
    sent: list[int] = []
    while (part := call.next()) is not None:
        stop = next((at for at, place in enumerate(part) if call.records[place] == b"bad"), None)
        sent += part[:stop]
        if stop is None:
            call.settle(part, Done())
        else:
            call.strike(part, stop, BAD, keep_earlier=keep)
    assert call.outcomes() == [BAD if one else Done() for one in bad]
    good = [place for place, one in enumerate(bad) if not one]
    assert sorted(set(sent)) == good
    assert not keep or sorted(sent) == good, "none of them twice"


def test_giving_up_leaves_alone_what_is_decided() -> None:
    call = Bulk([b"a", b"b", b"c"])
    call.settle((1,), Done())
    call.give_up(Retry("later"))
    assert call.outcomes() == [Retry("later"), Done(), Retry("later")]
    assert call.next() is None


def test_f58_a_call_that_was_posted_too_often_is_given_up_and_what_was_settled_stays() -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected, without a storm."""
    call = Bulk([b"bad"] * (2 * MOST_CALLS))
    while (part := call.next()) is not None:
        call.calls += 1
        call.split(part, BAD)
    assert call.calls == MOST_CALLS
    assert set(call.outcomes()) == {BAD, Retry("too many bad events in one batch")}


def test_what_was_never_posted_comes_again() -> None:
    expected: list[Outcome] = [Retry("not sent")]
    assert Bulk([b"a"]).outcomes() == expected
    assert Bulk([]).next() is None


def test_f36_a_refused_credential_is_left_in_peace_and_another_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """F36: credential expired mid-run (401): then 503; no lock-out of account (max 1/min); re-read on change."""
    monkeypatch.setattr(refusals, "CALM", 0.05)

    async def use() -> list[bool]:
        known = Refusals()
        before = known.holds("a")
        known.note("a")
        during = [known.holds("a"), known.holds("b"), known.holds(None)]
        await asyncio.sleep(0.06)
        return [before, *during, known.holds("a")]

    assert asyncio.run(use()) == [False, True, False, False, False]

"""The judge of the conservation runs can say no: each kind of loss, doubling and change is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest

from tests.support.harness.judge import Arrived, Expected, Record, fields_by_key, judge, problem_of, read
from tests.support.harness.killer import Plan
from tests.support.harness.workload import SECRET, Problem, workload

BEGUN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LASTING = Problem("aaaa", "node-1", ends=False, once=True)
ENDED = Problem("bbbb", "node-2", ends=True, once=False)
BRIEF = Problem("cccc", "node-3", ends=True, once=True, brief=True)


def record(identity: str, **event: str) -> Record:
    return read({"seq": 7, "time": "1", "event": {"event_id": identity, "message": "fine", **event}, "fields": {}})


def ticket(problem: Problem, number: str = "INC1", **fields: str) -> dict[str, str]:
    return {
        "number": number,
        "sys_id": f"id of {number}",
        "state": "6" if problem.ends else "1",
        "correlation_id": f"{problem.key}-1lg9nbs",
        "correlation_display": f"tidings:{problem.key}:1:0:o",
        "short_description": f"{problem.name} is not ready",
        "description": "First seen: 12:00\nOccurrences: 3\nRule: node-not-ready",
        **fields,
    }


RECORDS = [record("one"), record("two")]
TICKETS = [ticket(LASTING), ticket(ENDED, "INC2")]
PROBLEMS = (LASTING, ENDED, BRIEF)
EXPECTED = Expected(
    accepted={"one", "two"},
    posted={"one", "two", "three"},
    problems=PROBLEMS,
    payloads={item.identity: item.content for item in (*RECORDS, record("three"))},
    fields=fields_by_key(PROBLEMS, TICKETS),
)
GOOD = Arrived(RECORDS, TICKETS)


def test_what_is_as_it_should_be_is_not_complained_of() -> None:
    assert judge(EXPECTED, GOOD) == []


@pytest.mark.parametrize(
    ("what", "spoil"),
    [
        ("1 accepted and not arrived: two", lambda: replace(GOOD, records=RECORDS[:1])),
        ("1 arrived and never posted: stranger", lambda: replace(GOOD, records=[*RECORDS, record("stranger")])),
        (
            "1 arrived with another payload: two",
            lambda: replace(GOOD, records=[*RECORDS, record("two", message="changed")]),
        ),
        ("1 arrived with a secret: one", lambda: replace(GOOD, records=[*RECORDS, record("one", message=SECRET)])),
        ("1 problems without an incident: aaaa", lambda: replace(GOOD, tickets=TICKETS[1:])),
        (
            "1 problems with several incidents: aaaa",
            lambda: replace(GOOD, tickets=[*TICKETS, ticket(LASTING, "INC3")]),
        ),
        (
            "1 incidents of no problem: dddd",
            lambda: replace(GOOD, tickets=[*TICKETS, ticket(Problem("dddd", "x", ends=False, once=True), "INC3")]),
        ),
        ("1 incidents in a wrong state: bbbb", lambda: _with_second(ticket(ENDED, "INC2", state="1"))),
        ("1 incidents with other fields: bbbb", lambda: _with_second(ticket(ENDED, "INC2", short_description="?"))),
        (
            "1 incidents that we did not cancel: INC3",
            lambda: replace(GOOD, tickets=[*TICKETS, ticket(LASTING, "INC3", state="8")]),
        ),
        ("2 dead letters", lambda: replace(GOOD, letters=2)),
    ],
)
def test_what_is_wrong_is_told(what: str, spoil: Callable[[], Arrived]) -> None:
    told = judge(EXPECTED, spoil())
    assert what in told
    assert len(told) == 1 or "secret" in what, "nothing else is wrong"


def test_a_record_that_the_undisturbed_run_did_not_have_is_not_compared_with_itself() -> None:
    """One finding for it, once; without any payloads nothing is compared."""
    lacking = replace(EXPECTED, payloads={"one": RECORDS[0].content})
    doctored = replace(GOOD, records=[*RECORDS, record("two", message="changed")])
    assert judge(lacking, doctored) == ["1 arrived and not in the undisturbed run: two"]
    assert judge(replace(EXPECTED, payloads={}), doctored) == []


def _with_second(second: dict[str, str]) -> Arrived:
    return replace(GOOD, tickets=[TICKETS[0], second])


def test_what_is_allowed_is_not_complained_of() -> None:
    """Copies that are equal, an event whose acceptance nobody saw, a second incident that we cancelled.

    And no incident for a problem that ended before anybody could be told, and how often it had been seen by then.
    """
    void = ticket(LASTING, "INC3", state="8", correlation_display=f"tidings:{LASTING.key}:1:0:v")
    earlier = ticket(ENDED, "INC2", description="First seen: 12:01\nOccurrences: 9\nRule: node-not-ready")
    arrived = Arrived([*RECORDS, record("one"), record("three")], [TICKETS[0], earlier, void])
    assert judge(EXPECTED, arrived) == []


def test_of_a_problem_that_was_told_of_once_every_field_counts() -> None:
    other = ticket(LASTING, description="First seen: 12:01\nOccurrences: 9\nRule: node-not-ready")
    assert judge(EXPECTED, replace(GOOD, tickets=[other, TICKETS[1]])) == ["1 incidents with other fields: aaaa"]


def test_the_same_seed_gives_the_same_stream_and_the_same_plan() -> None:
    assert workload(5, 300, 40, BEGUN) == workload(5, 300, 40, BEGUN)
    assert workload(5, 300, 40, BEGUN) != workload(6, 300, 40, BEGUN)
    plan = Plan(5, troubles=("kill", "freeze", "fault", "store"))
    assert list(islice(plan.strikes(), 50)) == list(islice(plan.strikes(), 50))
    assert list(islice(plan.strikes(), 50)) != list(islice(replace(plan, seed=6).strikes(), 50))


def test_a_stream_holds_what_was_asked_for_and_ends_its_problems_later() -> None:
    stream = workload(5, 300, 40, BEGUN)
    assert len(stream.posts) + len(stream.later) == 300
    assert len(stream.identities) == 300, "no two events are the same one"
    assert len({problem.key for problem in stream.problems}) == 40
    lasting = [problem for problem in stream.problems if problem.ends and not problem.brief]
    assert lasting
    for problem in lasting:
        first = [post for post in stream.posts if problem.name.encode() in post.body]
        assert all(b"password=" in post.body for post in first)
        assert any(f'"name": "{problem.name}"'.encode() in post.body for post in stream.later)


def test_a_plan_strikes_every_process_before_it_strikes_one_twice() -> None:
    targets = [strike.target for strike in islice(Plan(3).strikes(), 14)]
    assert len(set(targets[:7])) == len(set(targets[7:])) == 7
    pauses = [strike.at for strike in islice(Plan(3).strikes(), 200)]
    assert all(1.0 <= later - earlier <= 2.0 for earlier, later in pairwise(pauses))
    assert problem_of(ticket(LASTING)) == "aaaa"

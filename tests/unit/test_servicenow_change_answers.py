"""What answers of the change management API mean, and which state is next."""

from typing import Any

import httpx2
import pytest

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.change_record import (
    CLOSED,
    IMPLEMENT,
    Following,
    judge_conflicts,
    judge_following,
    judge_patched,
    standing_of,
    step_to,
)


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, httpx2.Headers({}), b"", body)


def test_numbers_and_truths_are_read_as_the_table_api_has_them(caplog: pytest.LogCaptureFixture) -> None:
    fields = {"state": -1.0, "on_hold": True, "sys_id": "s", "risk": 2, "parent": None, "number": "CHG1"}
    result: dict[str, Any] = {name: {"value": value, "display_value": "x"} for name, value in fields.items()}
    found = judge_patched(answer({"result": {**result, "__meta": {"ignoredFields": ["u_x"]}}}), 0)
    assert found == Rows(
        ({"state": "-1", "on_hold": "true", "sys_id": "s", "risk": "2", "parent": "", "number": "CHG1"},)
    )
    assert "left out fields" in caplog.text


@pytest.mark.parametrize("body", [None, [], {}, {"result": 7}, {"result": []}, {"result": {"number": {"value": "x"}}}])
def test_an_answer_without_a_record_leaves_a_doubt(body: Any) -> None:
    assert isinstance(judge_patched(answer(body), 0), Ambiguous)
    assert isinstance(judge_following(answer(body), 0), Temporary)
    assert isinstance(judge_conflicts(answer(body), 0), Temporary)


def test_a_refusal_is_one() -> None:
    assert isinstance(judge_following(answer({"error": {"message": "no"}}, 403), 0), Refused)


def transition(to: str, *, available: bool) -> dict[str, Any]:
    return {"to_state": to, "transition_available": available}


@pytest.mark.parametrize(
    ("transitions", "states"),
    [
        (None, {"0", "4", "-1"}),
        ([[transition("0", available=False)]], {"4", "-1"}),
        ([[transition("0", available=False), transition("0", available=True)]], {"0", "4", "-1"}),
        ([7, [None]], {"0", "4", "-1"}),
    ],
)
def test_a_state_may_follow_where_one_of_its_transitions_is_available(transitions: Any, states: set[str]) -> None:
    body = {"available_states": ["0", "4", "-1"], "state_transitions": transitions}
    assert judge_following(answer({"result": body}), 0) == Following(frozenset(states))


@pytest.mark.parametrize(
    ("target", "state", "states", "step"),
    [
        (IMPLEMENT, "-5", {"-4", "4"}, "-4"),
        (IMPLEMENT, "-5", {"-2", "-4"}, "-2"),
        (IMPLEMENT, "-2", {"-1", "0"}, "-1"),
        (IMPLEMENT, "-4", {"-5", "4"}, ""),
        (IMPLEMENT, "0", {"3"}, ""),
        (CLOSED, "0", {"3", "4"}, "3"),
        (CLOSED, "-1", {"0", "4"}, "0"),
        (CLOSED, "17", {"3"}, ""),
    ],
)
def test_the_next_state_is_the_furthest_on_the_way_that_may_follow(
    target: str, state: str, states: set[str], step: str
) -> None:
    assert step_to(target, state, Following(frozenset(states))) == step


def test_in_review_it_is_worked_on_until_we_told_of_the_end() -> None:
    assert standing_of({"state": "0"}, over=False) == "active"
    assert standing_of({"state": "0"}, over=True) == "resolved"
    assert standing_of({"state": "-1", "on_hold": "true"}, over=False) == "on-hold"
    assert [standing_of({"state": state}, over=False) for state in "34"] == ["closed", "closed"]


def test_conflicts_are_lines_for_people() -> None:
    rows = [
        {"type": {"display_value": "Blackout"}, "conflicting_change": {"display_value": "CHG0030001"}},
        {"type": {"display_value": "Not In Maintenance Window"}},
        7,
    ]
    found = judge_conflicts(answer({"result": {"status": "Conflict", "conflicts": rows}}), 0)
    assert found == ("Blackout: CHG0030001", "Not In Maintenance Window")

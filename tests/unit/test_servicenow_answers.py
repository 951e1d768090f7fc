"""ServiceNow's answers and marks are read: each answer has its class, each wait a bound."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from shared.delivery.failure import Ambiguous, Gone, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.servicenow.answers import Rows, judge
from shared.destinations.servicenow.event_record import Posted, judge_events
from shared.destinations.servicenow.record import display_of, mark_of
from tests.support.tickets import START, episode, mark


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, httpx2.Headers(named), b"", body)


UNIQUE = {"error": {"message": "Operation Failed", "detail": "Unique Key violation detected by database (...)"}}


@pytest.mark.parametrize(
    ("method", "given", "meaning"),
    [
        ("GET", answer(200, {"result": []}), Rows),
        ("POST", answer(201, {"result": {"sys_id": "1"}}), Rows),
        ("GET", answer(200, None), Temporary),
        ("POST", answer(200, None), Ambiguous),
        ("POST", answer(201, {"result": "text"}), Ambiguous),
        ("POST", answer(201, {"result": [1]}), Ambiguous),
        ("POST", answer(408), Temporary),
        ("POST", answer(429), Temporary),
        ("POST", answer(503), Temporary),
        ("POST", answer(500), Ambiguous),
        ("POST", answer(502), Ambiguous),
        ("PATCH", answer(504), Ambiguous),
        ("GET", answer(500), Temporary),
        ("PATCH", answer(404), Gone),
        ("GET", answer(404), Refused),
        ("POST", answer(400), Refused),
        ("POST", answer(403), Refused),
        ("POST", answer(403, UNIQUE), Ambiguous),
        ("POST", answer(422), Refused),
    ],
)
def test_each_answer_has_its_class(method: str, given: Answer, meaning: type) -> None:
    assert isinstance(judge(method, given, 0.0), meaning)


def test_a_wait_is_read_from_either_header_and_is_bounded() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert judge("GET", answer(429, retry_after="7"), now) == Temporary("asked to come later", 7.0)
    assert judge("GET", answer(429, x_ratelimit_reset=str(int(now) + 60)), now) == Temporary("asked to come later", 60)
    assert judge("GET", answer(429, x_ratelimit_reset=str(int(now) - 60)), now) == Temporary("asked to come later", 0)
    assert judge("GET", answer(429, retry_after="999999"), now) == Temporary("asked to come later", 3600.0)


def test_a_mark_survives_the_record_and_a_foreign_text_is_no_mark() -> None:
    for standing in ("open", "over", "void"):
        one = mark(episode(7, start=START, reopened=2), standing=standing)
        row = {"correlation_id": one.episode, "correlation_display": display_of(one)}
        assert len(row["correlation_display"]) <= 100
        assert mark_of(row, one.problem) == one
    assert mark_of({"correlation_id": "x-1", "correlation_display": "someone's"}, "x").revision == 0


@pytest.mark.parametrize(
    ("body", "count", "passes"),
    [
        ({"error": {"message": "Transaction cancelled: maximum execution time exceeded"}}, 1, True),
        ({"error": {"message": "Transaction cancelled: maximum execution time exceeded"}}, 20, True),
        ({"error": "Quota rule: too many requests required"}, 20, True),
        ({"status": "failure"}, 1, True),
        ({"status": "failure"}, 20, False),
        ({"error": {"message": "Something went wrong"}}, 1, True),
        ({"error": {"message": "Something went wrong"}}, 20, False),
        ({"error": {"message": "Exception while reading request", "detail": "Invalid JSON"}}, 1, False),
        ({"__error": {"message": "no", "reason": "source is missing"}}, 1, False),
    ],
)
def test_an_error_of_a_whole_call_of_events_passes_unless_it_is_a_records_own_fault(
    body: object, count: int, *, passes: bool
) -> None:
    found = judge_events(answer(200, body), 0.0, count)
    assert found == (Temporary("Event Management could not take it now", 30.0) if passes else Posted(None))

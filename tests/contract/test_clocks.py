"""`tidings doctor` names clocks that do not agree, of each foreign system whose answers tell its time."""

import re
import time
from typing import Any

import pytest

from shared.destinations.clock import MOST, Clock
from shared.destinations.finding import Finding
from tests.support.rigs.place import placed
from tests.support.rigs.registry import NOTICES, RECORDS, TICKETS, UPSERTS
from tests.support.rigs.transport import over_http

RIGS: dict[str, Any] = {**TICKETS, **RECORDS, **UPSERTS, **NOTICES}
_DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
_NOON = 1_772_366_400.0


def findings(name: str) -> list[Finding]:
    with placed(RIGS[name]) as place:
        found: list[Finding] = place.play(lambda deliver: deliver.function.check())
        return found


@pytest.mark.parametrize("name", over_http(RIGS))
def test_clocks_that_agree_are_said_to(name: str) -> None:
    found = findings(name)
    assert (True, "the clocks agree") in found
    assert not any(good is False for good, _ in found)


@pytest.mark.parametrize(("hours", "said"), [(1, "ahead of"), (-1, "behind")])
@pytest.mark.parametrize("name", over_http(RIGS))
def test_a_clock_that_is_wrong_is_named(name: str, hours: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock.__init__, "__defaults__", (lambda: time.time() + hours * 3600,))
    (bad,) = [text for good, text in findings(name) if good is False]
    assert re.fullmatch(rf"the clock here is 3[56]\d\d s {said} theirs.*: check the clocks on both sides", bad), bad


def told(now: float, date: str) -> list[Finding]:
    clock = Clock(lambda: now)
    clock.note(date)
    return clock.lines()


@pytest.mark.parametrize(
    ("skew", "good"), [(0.0, True), (MOST, True), (-MOST, True), (MOST + 1, False), (-MOST - 1, False)]
)
def test_clocks_may_differ_by_a_minute(skew: float, *, good: bool) -> None:
    assert [known for known, _ in told(_NOON + skew, _DATE)] == [good]


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Sun, 01 Mar 99999 12:00:00 GMT", "\x00", "Sun, 32 Mar 2026 1:0:0 GMT"]
)
def test_a_system_that_tells_no_time_is_neither_good_nor_bad(date: str) -> None:
    assert told(_NOON, date) == [(None, "it does not tell its time: whether the clocks agree cannot be seen")]


def test_without_an_answer_nothing_is_said_of_clocks() -> None:
    assert Clock().lines() == []


def test_syslog_tells_no_time_and_the_doctor_says_so() -> None:
    assert (None, "syslog tells no time: whether the clocks agree cannot be seen") in findings("qradar_forwarder")

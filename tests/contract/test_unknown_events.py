"""Events of operators that no rule was written for are judged as someone who has been on call for years judges them."""

from pathlib import Path

import pytest

from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import SHIPPED
from tests.support import unknown_events
from tests.support.leave_out import FIELDS, fields_of
from tests.support.unknown_events import Judged

_FILES = sorted(Path(__file__).parent.glob("unknown_events*.yaml"))
_MEAN = 0.98
_TICKET = 0.97
_MOST_KNOWN = 0.1


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    loaded = load([SHIPPED], own=False)
    assert not loaded.problems
    return loaded.ruleset


@pytest.fixture(scope="module")
def events() -> list[Judged]:
    return [event for file in _FILES for event in unknown_events.events(file)]


def test_the_verdict_is_that_of_someone_who_knows(ruleset: RuleSet, events: list[Judged]) -> None:
    assert len(events) >= 1000
    right = dict.fromkeys(FIELDS, 0)
    wrong: list[str] = []
    for _, observation, wanted in events:
        got = fields_of(classify(observation, ruleset))
        for name in FIELDS:
            right[name] += got[name] == wanted[name]
            if got[name] != wanted[name]:
                wrong.append(f"{observation.object.kind} {observation.reason}: {name} {got[name]}, not {wanted[name]}")
    told = "\n".join(wrong)
    assert sum(right.values()) >= _MEAN * len(events) * len(FIELDS), told
    assert right["ticket"] >= _TICKET * len(events), told


def test_no_rule_was_written_for_them(ruleset: RuleSet, events: list[Judged]) -> None:
    """Else they would measure the rules: only words that mean the same everywhere, as of the API server, are known."""
    known = [verdict.rule for verdict in (classify(each.observation, ruleset) for each in events) if verdict.known]
    assert len(known) <= _MOST_KNOWN * len(events), known

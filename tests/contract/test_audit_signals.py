"""Every signal of the audit log is found by its condition, and ordinary traffic is nobody's problem."""

import re
from pathlib import Path
from typing import Any

import pytest

from shared.events.model import Verdict
from shared.events.redaction import redact
from shared.events.vocabulary import severity_rank
from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import SHIPPED
from shared.sources.audit.visibility import SIGNALS as VISIBLE
from tests.support.catalogue import places
from tests.support.signal_records import OTHER_FORMS, SIGNALS
from tests.support.signals import Change, Row, ordinary, record, rows, seen

ORDINARY = list(ordinary())
EVERY_FORM = [*((name, signal.shows) for name, signal in SIGNALS.items()), *OTHER_FORMS]
EVERY_MISS = [(name, {**signal.shows, **miss}) for name, signal in SIGNALS.items() for miss in signal.misses]


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules as their YAML stands."""
    loaded = load([SHIPPED], own=False)
    assert not loaded.problems, "\n".join(map(str, loaded.problems))
    return loaded.ruleset


@pytest.fixture(scope="module")
def table(shared_data: Path) -> dict[str, Row]:
    """Return the rows of the reference by their name."""
    return {row.signal: row for row in rows(shared_data)}


def _judged(payload: dict[str, Any], ruleset: RuleSet) -> Verdict:
    observation = seen(payload)
    assert observation is not None, "it is carried"
    return classify(observation, ruleset)


def test_every_row_of_the_reference_has_a_record(table: dict[str, Row]) -> None:
    assert set(table) == set(SIGNALS)
    assert all(signal.misses for signal in SIGNALS.values()), "and records that miss it by one condition"


@pytest.mark.parametrize(("signal", "change"), EVERY_FORM)
def test_a_signal_is_found_as_the_reference_judges_it(
    signal: str, change: Change, ruleset: RuleSet, table: dict[str, Row]
) -> None:
    row, payload = table[signal], record(change)
    assert row.stages == ("any",) or payload["stage"] in row.stages
    verdict = _judged(payload, ruleset)
    assert verdict.known
    assert f"{verdict.category}/{verdict.subcategory}" in places(row.category, row.subcategory), verdict.rule
    assert severity_rank(verdict.severity) == row.severity, verdict.rule
    assert verdict.rule != "audit-request"


@pytest.mark.parametrize(("signal", "change"), [each for each in EVERY_FORM if each[0] in SIGNALS])
def test_the_record_of_a_signal_has_the_words_of_the_reference(
    signal: str, change: Change, table: dict[str, Row]
) -> None:
    row, payload = table[signal], record(change)
    if row.regex_field == "responseStatus.message":
        assert re.search(row.regex, payload["responseStatus"]["message"])
    elif row.regex_field == "annotation-key" and signal != "openshift_unready_request":
        assert any(re.search(row.regex, key) for key in payload["annotations"])
    elif row.regex_field.startswith("annotations["):
        assert re.search(row.regex, payload["annotations"][row.regex_field[len("annotations[") : -1]])


@pytest.mark.parametrize(("signal", "change"), EVERY_MISS)
def test_a_near_miss_is_not_taken_for_the_signal(signal: str, change: Change, ruleset: RuleSet) -> None:
    shown, missed = _judged(record(SIGNALS[signal].shows), ruleset), seen(record(change))
    if missed is None:
        return  # a stage that a later one repeats
    verdict = classify(missed, ruleset)
    assert verdict.rule != shown.rule
    # A refusal by RBAC and an error of the server are what they are, whatever else is missing.
    assert verdict.phase in ("info", "change") or verdict.rule in ("audit-right-missing", "audit-server-error")


def test_there_are_many_ordinary_records() -> None:
    assert len(ORDINARY) >= 60
    assert len({str(each) for each in ORDINARY}) == len(ORDINARY)


@pytest.mark.parametrize("payload", ORDINARY, ids=[f"{n}-{each['verb']}" for n, each in enumerate(ORDINARY)])
def test_ordinary_traffic_is_no_problem_and_no_ticket(payload: dict[str, Any], ruleset: RuleSet) -> None:
    observation = seen(payload)
    if observation is None:
        return  # a stage that a later one repeats
    verdict = classify(observation, ruleset)
    assert (verdict.phase, verdict.ticket_after, verdict.problem_key) in {("info", 0, ""), ("change", 0, "")}, verdict
    assert severity_rank(verdict.severity) >= severity_rank("low"), verdict.rule


def test_nearly_all_ordinary_records_say_nothing(ruleset: RuleSet) -> None:
    named = [_judged(payload, ruleset).rule for payload in ORDINARY if seen(payload)]
    assert named.count("audit-request") > 0.9 * len(named), sorted(set(named))


def test_a_rule_for_events_never_judges_a_request(ruleset: RuleSet) -> None:
    """The words of a status are judged by the rules of the audit log alone, which look at code and decision, too."""
    for payload in [*ORDINARY, *(record(change) for _, change in EVERY_FORM + EVERY_MISS)]:
        observation = seen(payload)
        if observation is not None:
            strangers = {rule.name for rule in ruleset.matches(observation) if not rule.pack.startswith("audit")}
            assert strangers == set(), payload


def test_the_rules_of_the_audit_log_cost_other_events_nothing(ruleset: RuleSet) -> None:
    """Each names its dialect, which is what the index goes by first."""
    rules = [rule for rule in ruleset.rules if rule.pack.startswith("audit")]
    assert len(rules) > 60
    assert all(("dialect", "exact", "audit") in rule.match for rule in rules)


def test_the_self_check_knows_every_signal_and_every_rule_that_judges_one(
    table: dict[str, Row], ruleset: RuleSet
) -> None:
    assert set(table) <= set(VISIBLE)
    named = {rule for signal in VISIBLE.values() for rule in signal.rules}
    ours = {rule.name for rule in ruleset.rules if rule.pack.startswith("audit")}
    ordinary_ones = {
        *("audit-request", "audit-dry-run", "audit-node-refused", "audit-anonymous-refused"),
        *("audit-anonymous-public", "audit-anonymous-build-hook"),
    }
    assert named == ours - ordinary_ones


@pytest.mark.parametrize(("signal", "change"), EVERY_FORM)
def test_the_rule_of_a_signal_is_the_one_that_the_self_check_names(
    signal: str, change: Change, ruleset: RuleSet
) -> None:
    assert _judged(record(change), ruleset).rule in VISIBLE[signal].rules


@pytest.mark.parametrize(("signal", "change"), EVERY_FORM)
def test_a_signal_that_needs_a_body_is_not_found_without_one(signal: str, change: Change, ruleset: RuleSet) -> None:
    """What the self-check says of levels is true: at Metadata a record has neither the sent object nor the answer's."""
    bare = record({**change, "level": "Metadata", "requestObject": None, "responseObject": None})
    found = _judged(bare, ruleset).rule in VISIBLE[signal].rules
    assert found is (VISIBLE[signal].level == "Metadata" or signal == "webhook_patch")


@pytest.mark.parametrize(("signal", "change"), EVERY_FORM)
def test_masking_changes_neither_the_verdict_nor_the_key(signal: str, change: Change, ruleset: RuleSet) -> None:
    payload = record({**change, "responseStatus.details": {"token": "t0k3n"}, "password": "hunter2"})
    masked, found = redact(payload)
    assert found.kinds, "there was something to mask"
    first, again = _judged(payload, ruleset), _judged(masked, ruleset)
    assert (first.rule, first.problem_key) == (again.rule, again.problem_key), signal

"""Why a rule won, what lost to it, and what nearly matched."""

from pathlib import Path
from typing import Any

import pytest

from shared.events.model import Observation
from shared.rules import specimen
from shared.rules.explanation import MOST, Lost, NearMiss, explain, why_not
from shared.rules.ruleset import RuleSet
from tests.support.packs import ruleset_of

HEAD = "pack: demo\ndescription: d\ndefaults: {category: infrastructure, subcategory: pod, severity: low}\nrules:\n"


def loaded(folder: Path, *rules: str) -> RuleSet:
    return ruleset_of(folder, HEAD + "".join(f"  - {rule}\n" for rule in rules))


def seen(**event: Any) -> Observation:
    made = specimen.build(event)
    assert isinstance(made, Observation), made
    return made


@pytest.fixture
def ruleset(tmp_path: Path) -> RuleSet:
    return loaded(
        tmp_path,
        "{name: sharp, match: {reason: Failed, kind: Pod, message: {contains: pull}}, why: Because.}",
        "{name: dull, match: {reason: Failed}}",
        "{name: missed, match: {reason: Failed, kind: Node}}",
        "{name: far, match: {reason: Other, kind: Node}}",
    )


def test_it_names_the_winner_the_losers_and_the_near_misses(ruleset: RuleSet) -> None:
    found = explain(seen(reason="Failed", message="cannot pull"), ruleset)
    assert (found.rule, found.source, found.why) == ("sharp", "demo.yaml:5", "Because.")
    assert (
        found.because == "the most specific of 2 rules that match: more or sharper matchers (1170 points against 1000)"
    )
    assert found.matched == ('reason is "Failed"', 'kind is "Pod"', 'message contains "pull"')
    assert found.lost == (
        Lost("dull", "demo.yaml:6", "more or sharper matchers (1170 points against 1000)"),
    )  # fmt: skip
    assert found.near_misses == (NearMiss("missed", "demo.yaml:7", "kind", 'is "Node"', '"Pod"'),)
    assert found.verdict.rule == "sharp"


def test_it_says_where_no_rule_decided(ruleset: RuleSet) -> None:
    found = explain(seen(reason="faild", kind="Node", type="Warning"), ruleset)
    assert found.because == "no rule matches; its type, kind and words decided"
    assert (found.rule, found.source, found.verdict.known) == ("unknown-warning", "fallback", False)
    assert {(miss.rule, miss.field, miss.expected, miss.actual) for miss in found.near_misses} == {
        ("dull", "reason", 'is "Failed"', '"faild"'),
        ("missed", "reason", 'is "Failed"', '"faild"'),
    }
    assert explain(seen(reason="Unheard", kind="Node"), ruleset).near_misses == ()


def test_lists_are_bounded_and_values_cut(tmp_path: Path) -> None:
    wide = [f"{{name: wide-{n}, priority: {n + 1}, match: {{kind: Pod, type: Normal}}}}" for n in range(20)]
    near = [f"{{name: near-{n}, match: {{kind: Pod, message: word-{n}}}}}" for n in range(20)]
    found = explain(seen(message="x" * 5000), loaded(tmp_path, *wide, *near))
    assert (len(found.lost), len(found.near_misses)) == (MOST, MOST)
    assert found.lost[0].because == "priority 20 is above 19"
    assert all(len(miss.actual) <= 120 for miss in found.near_misses)


@pytest.mark.parametrize(
    ("name", "event", "answer"),
    [
        ("missed", {"reason": "Failed"}, 'missed failed on kind: it is "Node", was "Pod"'),
        (
            "dull",
            {"reason": "Failed", "message": "pull"},
            "dull matches, but sharp (demo.yaml:5) wins: more or sharper",
        ),
        ("sharp", {"reason": "Failed", "message": "pull"}, ""),
        ("nobody", {"reason": "Failed"}, ""),
    ],
)
def test_it_says_why_a_rule_did_not_decide(ruleset: RuleSet, name: str, event: dict[str, str], answer: str) -> None:
    found = why_not(name, seen(**event), ruleset)
    assert found.startswith(answer)
    assert bool(found) is bool(answer)

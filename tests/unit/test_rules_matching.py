"""Which rule wins: matchers, the index against a plain scan, specificity, and cost that does not grow."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.model import Observation
from shared.rules import parsing, specimen
from shared.rules.fields import getter
from shared.rules.matchers import Matcher, make_test
from shared.rules.regex import PatternSet
from shared.rules.ruleset import Rule, RuleSet
from shared.rules.specificity import length, score
from tests.support.examples import examples


def rule(name: str, match: dict[str, Any], **more: Any) -> Rule:
    made = parsing.matchers(match, _never)
    values: dict[str, Any] = {
        "name": name,
        "pack": "test",
        "source": f"test.yaml:{name}",
        "own": False,
        "priority": 0,
        "score": score(made),
        "length": length(made),
        "match": made,
        "category": "infrastructure",
        "subcategory": "pod",
        "severity": "low",
        "phase": "problem",
        "condition": name,
        "part": (),
        "about": "object",
        "ended_by": (),
        "ticket_after": 0,
        "hold": 0,
        "expires": 0,
        "summary": ("", "name", ""),
        "why": "",
        "runbook": "",
    }
    return Rule(**{**values, **more})


def _never(_path: parsing.Path, message: str, _suggestion: str) -> None:
    raise AssertionError(message)


def seen(**event: Any) -> Observation:
    made = specimen.build(event)
    assert isinstance(made, Observation), made
    return made


def winner(rules: list[Rule], **event: Any) -> str | None:
    found = RuleSet(rules).match(seen(**event))
    return found.name if found else None


@pytest.mark.parametrize(
    ("match", "event", "holds"),
    [
        ({"reason": "A"}, {"reason": "A"}, True),
        ({"reason": "A"}, {"reason": "a"}, False),
        ({"kind": ["Node", "Pod"]}, {"kind": "Pod"}, True),
        ({"message": {"prefix": "ab"}}, {"message": "abc"}, True),
        ({"message": {"suffix": "bc"}}, {"message": "abcd"}, False),
        ({"message": {"contains": "b.c"}}, {"message": "abc"}, False),
        ({"reason": {"glob": "Failed*"}}, {"reason": "FailedMount"}, True),
        ({"reason": {"glob": "Failed?ount"}}, {"reason": "FailedMounts"}, False),
        ({"message": {"glob": "a*c"}}, {"message": "a\nb\nc"}, True),
        ({"message": {"regex": r"exit code \d+"}}, {"message": "died: exit code 137"}, True),
        ({"message": {"regex": "^b"}}, {"message": "a\nb"}, False),
        ({"message": {"prefix": "Back-off"}}, {"message": "(combined from similar events): Back-off"}, True),
        ({"host": {"exists": True}}, {"host": "worker-1"}, True),
        ({"host": {"exists": True}}, {}, False),
        ({"host": {"exists": False}}, {}, True),
        ({"count": {"ge": 5}}, {"count": 5}, True),
        ({"count": {"gt": 5}}, {"count": 5}, False),
        ({"count": {"gt": 2, "lt": 4}}, {"count": 3}, True),
        ({"count": 3}, {"count": 3}, True),
        ({"message": {"not": {"contains": "x"}}}, {"message": "abc"}, True),
        ({"kind": {"not": ["Pod"]}}, {"kind": "Pod"}, False),
        ({"message": {"any": [{"prefix": "x"}, {"suffix": "c"}]}}, {"message": "abc"}, True),
        ({"message": {"any": ["x", {"prefix": "a", "suffix": "d"}]}}, {"message": "abc"}, False),
        ({"labels.app.kubernetes.io/name": "web"}, {"labels": {"app.kubernetes.io/name": "web"}}, True),
        ({"annotations.a": {"exists": True}}, {"annotations": {"b": "c"}}, False),
        ({"owner.kind": "Job"}, {"owner": {"kind": "Job", "name": "j"}}, True),
        ({"owner.kind": "Job"}, {}, False),
        ({"original.spec.replicas": {"gt": 1}}, {"original": {"spec": {"replicas": 2}}}, True),
        ({"original.spec.replicas": {"gt": 1}}, {"original": {"spec": {"replicas": "many"}}}, False),
        ({"original.items.0.ok": True}, {"original": {"items": [{"ok": True}]}}, True),
        ({"original.items.0.ok": True}, {"original": {"items": [{"ok": 1}]}}, False),
        ({"original.spec": "x"}, {"original": {"spec": {"a": 1}}}, False),
        ({"original.text": {"regex": "x"}}, {"original": {"text": "\ud800"}}, False),
    ],
)
def test_a_matcher_says_whether_it_holds(match: dict[str, Any], event: dict[str, Any], *, holds: bool) -> None:
    assert (winner([rule("one", match)], **event) == "one") is holds


def test_the_most_specific_rule_wins_whatever_the_order() -> None:
    rules = [
        rule("kind", {"kind": "Pod"}),
        rule("reason-exists", {"reason": {"exists": True}}),
        rule("reason-regex", {"reason": {"regex": "^Fail"}}),
        rule("reason-glob", {"reason": {"glob": "Fail*"}}),
        rule("reason-prefix", {"reason": {"prefix": "Fail"}}),
        rule("reason-list", {"reason": ["Failed", "Other"]}),
        rule("reason", {"reason": "Failed"}),
        rule("reason-and-kind", {"reason": "Failed", "kind": "Pod"}),
        rule("reason-kind-message", {"reason": ["Failed", "Other"], "kind": "Pod", "message": {"regex": "x"}}),
    ]
    event = {"reason": "Failed", "message": "x"}
    for given_order in (rules, rules[::-1]):
        names = [found.name for found in RuleSet(given_order).matches(seen(**event))]
        assert names == [
            "reason-kind-message",
            "reason-and-kind",
            "reason",
            "reason-list",
            "reason-prefix",
            "reason-glob",
            "reason-regex",
            "kind",
            "reason-exists",
        ]


def test_priority_and_own_packs_go_before_specificity() -> None:
    sharp = rule("sharp", {"reason": "A", "kind": "Pod"})
    assert winner([sharp, rule("dull", {"reason": "A"}, priority=1)], reason="A") == "dull"
    assert winner([sharp, rule("dull", {"kind": "Pod"}, own=True)], reason="A") == "dull"
    assert winner([sharp._replace(priority=9), rule("dull", {"kind": "Pod"}, own=True)], reason="A") == "dull"


words = st.sampled_from(["", "A", "B", "AB", "Failed", "FailedMount", "a b", "x"])
plain = words.filter(bool)
texts = st.one_of(
    words,
    st.lists(words, min_size=1, max_size=3),
    st.fixed_dictionaries({"prefix": plain}),
    st.fixed_dictionaries({"suffix": plain}),
    st.fixed_dictionaries({"contains": plain}),
    st.fixed_dictionaries({"glob": st.sampled_from(["A*", "*B", "?", "F*t"])}),
    st.fixed_dictionaries({"regex": st.sampled_from(["A|B", "^F", "t$", "(?P<part>A)", "[ab] "])}),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
matchers = st.one_of(
    texts,
    st.fixed_dictionaries({"not": texts}),
    st.fixed_dictionaries({"any": st.lists(texts, min_size=1, max_size=2)}),
)
fields = ["reason", "message", "kind", "component", "labels.l", "owner.kind", "original.o"]
matches = st.dictionaries(st.sampled_from(fields), matchers, min_size=1, max_size=3)
events = st.fixed_dictionaries(
    {"kind": words.filter(bool), "type": st.sampled_from(["Normal", "Warning"])},
    optional={"reason": words, "message": words, "component": words, "labels.l": words, "original.o": words},
)


def scan(rules: list[Rule], observation: Observation) -> list[str]:
    def holds(matcher: Matcher) -> bool:
        field, operator, argument = matcher
        return make_test(operator, argument)(getter(field)(observation))

    ranked = sorted(rules, key=lambda rule: (not rule.own, -rule.priority, -rule.score, -rule.length, rule.name))
    return [found.name for found in ranked if all(holds(matcher) for matcher in found.match)]


@settings(max_examples=examples(50), deadline=None)
@given(bodies=st.lists(matches, min_size=1, max_size=25), shown=st.lists(events, min_size=1, max_size=5))
def test_the_index_finds_what_a_plain_scan_finds(bodies: list[dict[str, Any]], shown: list[dict[str, Any]]) -> None:
    """Property: rule matching is total, and an index may never change a verdict."""
    rules = [rule(f"r{number}", body) for number, body in enumerate(bodies)]
    ruleset = RuleSet(rules)
    for event in shown:
        observation = seen(**event)
        expected = scan(rules, observation)
        assert [found.name for found in ruleset.matches(observation)] == expected
        best = ruleset.match(observation)
        assert (best.name if best else None) == (expected[0] if expected else None)


@pytest.mark.parametrize(
    "body",
    [
        lambda n: {"reason": f"Reason{n}", "kind": "Pod"},
        lambda n: {"reason": "Same", "message": {"regex": f"code {n} "}},
        lambda n: {"message": {"contains": f"volume-{n}-"}},
        lambda n: {"reason": {"prefix": f"P{n}-"}},
        lambda n: {"kind": "Pod", "labels.app": f"app-{n}"},
        lambda n: {"kind": f"Kind{n}", "reason": {"exists": True}},
        lambda n: {f"labels.app-{n}": {"exists": True}, "count": {"ge": 1}},
        lambda n: {"labels.app": {"exists": True}, "message": {"contains": f"volume-{n}-"}},
    ],
)
def test_ten_thousand_rules_leave_a_handful_to_look_at(body: Any) -> None:
    """Cost does not grow with the number of rules: what is tested in full stays a handful (speed.md)."""
    ruleset = RuleSet(rule(f"r{number}", body(number)) for number in range(10_000))
    for event in (
        {"reason": "Reason77", "message": "m"},
        {"reason": "Same", "message": "left with code 77 now"},
        {"reason": "Same", "message": "nothing that any rule names"},
        {"reason": "Unheard", "message": "of volume-77-a", "labels.app": "app-77"},
        {"reason": "P77-x", "kind": "Kind77"},
    ):
        observation = seen(**event)
        assert len(ruleset._candidates(observation)) <= 8
        assert sum(1 for _ in ruleset.matches(observation)) <= 1


def test_a_pattern_set_that_runs_out_of_memory_hides_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    ruleset = RuleSet([rule("one", {"message": {"regex": "a.*b"}}), rule("two", {"message": {"regex": "x"}})])
    monkeypatch.setattr(PatternSet, "search", lambda _set, _text: None)
    assert [found.name for found in ruleset.matches(seen(message="a b"))] == ["one"]

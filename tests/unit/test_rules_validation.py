"""A pack with mistakes: every one of them is named at once, with its line and the way out."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.model import Observation
from shared.events.problem import Problem
from shared.rules import document, loader, pack, specimen
from shared.rules.validation import validate
from tests.support.examples import examples

TEN_MISTAKES = """\
pack: broken
description: A pack with ten different mistakes
defaults: {category: infrastructure, subcategory: pod}
rules:
  - name: crash
    match: {reason: BackOff}
    severty: high
  - name: bad-severity
    match: {reason: One}
    severity: urgent
  - name: bad-regex
    match: {reason: Two, message: {regex: '(?=look)ahead'}}
    severity: low
  - name: bad-size
    match: {reason: Three, message: {regex: '(abcdefghij){1,900}'}}
    severity: low
  - name: bad-field
    match: {reson: Four}
    severity: low
  - name: bad-recovery
    match: {reason: Five}
    severity: low
    ended_by: [all-wel]
  - name: all-well
    match: {reason: Six}
    severity: info
    phase: recovery
  - name: all-well
    match: {reason: Seven}
    severity: info
    phase: recovery
  - name: bad-place
    match: {reason: Eight}
    severity: low
    subcategory: rbac
  - name: bad-summary
    match: {reason: Nine}
    severity: low
    summary: 'Pod {nmae} is ill'
  - name: bad-duration
    match: {reason: Ten}
    severity: low
    hold: 10 minutes
  - name: no-match
    severity: low
"""


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def rule(body: str, name: str = "one") -> str:
    head = f"pack: own\ndescription: own\nrules:\n  - name: {name}\n    severity: low\n"
    return head + "    category: infrastructure\n    subcategory: pod\n" + body


def problems_of(folder: Path, text: str) -> list[Problem]:
    return loader.load([write(folder, "own.yaml", text)]).problems


def test_ten_mistakes_give_ten_messages_with_line_and_suggestion(tmp_path: Path) -> None:
    file = write(tmp_path, "broken.yaml", TEN_MISTAKES)
    found = {(problem.line, problem.message): problem for problem in validate([file])}
    expected = [
        (5, 'rule "crash" has no severity', "add severity: one of critical, high"),
        (7, 'unknown key "severty"', 'did you mean "severity"?'),
        (10, '"urgent" is no severity', "critical, high, medium, low, info"),
        (12, "the regex is refused", "RE2 has no look-around"),
        (15, "the regex is refused: too complex", "smaller repeat counts"),
        (18, 'an observation has no field "reson"', 'did you mean "reason"?'),
        (23, 'there is no rule "all-wel"', 'did you mean "all-well"?'),
        (28, 'a second rule is called "all-well"', "give it a name of its own"),
        (35, '"rbac" is no subcategory of infrastructure, but of security', "write category: security"),
        (39, "a summary has no {nmae}", 'did you mean "name"?'),
        (43, "'10 minutes' is no duration", "as 10m"),
        (44, '"match" is missing', "add match"),
    ]
    assert len(found) == len(expected), [str(problem) for problem in found.values()]
    for line, message, suggestion in expected:
        hit = [p for p in found.values() if p.line == line and message in p.message and suggestion in p.suggestion]
        assert hit, (line, message, [str(problem) for problem in found.values()])
        assert hit[0].file == str(file)


def test_every_problem_says_what_to_write_instead(tmp_path: Path) -> None:
    assert all(problem.suggestion for problem in validate([write(tmp_path, "broken.yaml", TEN_MISTAKES)]))


@pytest.mark.parametrize(
    ("body", "line", "message", "suggestion"),
    [
        ("    match: {count: many}\n", 8, "'many' is not what count holds", "a number"),
        ("    match: {reason: 5}\n", 8, "5 is not what reason holds", 'as "5"'),
        ("    match: {reason: No}\n", 8, "False is not what reason holds", "in quotes"),
        ("    match: {reason: []}\n", 8, "an empty list", "1 to"),
        ("    match: {reason: {}}\n", 8, "an empty matcher", "a value"),
        ("    match: {message: {prefx: a}}\n", 8, 'there is no matcher "prefx"', 'did you mean "prefix"?'),
        ("    match: {message: {prefix: 3}}\n", 8, "3 is nothing for prefix", "a text"),
        ("    match: {message: {exists: maybe}}\n", 8, "'maybe' is nothing for exists", "true or false"),
        ("    match: {count: {gt: x}}\n", 8, "'x' is nothing for gt", "a number"),
        ("    match: {message: {any: a}}\n", 8, '"any" takes a list', "write any"),
        ("    match: {message: {regex: '(('}}\n", 8, "the regex is refused", "single quotes"),
        ("    match: {message: {not: {regex: '(a)\\1'}}}\n", 8, "the regex is refused", "no backreferences"),
        ("    match: {}\n", 8, "match: {} is not right", "at least one"),
        ("    match: [a]\n", 8, "match: ['a'] is not right", "a mapping"),
        ("    match: {reason: a}\n    ticket: sometimes\n", 9, "when to open a ticket", "{after: 5}"),
        ("    match: {reason: a}\n    ticket: {after: 0}\n", 9, "when to open a ticket", "{after: 5}"),
        ("    match: {reason: a}\n    priority: high\n", 9, 'priority: "high" is not right', "a whole number"),
        ("    match: {reason: a}\n    part: containr\n", 9, '"containr" is no part', 'did you mean "container"?'),
        ("    match: {reason: a}\n    ended_by: [one]\n", 9, "a rule cannot end itself", "recovery"),
        ("    match: {reason: a}\n    runbook: see wiki\n", 9, "runbook", "http(s) address"),
        ("    match: {reason: a}\n    summary: 'half {name'\n", 9, "a brace without its partner", "{name}"),
        ("    match: {reason: a}\n    summary: '{name.__class__}'\n", 9, "a summary has no", "use one of: name"),
        ("    match: {reason: a}\n    phase: recovery\n    ticket: true\n", 10, "ticket is for problems", "remove"),
        ("    match: {reason: a}\n    match: {reason: b}\n", 9, '"match" stands twice', "remove one"),
        ("    match: {reason: a}\n   why: x\n", 9, "broken YAML", "indentation"),
        ("    match: {reason: 2026-02-31}\n", 8, "'2026-02-31' cannot be read", "in quotes"),
        ("    match: {reason: 2026-02-01}\n", 8, "is not what reason holds", "in quotes"),
        ("    match: {reason: !!python/name:os.system x}\n", 8, "is not allowed", "a plain value"),
    ],
)
def test_a_mistake_is_named_at_its_line(tmp_path: Path, body: str, line: int, message: str, suggestion: str) -> None:
    found = problems_of(tmp_path, rule(body))
    hit = [p for p in found if p.line == line and message in p.message and suggestion in p.suggestion]
    assert hit, [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is no rule pack"),
        ("just words", "this is no rule pack"),
        ("[1, 2]", "this is no rule pack"),
        ("pack: own\ndescription: x\nrules: []\n", "rules: [] is not right"),
        ("pack: own\ndescription: x\nrules: [3]\n", "a rule is a mapping"),
        ("pack: own\nrules: [{name: a, match: {reason: b}, severity: low}]\n", '"description" is missing'),
        ("pack: own\n---\npack: two\n", "broken YAML"),
        ("pack: \x00\n", "broken YAML"),
        ("[" * 200 + "]" * 200, "broken YAML"),
        ("[" * 100_000, "broken YAML"),
        ("{a: " * 50_000, "broken YAML"),
        ("- " * 100_000, "broken YAML"),
        ("pack: &a\n  pack: *a\n", "broken YAML"),
    ],
)
def test_a_file_that_is_no_pack_is_a_problem(tmp_path: Path, text: str, message: str) -> None:
    assert any(message in problem.message for problem in problems_of(tmp_path, text))


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    found = problems_of(tmp_path, "\n".join(lines))
    assert [problem.message for problem in found] == ["broken YAML: not readable as text"]


def test_a_file_in_another_encoding_or_missing_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("pack: caf\xe9".encode("latin-1"))
    messages = [problem.message for problem in loader.load([tmp_path, tmp_path / "none.yaml"]).problems]
    assert any("not UTF-8" in message for message in messages)
    assert any("no such file" in message for message in messages)


def test_a_pack_must_be_called_as_its_file(tmp_path: Path) -> None:
    text = rule("    match: {reason: a}\n").replace("pack: own", "pack: other")
    assert any("write pack: own" in problem.suggestion for problem in problems_of(tmp_path, text))


def test_rules_that_tie_on_one_observation_are_an_error(tmp_path: Path) -> None:
    text = rule("    match: {reason: a, kind: Pod}\n")
    text += "  - name: two\n    severity: low\n    category: infrastructure\n    subcategory: pod\n"
    tie = problems_of(tmp_path, text + "    match: {reason: [b, a], kind: Pod}\n")
    assert tie == []  # an exact reason is sharper than a list
    tie = problems_of(tmp_path, text + "    match: {reason: a, component: kubelet}\n")
    assert [problem.line for problem in tie] == [13]
    assert 'it ties with "one" (own.yaml:4)' in tie[0].message
    assert problems_of(tmp_path, text + "    match: {reason: a, kind: Node}\n") == []
    assert problems_of(tmp_path, text + "    match: {reason: a, component: x}\n    priority: 1\n") == []


def test_a_team_s_rule_replaces_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    shipped.mkdir()
    own.mkdir()
    write(shipped, "own.yaml", rule("    match: {reason: a}\n"))
    write(own, "own.yaml", rule("    match: {reason: b}\n"))
    below = loader.load([shipped], own=False)
    loaded = loader.load([own], shipped=below.located)
    assert loaded.problems == []
    assert [rule.match for rule in loaded.ruleset.rules] == [(("reason", "exact", "b"),)]


TESTS = """\
pack: own
tests:
  - name: fine
    event: {reason: a}
    expect: {rule: one, severity: low, phase: problem, ticket: false}
  - name: wrong severity
    event: {reason: a}
    expect: {severity: high}
  - name: wrong rule
    event: {reason: a}
    expect: {rule: two}
  - name: wrong event
    event: {resaon: a}
    expect: {rule: one}
  - name: no event
    expect: {rule: one}
  - name: wrong key
    event: {reason: a}
    expect: {rule: one, sevrity: low}
  - name: no such rule
    event: {reason: a}
    expect: {rule: onee}
"""


def test_the_tests_beside_a_pack_are_run_and_say_what_differs(tmp_path: Path) -> None:
    more = "  - name: two\n    severity: low\n    category: infrastructure\n    subcategory: pod\n"
    write(tmp_path, "own_test.yaml", TESTS)
    pack_file = write(
        tmp_path, "own.yaml", rule("    match: {reason: a}\n") + more + "    match: {reason: b, kind: Node}\n"
    )
    found = {problem.line: problem for problem in validate([pack_file], shipped=tmp_path / "none")}
    assert sorted(found) == [8, 11, 13, 15, 19, 22]
    assert found[8].message == 'expected severity "high", got "low" from the rule one (own.yaml:4)'
    assert "reason: it is " in found[11].suggestion
    assert found[13].suggestion == 'did you mean "reason"?'
    assert "one of event, events and object" in found[15].message
    assert found[19].suggestion == 'did you mean "severity"?'
    assert found[22].suggestion == 'did you mean "one"?'


def test_a_whole_kubernetes_event_can_be_a_test(tmp_path: Path) -> None:
    write(tmp_path, "own.yaml", rule("    match: {reason: a, component: kubelet}\n    part: container\n"))
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "shop", "uid": "u"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web", "fieldPath": "spec.containers{web}"},
        "reason": "a",
        "message": "m",
        "source": {"component": "kubelet"},
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    case = {"name": "whole", "object": event, "expect": {"rule": "one", "part": "web"}}
    bad = {"name": "none", "object": {"kind": "Event"}, "expect": {"rule": "one"}}
    write(tmp_path, "own_test.yaml", yaml.safe_dump({"pack": "own", "tests": [case, bad]}))
    found = validate([tmp_path], shipped=tmp_path / "none")
    assert len(found) == 1
    assert "this object is no observation" in found[0].message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.sampled_from(["low", "problem", "10m"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["pack", "rules", "defaults", "name", "match", "reason", "regex", "not", "any", "ticket", "part"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=examples(50), deadline=None)
@given(
    event=st.dictionaries(
        st.sampled_from(
            ["reason", "kind", "count", "labels", "labels.a", "owner", "owner.kind", "original.a.b", "original"]
        ),
        json_values,
        max_size=5,
    )
)
def test_no_event_of_a_test_makes_the_builder_raise(event: dict[str, object]) -> None:
    made = specimen.build(event)
    assert isinstance(made, Observation) or all(isinstance(text, str) and text for text in made)


@settings(max_examples=examples(50), deadline=None)
@given(value=json_values, rules=st.lists(json_values, max_size=3))
def test_no_content_makes_the_loader_raise(value: object, rules: list[object]) -> None:
    for data in (value, {"pack": "own", "description": "x", "rules": rules}, {"rules": rules, "defaults": value}):
        found = document.Document("own.yaml", data, {(): 1})
        parsed = pack.parse(found, own=True)
        assert parsed.rules or parsed.problems

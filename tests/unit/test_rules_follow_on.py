"""One mistake is told once: what only follows from it is not."""

from pathlib import Path

import pytest

from shared.rules import specimen
from shared.rules.explanation import explain
from shared.rules.loader import load
from shared.rules.mistakes import find
from shared.rules.model import PackModel
from shared.rules.validation import validate

HEAD = "description: own\ndefaults: {category: infrastructure, subcategory: pod, severity: low}\nrules:\n"
RECOVERY = "  - {%s: all-well, phase: recovery, severity: info, match: {reason: Well}%s}\n"


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def messages(folder: Path, *files: Path) -> list[str]:
    return [problem.message for problem in validate(files, shipped=folder / "none")]


def test_the_tests_of_a_pack_with_a_broken_rule_are_not_complained_of(tmp_path: Path) -> None:
    good, bad = "{name: good, match: {reason: A}}", "{name: bad, match: {reason: A, kind: Pod}, severty: high}"
    test = "  - {name: t, event: {reason: A, kind: Pod}, expect: {severity: high}}\n"
    pack = write(tmp_path, "own", f"pack: own\n{HEAD}  - {good}\n  - {bad}\n")
    write(tmp_path, "own_test", f"pack: own\ntests:\n{test}")
    assert messages(tmp_path, pack) == ['unknown key "severty"']
    write(tmp_path, "own", f"pack: own\n{HEAD}  - {good}\n")
    assert messages(tmp_path, pack) == ['expected severity "high", got "low" from the rule good (own.yaml:5)']


@pytest.mark.parametrize(
    ("recovery", "told"),
    [
        (RECOVERY % ("name", ", sumary: x"), 'unknown key "sumary"'),
        (RECOVERY % ("nam", ""), 'unknown key "nam"'),
        ("  - {name: all-well, phase: recovery\n", "broken YAML"),
        ("  - name: all-well\n   phase: recovery\n", "broken YAML"),
    ],
)
def test_a_recovery_that_only_a_broken_rule_would_define_is_not_missed(
    tmp_path: Path, recovery: str, told: str
) -> None:
    problem = write(
        tmp_path, "one", f"pack: one\n{HEAD}  - {{name: ill, match: {{reason: Ill}}, ended_by: [all-well]}}\n"
    )
    other = write(tmp_path, "two", f"pack: two\n{HEAD}{recovery}")
    found = messages(tmp_path, problem, other)
    assert any(told in message for message in found)
    assert 'there is no rule "all-well"' not in found
    assert messages(tmp_path, problem) == ['there is no rule "all-well"']


def test_a_broken_shipped_recovery_is_not_missed_by_own_packs(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    broken = write(shipped, "two", f"pack: two\n{HEAD}" + RECOVERY % ("name", ", sumary: x"))
    own = write(tmp_path, "one", f"pack: one\n{HEAD}  - {{name: ill, match: {{reason: Ill}}, ended_by: [all-well]}}\n")
    found = validate([own, broken], shipped=shipped)
    assert [problem.message for problem in found] == ['unknown key "sumary"']


def test_what_to_add_is_always_said_in_words() -> None:
    suggestions = [mistake.suggestion for mistake in find(PackModel, {})]
    assert suggestions[-1] == "add rules: The rules, each with a name and a match"
    assert all(not suggestion.endswith((":", " ")) for suggestion in suggestions)


def test_near_misses_share_the_reason_and_do_not_repeat_the_message(tmp_path: Path) -> None:
    rules = (
        "{name: message-disk, match: {kind: Pod, message: disk}}",
        "{name: exact, match: {reason: Failed, message: disk}}",
        "{name: listed, match: {reason: [Failed, Other], kind: Node}}",
        "{name: prefix, match: {reason: {prefix: Fail}, message: disk}}",
    )
    found = load([write(tmp_path, "own", f"pack: own\n{HEAD}" + "".join(f"  - {rule}\n" for rule in rules))])
    assert found.problems == []
    observation = specimen.build({"reason": "Failed", "kind": "Pod", "message": "word " * 100})
    assert not isinstance(observation, tuple)
    misses = explain(observation, found.ruleset).near_misses
    assert {miss.rule for miss in misses} == {"exact", "listed", "prefix"}
    assert all(len(miss.actual) <= 60 for miss in misses)
    unnamed = specimen.build({"reason": "", "kind": "Pod", "message": "word"})
    assert not isinstance(unnamed, tuple)
    assert [miss.rule for miss in explain(unnamed, found.ruleset).near_misses] == ["message-disk"]

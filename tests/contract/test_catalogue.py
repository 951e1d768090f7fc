"""The shipped packs hold the whole reason catalogue (reference/reasons.csv) as edited judgement."""

import re
from pathlib import Path

import pytest

from shared.events.problem import Problem
from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.packtests import read_cases
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import SHIPPED
from tests.support import catalogue
from tests.support.catalogue import Difference
from tests.support.patterns import messages

MAX_LINES = 300
# Their part is a name (of a constraint, of a volume), and this test writes its numbers into it.
_NAMED = {"gatekeeper-audit-violation", "gatekeeper-denied", "gatekeeper-warned"}
_NAMED |= {"volume-attached-elsewhere", "volume-source-missing"}


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules as their YAML stands, not as it was once compiled."""
    loaded = load([SHIPPED], own=False)
    assert not loaded.problems, "\n".join(map(str, loaded.problems))
    return loaded.ruleset


@pytest.fixture(scope="module")
def judged(shared_data: Path, ruleset: RuleSet) -> dict[Difference, list[str]]:
    """Return each difference between the packs and the catalogue, with the rows that show it."""
    rows = catalogue.rows(shared_data)
    ended_elsewhere = catalogue.recoveries(rows)
    found: dict[Difference, list[str]] = {}
    for row in rows:
        for observation in catalogue.observations(row):
            verdict = classify(observation, ruleset)
            if not verdict.known:
                continue  # test_every_row_gets_its_verdict_from_a_named_rule says so
            for difference in catalogue.differences(row, verdict, ruleset, ended_elsewhere):
                found.setdefault(difference, []).append(f"reasons.csv:{row.line} {row.reason}")
    return found


@pytest.fixture(scope="module")
def listed(root: Path) -> dict[Difference, str]:
    """Return the differences that docs/judgement.md lists, with their reasons."""
    table: dict[Difference, str] = {}
    for line in (root / "docs" / "judgement.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "rule" or set(cells[0]) <= set("-: "):
            continue
        assert len(cells) == 5, f"docs/judgement.md: this line needs five columns: {line}"
        difference = Difference(*cells[:4])
        assert difference not in table, f"docs/judgement.md lists this twice: {line}"
        table[difference] = cells[4]
    return table


def test_every_row_gets_its_verdict_from_a_named_rule(shared_data: Path, ruleset: RuleSet) -> None:
    rows = catalogue.rows(shared_data)
    assert len(rows) > 1_000
    unknown = {
        f"reasons.csv:{row.line} {row.component} {row.reason}: {observation.message!r}"
        for row in rows
        for observation in catalogue.observations(row)
        if not classify(observation, ruleset).known
    }
    assert not unknown, "\n".join(sorted(unknown))


def test_every_difference_from_the_catalogue_is_listed_with_its_reason(
    judged: dict[Difference, list[str]], listed: dict[Difference, str]
) -> None:
    missing = [
        f"| {' | '.join(each)} | ... |  <- {rows[0]}" for each, rows in sorted(judged.items()) if each not in listed
    ]
    assert not missing, "docs/judgement.md lacks:\n" + "\n".join(missing)
    empty = [each for each, reason in listed.items() if len(reason.split()) < 4]
    assert not empty, f"docs/judgement.md gives no reason for {empty}"


def test_no_listed_difference_is_stale(judged: dict[Difference, list[str]], listed: dict[Difference, str]) -> None:
    stale = [f"| {' | '.join(each)} |" for each in sorted(listed) if each not in judged]
    assert not stale, "docs/judgement.md lists what is no longer so:\n" + "\n".join(stale)


def test_every_shipped_rule_decides_an_event_of_its_own_pack_test(ruleset: RuleSet) -> None:
    problems: list[Problem] = []
    met = {
        (case.document.data["pack"], classify(case.observation, ruleset).rule)
        for case in read_cases([SHIPPED], problems)
    }
    assert not problems, "\n".join(map(str, problems))
    untested = [f"{rule.source} {rule.name}" for rule in ruleset.rules if (rule.pack, rule.name) not in met]
    assert not untested, "\n".join(sorted(untested))


def test_numbers_addresses_hashes_and_attempts_never_split_a_problem(shared_data: Path, ruleset: RuleSet) -> None:
    """Of two messages that differ in no more, both are about the same problem; what no rule names, too."""
    split: list[str] = []
    rows = [*catalogue.rows(shared_data), *catalogue.rows(shared_data)[:300]]
    for number, row in enumerate(rows):
        unnamed = number >= len(rows) - 300
        first, other = (
            {
                each.message: classify(
                    each.model_copy(update={"reason": "FailedSomehow"}) if unnamed else each, ruleset
                )
                for each in catalogue.observations(row, anything=f" at 10.1.2.{n} after attempt {n} of 0x{n}f ")
            }
            for n in (3, 41)
        )
        for one, two in zip(first.values(), other.values(), strict=True):
            if one.rule == two.rule and one.rule in _NAMED:
                continue
            if (one.rule, one.problem_key) != (two.rule, two.problem_key):
                split.append(f"reasons.csv:{row.line} {row.reason}: {one.rule} {one.part!r}, {two.rule} {two.part!r}")
    assert not split, "\n".join(sorted(set(split)))


def test_each_problem_ends_somehow(ruleset: RuleSet) -> None:
    """A problem that neither a recovery nor silence ends would stay open for ever."""
    endless = [rule.name for rule in ruleset.rules if rule.phase == "problem" and not (rule.ended_by or rule.expires)]
    assert not endless


def test_each_rule_gives_a_reason_of_its_own(ruleset: RuleSet) -> None:
    thin = [rule.name for rule in ruleset.rules if len(rule.why.split()) < 4]
    assert not thin, thin


def test_packs_stay_short_enough_to_be_read() -> None:
    long = [
        file.name for file in SHIPPED.glob("*.yaml") if len(file.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    ]
    assert not long


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^a(b|c)$", ["ab", "ac"]),
        (r"^\S+ x{2}\d+$", ["s xx7"]),
        ("^(a|b)?z$", ["az", "bz", "z"]),
        (r"[^:]+: .*", ["x: something"]),
        ("(PEM|DER)[0-9] [Ff]ull", ["PEM0 Full", "PEM0 full", "DER0 Full", "DER0 full"]),
        ("^$", [""]),
    ],
)
def test_the_message_generator_writes_each_alternative(pattern: str, expected: list[str]) -> None:
    made = messages(pattern)
    assert sorted(made) == sorted(expected)
    assert all(re.search(pattern, text) for text in made)

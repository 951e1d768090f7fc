"""CESQL: the specification's conformance cases, and what Knative's data planes really answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.local.broker.cesql.advice import doubts, read
from shared.local.broker.cesql.comparisons import comparisons
from shared.local.broker.cesql.evaluation import Flavour, compiled, evaluate
from shared.local.broker.cesql.grammar import parse
from shared.local.broker.cesql.like import matcher
from shared.local.broker.cesql.mistakes import SyntaxProblemError
from tests.conftest import ROOT
from tests.support.cesql.differences import Event
from tests.support.cesql.sdks import EVENT, RECORDED

ANSWERS = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
REQUIRED = {"specversion": "1.0", "id": "myId", "source": "localhost.localdomain", "type": "myType"}
NO_LONGER_SO = "NOT 10"
"""A case of the folder that 1.0 took back: both SDKs answer false without an error, and so do their copies."""


class _Texts(yaml.SafeLoader):
    """Leaves timestamps as they are written."""


_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def conformance(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.yaml")):
        yield from yaml.load(file.read_text(encoding="utf-8"), _Texts)["tests"]  # noqa: S506 - it is a safe one


def test_every_conformance_case_has_the_value_and_the_error_that_it_asks_for(shared_data: Path) -> None:
    count, wrong = 0, []
    for case in conformance(shared_data / "data" / "cesql_tck"):
        count += 1
        text, error = str(case["expression"]), case.get("error", "")
        try:
            tree = parse(text)
        except SyntaxProblemError:
            found: tuple[Any, str] = (case.get("result"), "parse")
        else:
            event = Event({**(case.get("event") or REQUIRED), **(case.get("eventOverrides") or {})})
            result = evaluate(tree, event)
            found = (result.value, result.error)
        if found != (case.get("result"), error) or type(found[0]) is not type(case.get("result")):
            wrong.append(text)
    assert count > 270
    assert wrong == [NO_LONGER_SO]


def test_what_the_specification_took_back_is_answered_as_both_sdks_do() -> None:
    (result,) = {evaluate(parse(NO_LONGER_SO), Event(REQUIRED))}
    assert (result.value, result.error) == (False, "")


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case["expression"])
def test_an_event_passes_where_it_passed_in_the_cloudevents_sdks(case: dict[str, Any]) -> None:
    """`kafka` and `others` were recorded of the real SDKs (tests/support/cesql/sdks.py); null: refused."""
    event = Event(case.get("event", EVENT))
    try:
        tree = parse(case["expression"])
    except SyntaxProblemError:
        assert case["kafka"] is None
        return
    if "time" in event:
        event["time"] = event["time"].replace(":00Z", "Z")  # as Java has it
    assert compiled(tree)(event) is case["kafka"]
    if "time" not in case["expression"]:
        assert compiled(tree, Flavour.standard)(event) is case["others"]


def test_so_many_answers_were_recorded_that_the_two_data_planes_differ_in_some() -> None:
    assert len(ANSWERS) > 400
    assert sum(case["kafka"] != case["others"] for case in ANSWERS) > 40


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("type = 'a", "the text that begins at column 8 has no end", "close it with '"),
        ("num-1 = 2", '"-1" cannot stand here (column 4)', "a space behind the sign: - 1"),
        ("a == b", "(column 4)", "one sign: ="),
        ("a = 'x' && b", "(column 9)", "write AND"),
        ("x LIKE 5", "(column 8)", "pattern in quotes"),
        ("x IN 'a'", "(column 6)", "in brackets"),
        ("x = 'a'\n  ODER y = 'b'", "(line 2, column 3)", 'did you mean "OR"?'),
        ("a = \u201cx\u201d", "(column 5)", "straight quotes"),
        ("a.b = 1", "(column 2)", "letters and digits only"),
        ("a = 1;", "(column 6)", "leave it out"),
        ("in = 'x'", "(column 1)", "IN is a word of the language"),
        ("severity =", "ends too early", "complete"),
        (" ", "is empty", "write a condition"),
        ("99999999999 = a", "does not fit into 32 bits", "in quotes"),
        ("LENGHT(a) = 1", 'no function "LENGHT" (column 1)', 'did you mean "LENGTH"?'),
        ("TRUE OR LEFT(a) = 'x'", "does not take 1 arguments (column 9)", "it takes 2"),
        ("CONCAT_WS() = ''", "does not take 0 arguments", "it takes 1 or more"),
        ("KN_VERIFY_CORRELATION_ID(a, 'b')", "needs the cluster", "the event itself"),
        (r"a LIKE 'x\Ey'", "cannot read a pattern", "leave it out"),
        ("NOT " * 200 + "TRUE", "nested too deeply", "IN"),
        ("'" + "x" * 20_000 + "'", "too long", "at most"),
    ],
)
def test_a_slip_is_told_with_its_place_and_what_to_write(text: str, message: str, suggestion: str) -> None:
    told = read(text)
    assert isinstance(told, tuple)
    assert message in told[0]
    assert suggestion in told[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRUE", "looks at no attribute"),
        ("LENGTH(name)", "no condition"),
        ("name", "no condition"),
        ("NOT type = 'a'", "NOT takes only what stands right behind it (column 1)"),
        ("NOT type LIKE 'a%'", "NOT takes only"),
        ("a = 'x' AND b = 'y' OR c = 'z'", "AND and OR are equally strong"),
        ("Severity = 'high'", '"Severity" is looked for as it is written on Kafka'),
    ],
)
def test_what_is_hardly_meant_is_doubted(text: str, message: str) -> None:
    tree = read(text)
    assert not isinstance(tree, tuple)
    ((found, suggestion),) = doubts(text, tree)
    assert message in found
    assert suggestion


@pytest.mark.parametrize(
    "text", ["NOT (type = 'a')", "type NOT LIKE 'a'", "a = 'x' AND (b = 'y' OR c = 'z')", "NOT EXISTS a", "a > 5"]
)
def test_what_means_what_it_says_is_not_doubted(text: str) -> None:
    tree = read(text)
    assert not isinstance(tree, tuple)
    assert list(doubts(text, tree)) == []


def test_comparisons_that_another_dialect_could_make_are_listed_as_its_own() -> None:
    text = "a = 'x' AND b IN ('y', 'z') AND (c LIKE 'p%' OR NOT (d LIKE '%s')) AND EXISTS E AND f != 'g'"
    assert comparisons(parse(text)) == [
        ("exact", "a", "x"),
        ("exact", "b", "y"),
        ("exact", "b", "z"),
        ("prefix", "c", "p"),
        ("not suffix", "d", "s"),
        ("cesql", "e", ""),
        ("not exact", "f", "g"),
    ]


def test_the_page_says_of_a_missing_attribute_what_is_so() -> None:
    rows = re.findall(
        r"^\| (`.*?) \| (.*?) \| (.*?) \|$", (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    event, count = Event({**REQUIRED, "category": "security"}), 0
    for expressions, kafka, others in rows:
        for text in re.findall(r"`([^`]*team[^`]*)`", expressions):
            count += 1
            tree = parse(text)
            assert (compiled(tree)(event), compiled(tree, Flavour.standard)(event)) == (
                "yes" in kafka,
                "yes" in others,
            ), text
    assert count == 8


TEXTS = st.text("ab%_\\", max_size=12)


@given(TEXTS, TEXTS)
def test_a_pattern_without_wildcards_takes_itself_only(pattern: str, text: str) -> None:
    escaped = "".join(f"\\{character}" if character in "%_" else character for character in pattern)
    if "\\\\" not in escaped:  # a backslash before an escaped wildcard takes the meaning from the escape
        assert matcher(escaped)(text) is (text == pattern)


@given(st.text("ab", max_size=8), st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_any_text_may_stand_in_the_place_of_a_percent_sign(start: str, middle: str, end: str) -> None:
    assert matcher(f"{start}%{end}")(start + middle + end)
    assert matcher(f"%{middle}%")(start + middle + end)


@given(st.text("()'\"=<>!+-*/% \\_ANDORNOTLIKEINEXISTSabc015,", max_size=40))
def test_whatever_is_written_is_read_or_told_and_can_be_evaluated(text: str) -> None:
    told = read(text)
    if not isinstance(told, tuple):
        assert compiled(told)(Event(REQUIRED)) in {True, False}
        assert evaluate(told, Event(REQUIRED)).value is not None
        list(doubts(text, told))

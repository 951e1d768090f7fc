"""`destination` and `extends: shipped`: whose mapping an own file is, and how it changes a part of the shipped one."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from functions.servicenow_incident.handler import MAPPING
from functions.servicenow_incident.handler import new as new_incident
from functions.siem_forwarder.handler import MAPPING as OF_RECORDS
from shared.cli.checked import check
from shared.delivery.mapping import Mapping, Terms, load_mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.schema import mapping_schema
from shared.delivery.telling import context_of
from shared.events.problem import Problem
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.records import classified
from tests.support.tickets import episode

SHIPPED = """\
lookups:
  impact: {high: "1", low: "3"}
  other: {a: b}
operations:
  open:
    a: '{{ episode.summary }}'
    b: {value: '{{ episode.severity }}', lookup: impact}
    c:
      when: episode.count > 0
      fields: {d: one, e: {fields: {f: two, g: three}}}
  update:
    note: again
"""


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    made = tmp_path / "shipped.yaml"
    made.write_text(SHIPPED, encoding="utf-8")
    return made


def read(shipped: Path, text: str) -> Mapping | list[Problem]:
    return read_text(f"extends: shipped\n{text}", "own.yaml", Terms(shipped=shipped))


def rendered(shipped: Path, text: str, operation: str = "open") -> Any:
    mapping = read(shipped, text)
    assert isinstance(mapping, Mapping), mapping
    return render(mapping, operation, context_of(episode()))


ALL = {"a": "Pod shop/api-0 keeps crashing", "b": "1", "c": {"d": "one", "e": {"f": "two", "g": "three"}}}


def test_a_file_that_only_extends_is_the_shipped_one(shipped: Path) -> None:
    assert rendered(shipped, "") == ALL
    assert rendered(shipped, "", "update") == {"note": "again"}


def test_single_fields_are_replaced_added_and_taken_away(shipped: Path) -> None:
    text = "operations:\n  open: {a: mine, u_new: '{{ episode.count }}', b: null}\n"
    assert rendered(shipped, text) == {"a": "mine", "u_new": "1", "c": ALL["c"]}
    assert rendered(shipped, text, "update") == {"note": "again"}
    assert rendered(shipped, "operations: {update: null}", "update") == {}


def test_groups_are_merged_member_by_member_at_any_depth(shipped: Path) -> None:
    text = "operations: {open: {c: {fields: {d: null, e: {fields: {g: mine, h: more}}}}}}"
    assert rendered(shipped, text)["c"] == {"e": {"f": "two", "g": "mine", "h": "more"}}
    assert "c" not in rendered(shipped, "operations: {open: {c: {when: episode.count > 5, fields: {d: x}}}}")
    assert rendered(shipped, "operations: {open: {c: plain}}")["c"] == "plain"


def test_lookups_are_merged_entry_by_entry_also_for_fields_that_are_shipped(shipped: Path) -> None:
    assert rendered(shipped, 'lookups: {impact: {high: "2"}}')["b"] == "2"
    assert "b" not in rendered(shipped, "lookups: {impact: {high: null}}")
    added = 'lookups: {mine: {high: "9"}}\noperations: {open: {x: {value: "{{ episode.severity }}", lookup: mine}}}'
    assert rendered(shipped, added) == {**ALL, "x": "9"}


@pytest.mark.parametrize(
    ("text", "line", "message", "suggestion"),
    [
        ("operations:\n  open:\n    xyz: null\n", 4, "has no `xyz` here to take away", "remove this line"),
        ("operations:\n  open:\n    c: {fields: {xyz: null}}\n", 4, "has no `xyz` here", "remove this line"),
        ("operations:\n  updat: null\n", 3, "has no `updat` here", 'did you mean "update"?'),
        ("operations:\n  open:\n    x: '{{ episode.sumary }}'\n", 4, "has no `sumary`", 'did you mean "summary"?'),
        ("operations:\n  open:\n    x: a\n    x: b\n", 5, "`x` stands here twice", "keep one of them"),
        ("operations:\n  opn: {a: b}\n", 3, "no member `opn`", 'did you mean "open"?'),
        ("lookups: {impact: null}\n", 1, "there is no lookup `impact`", "use one of: other|add it"),
        ("minmise: {}\n", 2, "no member `minmise`", ""),
    ],
)
def test_problems_have_the_lines_of_the_own_file(
    shipped: Path, text: str, line: int, message: str, suggestion: str
) -> None:
    found = read(shipped, text)
    assert isinstance(found, list)
    (problem,) = found
    assert (problem.file, problem.line, message in problem.message) == ("own.yaml", line, True), problem
    assert any(part in problem.suggestion for part in suggestion.split("|")), problem


def test_without_extends_a_file_stands_alone_and_null_is_a_mistake() -> None:
    found = read_text("operations:\n  open:\n    a: null\n", "own.yaml")
    assert found == [Problem("own.yaml", 3, "field `a` has no value", "remove it")]


def test_only_what_is_shipped_can_be_extended_and_only_where_it_is_known_whose(shipped: Path, tmp_path: Path) -> None:
    other = read_text("extends: base.yaml\noperations: {open: {a: b}}\n", "own.yaml", Terms(shipped=shipped))
    assert isinstance(other, list)
    assert [(one.line, one.suggestion) for one in other] == [(1, "write `extends: shipped`")]
    loose = tmp_path / "own.yaml"
    loose.write_text("extends: shipped\n", encoding="utf-8")
    (problem,) = check([loose]).problems
    assert problem.suggestion == "add `destination:` with its name"


def test_the_shipped_file_cannot_extend_itself(shipped: Path) -> None:
    shipped.write_text(f"extends: shipped\n{SHIPPED}", encoding="utf-8")
    found = load_mapping(shipped, Terms(shipped=shipped))
    assert isinstance(found, list)
    assert found[0].line == 1


@pytest.mark.parametrize("name", ["servicenow_incident", "servicenow-incident"])
def test_a_loose_file_is_checked_against_the_destination_that_it_names(tmp_path: Path, name: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"destination: {name}\noperations:\n  update:\n    state: '6'\n", encoding="utf-8")
    found = [(one.line, one.message) for one in check([own]).problems]
    assert (4, "field `state` is set by Tidings or by the system alone") in found
    assert (3, "no operation `open`, of which all is made that is sent") in found
    own.write_text(f"destination: {name}\nextends: shipped\noperations: {{open: {{u_team: x}}}}\n", encoding="utf-8")
    assert check([own]).problems == []


def test_names_that_another_destination_keeps_are_free(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("destination: siem_forwarder\noperations: {record: {event: x}, open: {state: x}}", encoding="utf-8")
    assert check([own]).problems == []


@pytest.mark.parametrize(
    "form", ["destination: {}\noperations:\n  open: {{a: b}}", "{{destination: {}, operations: {{open: {{a: b}}}}}}"]
)
def test_an_unknown_destination_is_told_with_the_one_that_was_meant(tmp_path: Path, form: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(form.format("servicenow_incidnt"), encoding="utf-8")
    (problem,) = check([own]).problems
    assert (problem.line, problem.message) == (1, "this mapping is not for `servicenow_incidnt`")
    assert problem.suggestion == 'did you mean "servicenow_incident"?'


def test_a_start_refuses_the_mapping_of_another_destination(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("destination: siem_forwarder\noperations: {open: {a: b}}", encoding="utf-8")
    environ = {"SERVICENOW_INSTANCE": "https://sn.example", "SERVICENOW_TOKEN": "t", "SERVICENOW_MAPPING": str(own)}
    with pytest.raises(SettingsError, match=r"own\.yaml:1: this mapping is not for `siem_forwarder`"):
        new_incident(environ, Metrics())


@pytest.mark.parametrize(("path", "operation"), [(MAPPING, "open"), (OF_RECORDS, "record")])
def test_what_is_really_shipped_extended_by_nothing_renders_the_same(path: Path, operation: str) -> None:
    own = read_text("extends: shipped\n", "own.yaml", Terms(shipped=path))
    whole = load_mapping(path)
    assert isinstance(own, Mapping)
    assert isinstance(whole, Mapping)
    assert own == whole
    one = classified()
    context = context_of(episode()) if operation == "open" else {"observation": one.observation, "verdict": one.verdict}
    assert render(own, operation, context) == render(whole, operation, context) != {}


def test_every_example_of_the_page_is_right_for_the_reader_and_the_published_schema(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "mapping.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 4
    for number, text in enumerate(examples):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text, encoding="utf-8")
        assert check([file]).problems == []
        jsonschema.validate(yaml.safe_load(text), mapping_schema())

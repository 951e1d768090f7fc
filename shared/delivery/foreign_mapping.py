"""A field mapping of JSON and Go templates (`mapping.json`) turned into a mapping file of ours.

Its form: tables by name, fields by name, each a Go template over a Kubernetes Event. Ours has operations besides: what
it says becomes `open`, and what happens to a ticket later is taken over from the shipped mapping.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml

from shared.delivery.go_template import convert
from shared.delivery.mapping import Terms
from shared.events.problem import Problem, did_you_mean
from shared.events.yaml_nodes import compose

_SEVERITY: Final = ("impact", "urgency")
_CUT: Final = ("short_description", "description", "work_notes")
"""Fields whose texts are cut to what the system takes: what events say may be longer."""
_NOT_JSON: Final = "this is no JSON object of tables that hold fields"
_RULE: Final = re.compile(r"\{\{-?\s*if\b")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*")
_PRIORITY: Final = "ServiceNow computes the priority from impact and urgency"


_CHANGES: Final = "change_request"
_CHANGES_ADVICE: Final = (
    "servicenow_change makes them, with a mapping of its own: take fields over by hand, below `extends: shipped` and "
    "`destination: servicenow-change`"
)


class Converted(NamedTuple):
    """The text of our mapping, what of the other one it could not take over, and what it says in another way."""

    text: str
    problems: list[Problem]
    notes: list[Problem]


class Wanted(NamedTuple):
    """What to make of a file: one of its tables, with its own rules for impact and urgency or with our severities."""

    table: str
    severity_rules: bool


def convert_mapping(source: str, name: str, wanted: Wanted, terms: Terms, shipped: str) -> Converted | list[Problem]:
    """Convert the text of a file; `name` stands in messages.

    `terms` are those of the destination that the mapping is to be for. `shipped` is the text of the mapping that the
    rest is taken from. Returns problems alone where there is nothing to convert.
    """
    tables = _tables(source, name)
    if isinstance(tables, Problem):
        return [tables]
    if wanted.table not in tables:
        return [Problem(name, 1, f"there is no table `{wanted.table}`", did_you_mean(wanted.table, tables))]
    maker = _Maker(name, wanted, terms)
    lines = [made for one in tables[wanted.table].fields for made in maker.field(one)]
    for table, found in tables.items():
        if table != wanted.table:
            message = f"table `{table}` is not converted: a mapping file is for one table"
            advice = _CHANGES_ADVICE if table == _CHANGES else f"convert it by itself with --table {table}"
            maker.notes.append(Problem(name, found.line, message, advice))
    if wanted.table == _CHANGES:
        message = "change requests are made of roll-outs, not of problems: this mapping begins with `episode`"
        maker.notes.append(Problem(name, tables[_CHANGES].line, message, _CHANGES_ADVICE))
    text = _file(name, wanted, lines, shipped, taken=maker.rules)
    return Converted(text, maker.problems, maker.notes)


class _Field(NamedTuple):
    name: str
    line: int
    value: object


class _Table(NamedTuple):
    line: int
    fields: Sequence[_Field]


def _tables(source: str, name: str) -> dict[str, _Table] | Problem:
    """Return the tables with their fields. What stands in which line is seen by reading it as the YAML that it is."""
    try:
        value: Any = json.loads(source)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        return Problem(name, line, "this is not JSON", getattr(error, "msg", ""))
    try:
        root = compose(_SURROGATE.sub("?", source.replace("\t", " ")))
    except (yaml.YAMLError, ValueError):
        return Problem(name, 0, _NOT_JSON)
    if not isinstance(root, yaml.MappingNode) or not all(isinstance(one, Mapping) for one in value.values()):
        return Problem(name, 1, _NOT_JSON)
    return {
        key: _Table(node.start_mark.line + 1, _fields(table, value.get(key, {})))
        for node, table in root.value
        if (key := str(node.value)) in value
    }


def _fields(table: yaml.Node, values: Mapping[str, object]) -> list[_Field]:
    names = [node for node, _ in table.value]
    return [_Field(str(node.value), node.start_mark.line + 1, values.get(str(node.value))) for node in names]


class _Maker:
    """Makes fields and notes what it cannot make."""

    def __init__(self, file: str, wanted: Wanted, terms: Terms) -> None:
        self._file, self._wanted, self._limits = file, wanted, terms.limits
        self._ours = terms.ours["open"]
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.rules: dict[str, str] = {}

    def field(self, field: _Field) -> list[str]:
        """Return the lines of one field, a remark where it cannot be."""
        name, line, value = _key(field.name), field.line, field.value
        if name in self._ours:
            suggestion = _PRIORITY if name == "priority" else "leave it to Tidings"
            self.problems.append(Problem(self._file, line, f"field `{name}` is no mapping's to set", suggestion))
            return [f"    # {name} (line {line}) is not converted"]
        if not isinstance(value, str | int | float):
            self.problems.append(Problem(self._file, line, f"field `{name}` is no text", "write it by hand"))
            return [f"    # {name} (line {line}) is not converted"]
        source = str(value).lower() if isinstance(value, bool) else str(value)
        if name in _SEVERITY and not self._wanted.severity_rules and _RULE.search(source):
            message = f"field `{name}` follows the severity, not the rule {source}"
            self.notes.append(Problem(self._file, line, message, "--severity-rules keeps the rule"))
            return [f"    # Line {line} had a rule instead: {_one_line(source)}", f"    {name}: {_by_severity(name)}"]
        return self._template(name, source, line)

    def _template(self, name: str, source: str, line: int) -> list[str]:
        text, unconverted = convert(source)
        for one in unconverted:
            construct = _one_line(one.construct)
            self.problems.append(
                Problem(self._file, line, f"field `{name}`: {construct}: {one.message}", one.suggestion)
            )
        if unconverted:
            return [f"    # {name} (line {line}) is not converted: {_one_line(source)}"]
        if name in _SEVERITY:
            self.rules[name] = _quoted(text)
        length = self._limits[name].longest if name in _CUT and name in self._limits else 0
        return [f"    {name}: {{value: {_quoted(text)}, max: {length}}}" if length else f"    {name}: {_quoted(text)}"]


def _key(name: str) -> str:
    """Return a field's name as it can stand in YAML and in messages."""
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _by_severity(name: str) -> str:
    return f"{{value: '{{{{ episode.severity }}}}', lookup: {name}, default: \"3\"}}"


def _quoted(text: str) -> str:
    """Return a text in double quotes: JSON's are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _file(name: str, wanted: Wanted, lines: Sequence[str], shipped: str, taken: Mapping[str, str]) -> str:
    """Put the mapping together; in what comes from the shipped one impact and urgency follow the same rules."""
    lookups = shipped[shipped.index("lookups:") : shipped.index("operations:")]
    later = shipped[shipped.index("  update:") :]
    for field, text in taken.items():
        later = later.replace(f"    {field}: {_by_severity(field)}", f"    {field}: {text}")
    head = [
        f"# Made by `tidings validate --convert` from {_one_line(name)}, table {wanted.table}.",
        "# `update`, `resolve` and `reopen` are the shipped mapping's; see docs/mapping.md.",
        f"description: Made from {_one_line(name)}",
        "",
    ]
    return "\n".join([*head, lookups.rstrip(), "", "operations:", "  open:", *lines, "", later.rstrip(), ""])

"""Reading a mapping file: every mistake with its line; nothing of a wrong file is ever used."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Members
from pathlib import Path
from typing import Any

import yaml
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.delivery.conversions import TYPES
from shared.delivery.escaping import ESCAPES
from shared.delivery.mapping import NO_FIELDS, OPERATIONS, Field, Mapping, Reserved
from shared.delivery.mapping_names import ROOTS, check_names, check_path, roots_of
from shared.delivery.sandbox import new_environment, parse
from shared.delivery.templates import TemplateRefused, Templates, Text
from shared.events.problem import Problem, did_you_mean
from shared.events.yaml_nodes import compose, scalar

_MAX_FILE = 262_144
_MAX_FIELDS = 1_000
_MAX_DEPTH = 8
_TOO_MANY = f"more than {_MAX_FIELDS} fields, or more than {_MAX_DEPTH} of them inside each other"
_TOP = ("description", "lookups", "operations")
_SPEC = ("value", "from", "fields", "items", "when", "lookup", "default", "max", "type", "escape")


def read(
    path: Path, ours: Reserved = NO_FIELDS, needed: Sequence[str] = (), known: Sequence[str] = ()
) -> Mapping | list[Problem]:
    """Read and check one file; see `shared.delivery.mapping.load_mapping`."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(str(path), 0, f"the file cannot be read ({type(error).__name__})")]
    return read_text(source, str(path), ours, needed, known)


def read_text(
    source: str, name: str, ours: Reserved = NO_FIELDS, needed: Sequence[str] = (), known: Sequence[str] = ()
) -> Mapping | list[Problem]:
    """Read and check the text of a mapping; `name` stands in messages, the rest as `load_mapping` has it."""
    if len(source) > _MAX_FILE:
        return [Problem(name, 0, f"the file is longer than {_MAX_FILE} characters")]
    try:
        root = compose(source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return [Problem(name, line, f"this is not YAML: {error.problem}")]
    except (yaml.YAMLError, ValueError):
        return [Problem(name, 0, "this is not YAML that can be read", "it must be UTF-8, at most 40 levels deep")]
    reader = _Reader(name, ours, known)
    mapping = reader.mapping(root, needed)
    return sorted(reader.problems) if reader.problems else mapping


class _Reader:
    """Reads one file and collects its problems."""

    def __init__(self, file: str, ours: Reserved, known: Sequence[str]) -> None:
        self.file = file
        self._ours = ours
        self._known = tuple(known)
        self._operation = ""
        self._roots = tuple(ROOTS)
        self.problems: list[Problem] = []
        self._environment: ImmutableSandboxedEnvironment = new_environment()
        self._templates = Templates()
        self._lookups: dict[str, dict[str, Any]] = {}
        self._names: set[str] = set()
        self._fields_read = 0
        self._depth = 0

    def mapping(self, root: yaml.Node | None, needed: Sequence[str]) -> Mapping:
        top = dict(self._members(root, "a mapping file", _TOP))
        if "lookups" in top:
            for name, table in self._members(top["lookups"], "`lookups`"):
                self._lookups[name] = {key: self._looked_up(value) for key, value in self._members(table, "a lookup")}
        operations: dict[str, tuple[Field, ...]] = {}
        if "operations" in top:
            for name, fields in self._members(top["operations"], "`operations`", OPERATIONS):
                self._operation, self._roots = name, roots_of(name)
                operations[name] = tuple(self._fields(fields))
            self._tell_lacking(top["operations"], operations, needed)
        elif root is not None and not self.problems:
            self._problem(root, "there are no `operations`", "add `operations:` with `open:` below it")
        return Mapping(operations, frozenset(self._names))

    def _tell_lacking(self, node: yaml.Node, there: Members[str, tuple[Field, ...]], needed: Sequence[str]) -> None:
        """Tell of what the destination needs and would find empty; not where a misspelt name may stand for it."""
        if isinstance(node, yaml.MappingNode) and all(key.value in OPERATIONS for key, _ in node.value):
            for name in needed:
                if not there.get(name):
                    hint = f"add `{name}:` below `operations:`"
                    self._problem(node, f"no operation `{name}`, of which all is made that is sent", hint)

    def _fields(self, node: yaml.Node) -> Iterator[Field]:
        for name, value in self._members(node, "an operation", self._known):
            self._names.add(name)
            yield self._field(name, value)

    def _field(self, name: str, node: yaml.Node, prefix: str = "") -> Field:
        """Read one field. Depth and number are bounded, for YAML's aliases can make a small file endless."""
        if f"{prefix}{name}" in self._ours.get(self._operation, ()):
            self._problem(node, f"field `{prefix}{name}` is set by Tidings or by the system alone", "remove it")
        self._fields_read += 1
        if self._fields_read > _MAX_FIELDS or self._depth > _MAX_DEPTH:
            if not any(problem.message == _TOO_MANY for problem in self.problems):
                self._problem(node, _TOO_MANY)
            return Field(name)
        self._depth += 1
        try:
            return self._read_field(name, node, prefix)
        finally:
            self._depth -= 1

    def _read_field(self, name: str, node: yaml.Node, prefix: str) -> Field:
        if isinstance(node, yaml.ScalarNode):
            return Field(name, text=self._template(node))
        before = len(self.problems)
        spec = dict(self._members(node, f"field `{name}`", _SPEC))
        if len(self.problems) == before and len(spec.keys() & {"value", "from", "fields", "items"}) != 1:
            self._problem(node, f"field `{name}` needs exactly one of `value`, `from`, `fields` and `items`")
        inside = f"{prefix}{name}."
        group: tuple[Field, ...] = ()
        if "fields" in spec:
            group = tuple(self._field(key, value, inside) for key, value in self._members(spec["fields"], "`fields`"))
        escape = self._escape(spec["escape"]) if "escape" in spec else ""
        convert = self._type(spec["type"]) if "type" in spec else None
        if convert is TYPES["json"]:
            escape = escape or "json"
        return Field(
            name,
            text=self._template(spec["value"], escape) if "value" in spec else None,
            path=self._path(spec["from"]) if "from" in spec else (),
            group=group,
            items=self._items(spec["items"], inside) if "items" in spec else (),
            when=self._condition(spec["when"]) if "when" in spec else None,
            lookup=self._lookup(spec["lookup"]) if "lookup" in spec else None,
            default=self._scalar(spec["default"]) if "default" in spec else None,
            max=self._max(spec["max"]) if "max" in spec else 0,
            convert=convert,
            escape=escape,
        )

    def _items(self, node: yaml.Node, inside: str) -> tuple[Field, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._problem(node, "`items` must be a list, with `- ` before each member")
            return ()
        return tuple(self._field(str(number), value, inside) for number, value in enumerate(node.value))

    def _template(self, node: yaml.Node, escape: str = "") -> Text | None:
        source = self._scalar(node)
        if source is None:
            return None
        return self._parsed(node, source if isinstance(source, str) else str(source).lower(), escape)

    def _condition(self, node: yaml.Node) -> Text | None:
        return self._parsed(node, "{% if " + str(self._scalar(node)) + " %}true{% endif %}")

    def _parsed(self, node: yaml.Node, source: str, escape: str = "") -> Text | None:
        begin = node.start_mark.line + (1 if getattr(node, "style", None) in {"|", ">"} else 0)
        try:
            tree = parse(self._environment, source)
        except TemplateRefused as refused:
            self.problems.append(Problem(self.file, begin + refused.line, refused.message, refused.suggestion))
            return None
        for line, message, suggestion in check_names(tree, self._roots):
            self.problems.append(Problem(self.file, begin + line, message, suggestion))
        constant = source if "{{" not in source and "{%" not in source and "{#" not in source else None
        return Text(source, self._templates, constant, _bare_path(tree), escape)

    def _path(self, node: yaml.Node) -> tuple[str, ...]:
        path = tuple(str(self._scalar(node)).split("."))
        for message, suggestion in check_path(path, self._roots):
            self._problem(node, message, suggestion)
        return path

    def _lookup(self, node: yaml.Node) -> dict[str, Any]:
        name = str(self._scalar(node))
        if name not in self._lookups:
            self._problem(
                node, f"there is no lookup `{name}`", did_you_mean(name, self._lookups, "add it to `lookups`")
            )
        return self._lookups.get(name, {})

    def _looked_up(self, node: yaml.Node) -> Any:
        """Read what a lookup turns a value into: a single value, or a list of them."""
        if isinstance(node, yaml.SequenceNode):
            return [self._scalar(member) for member in node.value]
        return self._scalar(node)

    def _max(self, node: yaml.Node) -> int:
        value = self._scalar(node)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._problem(node, "`max` is a number of characters, at least 1")
            return 0
        return value

    def _type(self, node: yaml.Node) -> Callable[[Any], Any] | None:
        name = str(self._scalar(node))
        if name not in TYPES:
            self._problem(node, f"there is no type `{name}`", did_you_mean(name, TYPES))
        return TYPES.get(name)

    def _escape(self, node: yaml.Node) -> str:
        name = str(self._scalar(node))
        if name not in ESCAPES:
            self._problem(node, f"there is no escape `{name}`", did_you_mean(name, ESCAPES))
            return ""
        return name

    def _scalar(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            try:
                value = scalar(node)
            except (yaml.YAMLError, ValueError):  # a tag such as !!python/name, a date that is none
                self._problem(node, f"`{node.value[:40]}` cannot be read", "put the text in quotes, without a tag")
                return None
            if isinstance(value, str | int | float | None):
                return value
            self._problem(node, f"`{node.value[:40]}` is no text, number or truth", "put it in quotes")
            return None
        self._problem(node, "this must be a single value")
        return None

    def _members(
        self, node: yaml.Node | None, what: str, known: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._problem(node, f"{what} must have members, as `name: value`")
            return
        seen: set[str] = set()
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in seen:
                self._problem(key_node, f"`{key}` stands here twice", "keep one of them")
            elif known and key not in known:
                self._problem(key_node, f"{what} has no member `{key}`", did_you_mean(key, known))
            else:
                seen.add(key)
                yield key, value

    def _problem(self, node: yaml.Node | None, message: str, suggestion: str = "") -> None:
        line = node.start_mark.line + 1 if node is not None else 0
        self.problems.append(Problem(self.file, line, message, suggestion))


def _bare_path(tree: nodes.Template) -> tuple[str, ...]:
    """Return the path of a template that is nothing but `{{ a.b.c }}`: it needs no Jinja at run time."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        return ()
    node: nodes.Expr = tree.body[0].nodes[0]
    path: list[str] = []
    while isinstance(node, nodes.Getattr):
        path.append(node.attr)
        node = node.node
    return (node.name, *reversed(path)) if isinstance(node, nodes.Name) else ()

"""Reading the fields of a mapping's operations, however deep they lie inside each other."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Members
from typing import Any, Final

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.delivery.conversions import TYPES
from shared.delivery.escaping import ESCAPES
from shared.delivery.limits import Limit, meant
from shared.delivery.mapping import Terms
from shared.delivery.mapping_field import Field
from shared.delivery.mapping_names import ROOTS, bare_path, check_names, check_path, roots_of
from shared.delivery.mapping_texts import Texts
from shared.delivery.mapping_values import Lookup, Spec, check_values
from shared.delivery.sandbox import parse
from shared.delivery.templates import TemplateRefused, Text
from shared.events.nodes import Nodes, is_nothing, line_before
from shared.events.problem import Problem, did_you_mean

_MAX_FIELDS = 1_000
_MAX_DEPTH = 8
_TOO_MANY = f"more than {_MAX_FIELDS} fields, or more than {_MAX_DEPTH} of them inside each other"
_SOURCES = ("value", "from", "fields", "items")
_SPEC = (*_SOURCES, "when", "lookup", "default", "max", "type", "escape")
_UNKNOWN: Final = Limit()


class FieldReader:
    """Reads the fields of one file, which share its texts and lookups; problems are noted in its nodes."""

    def __init__(
        self,
        nodes: Nodes,
        terms: Terms,
        texts: Texts,
        environment: ImmutableSandboxedEnvironment,
        lookups: Members[str, Lookup],
    ) -> None:
        """`lookups` are the tables of the file by name, as they stand there."""
        self._nodes = nodes
        self._terms = terms
        self._texts = texts
        self._environment = environment
        self._places = lookups
        self._lookups = {
            name: {key: self._looked_up(one) for key, one in table.items()} for name, table in lookups.items()
        }
        self._operation = ""
        self._roots = tuple(ROOTS)
        self._fields_read = 0
        self._depth = 0
        self.names: set[str] = set()
        """Of the fields that were read, those inside others left out."""
        self.removes = False
        """Whether `null` takes a field away here."""

    def fields(self, operation: str, node: yaml.Node) -> tuple[Field, ...]:
        """Read all fields of an operation."""
        self._operation, self._roots = operation, roots_of(operation, self._terms.subject)
        return tuple(self._fields(node))

    def _fields(self, node: yaml.Node) -> Iterator[Field]:
        names = (*self._terms.limits, *self._terms.ours.get(self._operation, ()))
        for name, value in self._nodes.members(node, "an operation", self._terms.known):
            self.names.add(name)
            if near := meant(name, names):
                self._nodes.problem(value, f"field `{name}` is none that is known", f'did you mean "{near}"?')
            yield self._field(name, value)

    def _field(self, name: str, node: yaml.Node, prefix: str = "") -> Field:
        """Read one field. Depth and number are bounded, for YAML's aliases can make a small file endless."""
        problem = self._nodes.problem
        if f"{prefix}{name}" in self._terms.ours.get(self._operation, ()):
            problem(node, f"field `{prefix}{name}` is set by Tidings or by the system alone", "remove it")
        self._fields_read += 1
        if self._fields_read > _MAX_FIELDS or self._depth > _MAX_DEPTH:
            if not any(one.message == _TOO_MANY for one in self._nodes.problems):
                problem(node, _TOO_MANY)
            return Field(name)
        if is_nothing(node):
            if not self.removes:
                problem(node, f"field `{prefix}{name}` has no value", "remove it")
            return Field(name)
        self._depth += 1
        try:
            return self._read_field(name, node, prefix)
        finally:
            self._depth -= 1

    def _read_field(self, name: str, node: yaml.Node, prefix: str) -> Field:
        if isinstance(node, yaml.ScalarNode):
            one = Field(name, text=self._template(node))
            self._check_values(one, f"{prefix}{name}", {"value": node})
            return one
        before = len(self._nodes.problems)
        spec = dict(self._nodes.members(node, f"field `{name}`", _SPEC))
        if len(self._nodes.problems) == before and len(spec.keys() & set(_SOURCES)) != 1:
            self._nodes.problem(node, f"field `{name}` needs exactly one of `value`, `from`, `fields` and `items`")
        inside = f"{prefix}{name}."
        group: tuple[Field, ...] = ()
        if "fields" in spec:
            members = self._nodes.members(spec["fields"], "`fields`")
            group = tuple(self._field(key, value, inside) for key, value in members)
        escape = self._escape(spec["escape"]) if "escape" in spec else ""
        convert = self._type(spec["type"]) if "type" in spec else None
        if convert is TYPES["json"]:
            escape = escape or "json"
        one = Field(
            name,
            text=self._template(spec["value"], escape) if "value" in spec else None,
            path=self._path(spec["from"]) if "from" in spec else (),
            group=group,
            items=self._items(spec["items"], inside) if "items" in spec else (),
            when=self._condition(spec["when"]) if "when" in spec else None,
            lookup=self._lookup(spec["lookup"]) if "lookup" in spec else None,
            default=self._nodes.scalar(spec["default"]) if "default" in spec else None,
            max=self._max(spec["max"]) if "max" in spec else 0,
            convert=convert,
            escape=escape,
        )
        self._check_values(one, f"{prefix}{name}", spec)
        return one

    def _check_values(self, one: Field, name: str, spec: Spec) -> None:
        limit = self._terms.limits.get(name, _UNKNOWN)
        places = self._places.get(str(self._nodes.scalar(spec["lookup"])), {}) if one.lookup is not None else {}
        check_values(one, name, spec, places=places, limit=limit, nodes=self._nodes)

    def _items(self, node: yaml.Node, inside: str) -> tuple[Field, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._nodes.problem(node, "`items` must be a list, with `- ` before each member")
            return ()
        before, self.removes = self.removes, False  # a list is taken as a whole: nothing stands below its members
        try:
            return tuple(self._field(str(number), value, inside) for number, value in enumerate(node.value))
        finally:
            self.removes = before

    def _template(self, node: yaml.Node, escape: str = "") -> Text | None:
        source = self._nodes.scalar(node)
        if source is None:
            return None
        return self._parsed(node, source if isinstance(source, str) else str(source).lower(), escape)

    def _condition(self, node: yaml.Node) -> Text | None:
        return self._parsed(node, "{% if " + str(self._nodes.scalar(node)) + " %}true{% endif %}")

    def _parsed(self, node: yaml.Node, written: str, escape: str = "") -> Text | None:
        source = self._texts.filled(node, written)
        if source is None:
            return None
        begin, last = line_before(node), written.count("\n") + 1  # texts may have more lines than where they stand
        problems, file = self._nodes.problems, self._nodes.file
        try:
            tree = parse(self._environment, source)
        except TemplateRefused as refused:
            problems.append(Problem(file, begin + min(refused.line, last), refused.message, refused.suggestion))
            return None
        for line, message, suggestion in check_names(tree, self._roots):
            problems.append(Problem(file, begin + min(line, last), message, suggestion))
        constant = source if "{{" not in source and "{%" not in source and "{#" not in source else None
        return Text(source, constant, bare_path(tree), escape)

    def _path(self, node: yaml.Node) -> tuple[str, ...]:
        path = tuple(str(self._nodes.scalar(node)).split("."))
        for message, suggestion in check_path(path, self._roots):
            self._nodes.problem(node, message, suggestion)
        return path

    def _lookup(self, node: yaml.Node) -> dict[str, Any]:
        name = str(self._nodes.scalar(node))
        if name not in self._lookups:
            hint = did_you_mean(name, self._lookups, "add it to `lookups`")
            self._nodes.problem(node, f"there is no lookup `{name}`", hint)
        return self._lookups.get(name, {})

    def _looked_up(self, node: yaml.Node) -> Any:
        """Read what a lookup turns a value into: a single value, or a list of them."""
        if isinstance(node, yaml.SequenceNode):
            return [self._nodes.scalar(member) for member in node.value]
        return self._nodes.scalar(node)

    def _max(self, node: yaml.Node) -> int:
        value = self._nodes.scalar(node)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._nodes.problem(node, "`max` is a number of characters, at least 1")
            return 0
        return value

    def _type(self, node: yaml.Node) -> Callable[[Any], Any] | None:
        name = str(self._nodes.scalar(node))
        if name not in TYPES:
            self._nodes.problem(node, f"there is no type `{name}`", did_you_mean(name, TYPES))
        return TYPES.get(name)

    def _escape(self, node: yaml.Node) -> str:
        name = str(self._nodes.scalar(node))
        if name not in ESCAPES:
            self._nodes.problem(node, f"there is no escape `{name}`", did_you_mean(name, ESCAPES))
            return ""
        return name

"""Reading a mapping file: every mistake with its line; nothing of a wrong file is ever used."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Members
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.delivery.conversions import TYPES
from shared.delivery.escaping import ESCAPES
from shared.delivery.limits import Limit, meant
from shared.delivery.mapping import ANY, MINIMISED, OPERATIONS, Mapping, Minimise, Terms
from shared.delivery.mapping_conditions import conditions_of
from shared.delivery.mapping_extends import extended
from shared.delivery.mapping_field import Field
from shared.delivery.mapping_names import ROOTS, bare_path, check_names, check_path, roots_of
from shared.delivery.mapping_overrides import Override
from shared.delivery.mapping_texts import Texts
from shared.delivery.mapping_values import Lookup, Spec, check_values
from shared.delivery.sandbox import new_environment, parse
from shared.delivery.templates import TemplateRefused, Text
from shared.events.nodes import Nodes, composed, is_nothing, line_before
from shared.events.problem import Problem, did_you_mean

_MAX_FIELDS = 1_000
_MAX_DEPTH = 8
_TOO_MANY = f"more than {_MAX_FIELDS} fields, or more than {_MAX_DEPTH} of them inside each other"
_TOP = ("description", "destination", "extends", "lookups", "texts", "operations", "overrides", "minimise")
_SOURCES = ("value", "from", "fields", "items")
_SPEC = (*_SOURCES, "when", "lookup", "default", "max", "type", "escape")
_SHIPPED: Final = "shipped"
_UNKNOWN: Final = Limit()


def read(path: Path, terms: Terms = ANY) -> Mapping | list[Problem]:
    """Read and check one file; see `shared.delivery.mapping.load_mapping`."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(str(path), 0, f"the file cannot be read ({type(error).__name__})")]
    return read_text(source, str(path), terms)


def read_text(source: str, name: str, terms: Terms = ANY) -> Mapping | list[Problem]:
    """Read and check the text of a mapping; `name` stands in messages."""
    root = composed(source, name)
    if isinstance(root, list):
        return root
    found = Nodes(name)
    root = _whole(root, found, terms)
    mapping = _Reader(found, terms).mapping(root)
    found.problems += [Problem(name, 0, text) for text in terms.mistakes(mapping)]
    return sorted(set(found.problems)) if found.problems else mapping


def destination_of(source: str) -> str:
    """Return the name that the file says it is for, empty where it does not say or cannot be read."""
    root = composed(source, "")
    node = None if isinstance(root, list) else _member(root, "destination")
    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _whole(root: yaml.Node | None, found: Nodes, terms: Terms) -> yaml.Node | None:
    """Return the file over the one that it extends; itself where it extends none."""
    at = _member(root, "extends")
    if at is None or not isinstance(root, yaml.MappingNode):
        return root
    if found.scalar(at) != _SHIPPED:
        found.problem(at, "only what is shipped can be extended", f"write `extends: {_SHIPPED}`")
        return root
    if terms.shipped is None:
        found.problem(at, "it is not known whose shipped mapping this extends", "add `destination:` with its name")
        return root
    shipped = composed(terms.shipped.read_text(encoding="utf-8"), str(terms.shipped))
    return root if isinstance(shipped, list) else extended(root, shipped, at, found)


def _member(root: yaml.Node | None, name: str) -> yaml.Node | None:
    members = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value for key, value in members if key.value == name), None)


class _Reader:
    """Reads one file's fields; problems are noted in its nodes."""

    _texts: Texts

    def __init__(self, found: Nodes, terms: Terms) -> None:
        self._nodes = found
        self._terms = terms
        self._operation = ""
        self._roots = tuple(ROOTS)
        self._environment: ImmutableSandboxedEnvironment = new_environment()
        self._lookups: dict[str, dict[str, Any]] = {}
        self._places: dict[str, Lookup] = {}
        self._names: set[str] = set()
        self._fields_read = 0
        self._depth = 0
        self._removes = False  # whether `null` takes a field away here

    def mapping(self, root: yaml.Node | None) -> Mapping:
        found = self._nodes
        top = dict(found.members(root, "a mapping file", _TOP))
        texts = self._texts = Texts(found, top.get("texts"), self._environment)
        if "destination" in top:
            self._destination(top["destination"])
        if "lookups" in top:
            for name, table in found.members(top["lookups"], "`lookups`"):
                self._places[name] = dict(found.members(table, "a lookup"))
                self._lookups[name] = {key: self._looked_up(value) for key, value in self._places[name].items()}
        operations: dict[str, tuple[Field, ...]] = {}
        if "operations" in top:
            operations = self._operations(top["operations"])
            self._tell_lacking(top["operations"], operations)
        elif root is not None and not found.problems:
            found.problem(root, "there are no `operations`", "add `operations:` with `open:` below it")
        overrides: tuple[Override, ...] = ()
        if "overrides" in top:
            self._removes = True
            overrides = tuple(self._override(one) for one in found.items(top["overrides"], "`overrides`"))
        texts.tell_unused()
        minimise = self._minimise(top["minimise"]) if "minimise" in top else None
        return Mapping(operations, frozenset(self._names), overrides, minimise)

    def _minimise(self, node: yaml.Node) -> Minimise | None:
        found: dict[str, str] = {}
        for name, value in self._nodes.members(node, "`minimise`", Minimise._fields):
            found[name] = str(self._nodes.scalar(value))
            if found[name] not in MINIMISED:
                self._nodes.problem(value, f"`{name}` cannot be `{found[name]}`", did_you_mean(found[name], MINIMISED))
        wanted = Minimise(**found)
        return None if wanted == Minimise() else wanted

    def _destination(self, node: yaml.Node) -> None:
        name, names = str(self._nodes.scalar(node)), self._terms.names
        if names and name.replace("-", "_") not in names:
            self._nodes.problem(node, f"this mapping is not for `{name}`", did_you_mean(name, names))

    def _override(self, node: yaml.Node) -> Override:
        spec = dict(self._nodes.members(node, "an override", ("for", "operations")))
        for name in ("for", "operations"):
            if isinstance(node, yaml.MappingNode) and name not in spec:
                self._nodes.problem(node, f"an override needs `{name}`", f"add `{name}:` to it")
        conditions = conditions_of(spec["for"], self._nodes) if "for" in spec else ()
        return Override(conditions, self._operations(spec["operations"]) if "operations" in spec else {})

    def _operations(self, node: yaml.Node) -> dict[str, tuple[Field, ...]]:
        operations: dict[str, tuple[Field, ...]] = {}
        for name, fields in self._nodes.members(node, "`operations`", OPERATIONS):
            self._operation, self._roots = name, roots_of(name, self._terms.subject)
            operations[name] = tuple(self._fields(fields))
        return operations

    def _tell_lacking(self, node: yaml.Node, there: Members[str, tuple[Field, ...]]) -> None:
        """Tell of what the destination needs and would find empty; not where a misspelt name may stand for it."""
        if isinstance(node, yaml.MappingNode) and all(key.value in OPERATIONS for key, _ in node.value):
            for name in self._terms.needed:
                if not there.get(name):
                    hint = f"add `{name}:` below `operations:`"
                    self._nodes.problem(node, f"no operation `{name}`, of which all is made that is sent", hint)

    def _fields(self, node: yaml.Node) -> Iterator[Field]:
        names = (*self._terms.limits, *self._terms.ours.get(self._operation, ()))
        for name, value in self._nodes.members(node, "an operation", self._terms.known):
            self._names.add(name)
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
            if not self._removes:
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
        before, self._removes = self._removes, False  # a list is taken as a whole: nothing stands below its members
        try:
            return tuple(self._field(str(number), value, inside) for number, value in enumerate(node.value))
        finally:
            self._removes = before

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

"""Reading a mapping file: every mistake with its line; nothing of a wrong file is ever used."""

from collections.abc import Mapping as Members
from pathlib import Path
from typing import Final

import yaml

from shared.delivery.mapping import ANY, MINIMISED, OPERATIONS, Mapping, Minimise, Terms
from shared.delivery.mapping_conditions import conditions_of
from shared.delivery.mapping_extends import extended
from shared.delivery.mapping_field import Field
from shared.delivery.mapping_field_reader import FieldReader
from shared.delivery.mapping_overrides import Override
from shared.delivery.mapping_texts import Texts
from shared.delivery.mapping_values import Lookup
from shared.delivery.sandbox import new_environment
from shared.events.nodes import Nodes, composed
from shared.events.problem import Problem, did_you_mean

_TOP = ("description", "destination", "extends", "lookups", "texts", "operations", "overrides", "minimise")
_SHIPPED: Final = "shipped"


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
    """Reads one file; problems are noted in its nodes."""

    _fields: FieldReader

    def __init__(self, found: Nodes, terms: Terms) -> None:
        self._nodes = found
        self._terms = terms

    def mapping(self, root: yaml.Node | None) -> Mapping:
        found = self._nodes
        top = dict(found.members(root, "a mapping file", _TOP))
        environment = new_environment()
        texts = Texts(found, top.get("texts"), environment)
        if "destination" in top:
            self._destination(top["destination"])
        lookups: dict[str, Lookup] = {}
        if "lookups" in top:
            for name, table in found.members(top["lookups"], "`lookups`"):
                lookups[name] = dict(found.members(table, "a lookup"))
        self._fields = FieldReader(found, self._terms, texts, environment, lookups)
        operations: dict[str, tuple[Field, ...]] = {}
        if "operations" in top:
            operations = self._operations(top["operations"])
            self._tell_lacking(top["operations"], operations)
        elif root is not None and not found.problems:
            found.problem(root, "there are no `operations`", "add `operations:` with `open:` below it")
        overrides: tuple[Override, ...] = ()
        if "overrides" in top:
            self._fields.removes = True
            overrides = tuple(self._override(one) for one in found.items(top["overrides"], "`overrides`"))
        texts.tell_unused()
        minimise = self._minimise(top["minimise"]) if "minimise" in top else None
        return Mapping(operations, frozenset(self._fields.names), overrides, minimise)

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
        members = self._nodes.members(node, "`operations`", OPERATIONS)
        return {name: self._fields.fields(name, fields) for name, fields in members}

    def _tell_lacking(self, node: yaml.Node, there: Members[str, tuple[Field, ...]]) -> None:
        """Tell of what the destination needs and would find empty; not where a misspelt name may stand for it."""
        if isinstance(node, yaml.MappingNode) and all(key.value in OPERATIONS for key, _ in node.value):
            for name in self._terms.needed:
                if not there.get(name):
                    hint = f"add `{name}:` below `operations:`"
                    self._nodes.problem(node, f"no operation `{name}`, of which all is made that is sent", hint)

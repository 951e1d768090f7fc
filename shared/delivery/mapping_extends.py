"""`extends: shipped`: an own file over the shipped one, member by member, before either is read as a mapping.

What stands in the own file wins; `null` takes one member away. What is left of the shipped file gets the line of
`extends` in the own one, so that each problem names a line that its reader can change.
"""

from collections.abc import Callable

import yaml

from shared.events.nodes import Nodes, is_nothing
from shared.events.problem import did_you_mean

_Merge = Callable[[yaml.Node, yaml.Node], yaml.Node]


def extended(own: yaml.MappingNode, shipped: yaml.Node | None, at: yaml.Node, nodes: Nodes) -> yaml.Node:
    """Return the two as one file; problems are noted in `nodes`. `at` is where the own one says that it extends."""
    if not isinstance(shipped, yaml.MappingNode):
        return own
    _move(shipped, at)
    return _Over(nodes).file(own, shipped)


class _Over:
    """One own file over one shipped one."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def file(self, own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
        merges = {
            "lookups": self._tables,
            "texts": self._single,
            "operations": self._operations,
            "overrides": _in_turn,
            "minimise": self._single,
        }
        return self._merged(own, shipped, merges.get)

    def _tables(self, own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
        return self._merged(own, shipped, lambda _name: self._single)

    def _single(self, own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
        return self._merged(own, shipped, lambda _name: None)

    def _operations(self, own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
        return self._merged(own, shipped, lambda _name: self._fields)

    def _fields(self, own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
        return self._merged(own, shipped, lambda _name: self._field)

    def _field(self, own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
        groups = _is_group(own) and _is_group(shipped)
        return self._merged(own, shipped, {"fields": self._fields}.get) if groups else own

    def _merged(self, own: yaml.Node, shipped: yaml.Node, merge: Callable[[str], _Merge | None]) -> yaml.Node:
        """Return the members of both; what is no mapping node, or stands there twice, is left to whoever reads it."""
        if not isinstance(own, yaml.MappingNode) or not isinstance(shipped, yaml.MappingNode):
            return own
        members = {str(key.value): (key, value) for key, value in shipped.value}
        known = list(members)
        twice = []
        seen: set[str] = set()
        for key, value in own.value:
            name = str(key.value)
            within = merge(name)
            if name in seen:
                twice.append((key, value))
            elif is_nothing(value):
                if members.pop(name, None) is None:
                    hint = did_you_mean(name, known, "remove this line")
                    self._nodes.problem(key, f"the shipped mapping has no `{name}` here to take away", hint)
            else:
                members[name] = (
                    key,
                    value if within is None or name not in members else within(value, members[name][1]),
                )
            seen.add(name)
        return yaml.MappingNode(own.tag, [*members.values(), *twice], own.start_mark, own.end_mark, own.flow_style)


def _in_turn(own: yaml.Node, shipped: yaml.Node) -> yaml.Node:
    """Return the items of both lists, the own ones last."""
    if not isinstance(own, yaml.SequenceNode) or not isinstance(shipped, yaml.SequenceNode):
        return own
    return yaml.SequenceNode(own.tag, [*shipped.value, *own.value], own.start_mark, own.end_mark, own.flow_style)


def _is_group(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and any(key.value == "fields" for key, _ in node.value)


def _move(shipped: yaml.Node, at: yaml.Node) -> None:
    """Give every node of the shipped file the place `at`."""
    waiting = [shipped]
    while waiting:
        node = waiting.pop()
        node.start_mark, node.end_mark = at.start_mark, at.end_mark
        if isinstance(node, yaml.MappingNode):
            waiting.extend(child for pair in node.value for child in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)

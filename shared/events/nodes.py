"""The nodes of a file that people edit, and what is wrong with them, each with its line."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import yaml

from shared.events.problem import Problem, did_you_mean
from shared.events.yaml_nodes import compose, scalar

_MAX_FILE: Final = 262_144
_NOWHERE: Final[Mapping[str, str]] = MappingProxyType({})
_NULL: Final = "tag:yaml.org,2002:null"


def composed(source: str, name: str) -> yaml.Node | list[Problem] | None:
    """Return the root of a file, None of an empty one; `name` stands in problems."""
    if len(source) > _MAX_FILE:
        return [Problem(name, 0, f"the file is longer than {_MAX_FILE} characters")]
    try:
        return compose(source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return [Problem(name, line, f"this is not YAML: {error.problem}")]
    except (yaml.YAMLError, ValueError):
        return [Problem(name, 0, "this is not YAML that can be read", "it must be UTF-8, at most 40 levels deep")]


def is_nothing(node: yaml.Node) -> bool:
    """Return True for `null`, which takes away what stands below."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def line_before(node: yaml.Node) -> int:
    """Return the line before the first one of a text, as a block's text begins below its `|`."""
    return node.start_mark.line + (1 if getattr(node, "style", None) in {"|", ">"} else 0)


class Nodes:
    """What is read of one file's nodes, and the problems that were found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def problem(self, node: yaml.Node | None, message: str, suggestion: str = "") -> None:
        """Note a mistake at the line of a node."""
        line = node.start_mark.line + 1 if node is not None else 0
        self.problems.append(Problem(self.file, line, message, suggestion))

    def members(
        self,
        node: yaml.Node | None,
        what: str,
        known: tuple[str, ...] = (),
        elsewhere: Mapping[str, str] = _NOWHERE,
    ) -> Iterator[tuple[str, yaml.Node]]:
        """Yield name and value of each member of a mapping node, each name once and only those that are known.

        `elsewhere` says of names that have their place in another mapping what to do.
        """
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} must have members, as `name: value`")
            return
        seen: set[str] = set()
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in seen:
                self.problem(key_node, f"`{key}` stands here twice", "keep one of them")
            elif known and key not in known:
                self.problem(key_node, f"{what} has no member `{key}`", elsewhere.get(key) or did_you_mean(key, known))
            else:
                seen.add(key)
                yield key, value

    def items(self, node: yaml.Node, what: str) -> Iterator[yaml.Node]:
        """Yield the items of a list."""
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        else:
            self.problem(node, f"{what} must be a list, each of its items after a `-`")

    def scalar(self, node: yaml.Node) -> Any:
        """Return a single value: a text, a number, a truth or None."""
        if isinstance(node, yaml.ScalarNode):
            try:
                value = scalar(node)
            except (yaml.YAMLError, ValueError):  # a tag such as !!python/name, a date that is none
                self.problem(node, f"`{node.value[:40]}` cannot be read", "put the text in quotes, without a tag")
                return None
            if isinstance(value, str | int | float | None):
                return value
            self.problem(node, f"`{node.value[:40]}` is no text, number or truth", "put it in quotes")
            return None
        self.problem(node, "this must be a single value")
        return None

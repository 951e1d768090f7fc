"""YAML with the line of everything, so that a mistake can be shown where it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.events.problem import Problem
from shared.events.yaml_nodes import compose_all, scalar


@dataclass(frozen=True, slots=True)
class Located:
    """A value and its line, counted from 1 (of its key, inside a mapping); children are Located too."""

    value: Any
    line: int

    def get(self, *path: str) -> "Located | None":
        """Return what lies under these keys, or None where a step is missing or is no mapping."""
        here: Located | None = self
        for key in path:
            here = here.value.get(key) if here is not None and isinstance(here.value, dict) else None
        return None if here is None or here.value is None else here

    def text(self, *path: str) -> str:
        """Return the text under these keys, empty where there is none."""
        found = self.get(*path)
        return found.value if found is not None and isinstance(found.value, str) else ""

    def mapping(self) -> "dict[str, Located]":
        """Return the children by key, empty where this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> "list[Located]":
        """Return the children in order, empty where this is no list."""
        return self.value if isinstance(self.value, list) else []

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


def read_documents(path: Path, name: str) -> list[Located] | Problem:
    """Read the YAML documents of a file that are mappings; a file that is no YAML is a Problem with its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):  # no Unicode, or a name that no file can have
        return Problem(name, 0, "the file cannot be read as UTF-8 text", "check its permissions and encoding")
    try:
        return [located for located in parsed(text) if located.mapping()]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        return Problem(name, line, f"not valid YAML: {error.problem}", "check indentation, colons and quotes")
    except (yaml.YAMLError, ValueError):
        return Problem(name, 0, "not valid YAML", "check indentation, colons and quotes")


def parsed(text: str) -> list[Located]:
    """Return the YAML documents of a text. Raises YAMLError, ValueError."""
    return [_locate(node) for node in compose_all(text)]


def _locate(node: yaml.Node) -> Located:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return Located(dict(_members(node)), line)
    if isinstance(node, yaml.SequenceNode):
        return Located([_locate(child) for child in node.value], line)
    return Located(scalar(node) if isinstance(node, yaml.ScalarNode) else None, line)


def _members(node: yaml.MappingNode) -> Iterator[tuple[str, Located]]:
    for key, child in node.value:
        yield str(key.value), Located(_locate(child).value, key.start_mark.line + 1)

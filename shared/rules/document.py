"""Read a YAML file as plain data that remembers the line of every key and item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from shared.events.problem import Problem
from shared.events.yaml_nodes import compose, scalar

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a file, and for each path in it the line (from 1) where that key or item stands."""

    file: str
    data: Any
    lines: dict[Path, int]

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of a path, or of the nearest thing around it that the file has."""
        for end in range(len(path), 0, -1):
            found = self.lines.get(tuple(path[:end]))
            if found is not None:
                return found
        return self.lines.get((), 1)

    def problem(self, path: Sequence[str | int], message: str, suggestion: str = "") -> Problem:
        """Return a problem at the line of a path."""
        return Problem(self.file, self.line(path), message, suggestion)


def read(file: str, text: str) -> tuple[Document, list[Problem]]:
    """Read one YAML document. Where it is broken, data is None and the problems say where."""
    lines: dict[Path, int] = {(): 1}
    problems: list[Problem] = []
    try:
        node = compose(text)
        data = None if node is None else _Builder(file, lines, problems).build(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"broken YAML: {error.problem or error.context}"
        hint = "check the indentation, the quotes and the brackets on this line and the one before"
        line = min(mark.line + 1, max(1, len(text.splitlines()))) if mark else 0
        return Document(file, None, lines), [Problem(file, line, message, hint)]
    except (yaml.YAMLError, ValueError):
        hint = "the file must be UTF-8 text, at most 40 levels deep"
        return Document(file, None, lines), [Problem(file, 0, "broken YAML: not readable as text", hint)]
    return Document(file, data, lines), problems


class _Builder:
    """Turn YAML nodes into data."""

    def __init__(self, file: str, lines: dict[Path, int], problems: list[Problem]) -> None:
        self._file = file
        self._lines = lines
        self._problems = problems

    def build(self, node: Any, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, place)) for place, item in enumerate(node.value)]
        try:
            return scalar(node)
        except yaml.MarkedYAMLError:  # a tag such as !!python/object: nothing that a rule needs
            self._say(node, f"the tag {node.tag} is not allowed", "write a plain value")
        except ValueError:  # a date that is none, a number with a million digits
            self._say(node, f"{node.value[:40]!r} cannot be read", "put the text in quotes")
        return str(node.value)

    def _mapping(self, node: Any, path: Path) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.tag)
            if key in data:
                self._say(key_node, f'"{key}" stands twice in the same place', "remove one of the two")
                continue
            self._lines[(*path, key)] = key_node.start_mark.line + 1
            data[key] = self.build(value_node, (*path, key))
        return data

    def _say(self, node: Any, message: str, suggestion: str) -> None:
        self._problems.append(Problem(self._file, node.start_mark.line + 1, message, suggestion))

"""The file that says where the payloads of a path have which field: every mistake with its line.

paths:
  /events:
    kind: object.kind
    name: object.name
    message: text
"""

from pathlib import Path
from typing import Any

from functions.intake.paths import PATHS
from shared.events.problem import Problem, did_you_mean
from shared.sources.fields import KNOWN, NEEDED, Fields

_MAX_FILE = 65_536


def load_layouts(path: Path) -> dict[str, Fields] | list[Problem]:
    """Return the fields by path, or all that is wrong with the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(str(path), 0, f"the file cannot be read ({type(error).__name__})")]
    return read_layouts(text, str(path))


def read_layouts(text: str, file: str) -> dict[str, Fields] | list[Problem]:
    """Return the fields by path, or all that is wrong with a text; `file` stands in messages."""
    import yaml  # only where a site has a layout of its own

    from shared.events.yaml_nodes import compose

    if len(text) > _MAX_FILE:
        return [Problem(file, 0, f"the file is longer than {_MAX_FILE} characters")]
    try:
        root = compose(text)
    except yaml.MarkedYAMLError as error:
        return [Problem(file, error.problem_mark.line + 1 if error.problem_mark else 0, "this is not YAML")]
    except (yaml.YAMLError, ValueError):
        return [Problem(file, 0, "this is not YAML that can be read", "it must be UTF-8, at most 40 levels deep")]
    reader = _Reader(file)
    layouts = reader.layouts(root)
    return sorted(reader.problems) if reader.problems else layouts


class _Reader:
    """Reads one file and collects its problems."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[Problem] = []

    def layouts(self, root: Any) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        for key, paths in self._members(root, "the file", ("paths",)):
            for path, fields in self._members(paths, f"`{key}`", PATHS):
                found[path] = {name: self._path(name, node) for name, node in self._members(fields, path, KNOWN)}
                lacking = [name for name in NEEDED if name not in found[path]]
                if lacking:
                    self._problem(fields, f"{path} does not say where {', '.join(lacking)} is", "add it")
        if not found and not self.problems:
            self._problem(root, "there are no `paths`", "add `paths:` with a path such as `/events:` below it")
        return found

    def _members(self, node: Any, what: str, known: Any) -> list[tuple[str, Any]]:
        """Return the members of a mapping whose keys are known; all else is a problem."""
        members = node.value if getattr(node, "id", "") == "mapping" else None
        if members is None:
            self._problem(node, f"{what} must be a mapping", f"use one of: {', '.join(known)}")
            return []
        found: dict[str, Any] = {}
        for key, value in members:
            name = str(key.value)
            if name not in known:
                self._problem(key, f"{what} has no `{name}`", did_you_mean(name, known))
            elif name in found:
                self._problem(key, f"`{name}` is there twice", "keep one of them")
            else:
                found[name] = value
        return list(found.items())

    def _path(self, name: str, node: Any) -> str:
        text = node.value if getattr(node, "id", "") == "scalar" else ""
        if not isinstance(text, str) or not text.strip("."):
            self._problem(node, f"`{name}` must be the dotted path of a member of the payload", "as `object.name`")
            return ""
        return text

    def _problem(self, node: Any, message: str, suggestion: str = "") -> None:
        line = node.start_mark.line + 1 if node is not None else 0
        self.problems.append(Problem(self._file, line, message, suggestion))


def layouts_schema() -> dict[str, Any]:
    """Return the JSON Schema of such a file."""
    fields = {
        "type": "object",
        "properties": {name: {"type": "string", "minLength": 1} for name in KNOWN},
        "required": list(NEEDED),
        "additionalProperties": False,
    }
    return {
        "title": "Layouts",
        "description": "Where the payloads of a path of intake have which field: dotted paths into the payload.",
        "type": "object",
        "properties": {
            "paths": {
                "type": "object",
                "properties": dict.fromkeys(PATHS, fields),
                "additionalProperties": False,
                "minProperties": 1,
            }
        },
        "required": ["paths"],
        "additionalProperties": False,
    }

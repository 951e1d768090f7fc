"""Texts: parts of templates by name. `{{ texts.news }}` stands for the text of that name, as if it were written there.

So what several fields, operations and destinations say alike is written once: in `texts.yaml` beside this module, which
every mapping can use, and replace by `texts:` of its own. Another language is a mapping that replaces them.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.delivery.mapping_names import ROOTS, check_names
from shared.delivery.sandbox import MAX_SOURCE, parse
from shared.delivery.templates import TemplateRefused
from shared.events.nodes import Nodes, composed, line_before
from shared.events.problem import Problem, did_you_mean

COMMON: Final = Path(__file__).with_name("texts.yaml")
"""The texts that every mapping can use."""
_MAX_DEPTH: Final = 8
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_USED: Final = re.compile(r"\{\{ *texts\.(\w+) *\}\}")


@cache
def common() -> dict[str, str]:
    """Return the common texts by name."""
    root = composed(COMMON.read_text(encoding="utf-8"), COMMON.name)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - shipped, and read by tests
    return {str(key.value): str(value.value) for key, value in root.value}


class Texts:
    """The texts of one mapping: the common ones, and its own above them. Problems are noted in `nodes`."""

    def __init__(self, nodes: Nodes, own: yaml.Node | None, environment: ImmutableSandboxedEnvironment) -> None:
        self._nodes = nodes
        self._environment = environment
        self._texts = dict(common())
        self._broken: set[str] = set()
        self._filled: dict[str, str | None] = {}
        self._inside: list[str] = []
        self._unused: dict[str, yaml.Node] = {}
        for name, value in nodes.members(own, "`texts`") if own is not None else ():
            if name not in self._texts:
                self._unused[name] = value
            self._texts[name] = self._checked(name, value)

    def filled(self, node: yaml.Node, source: str) -> str | None:
        """Return a template with its texts in place; None where one of them is wrong, which is noted."""
        if "texts." not in source:
            return source
        parts: list[str] = []
        end = size = 0
        for found in _USED.finditer(source):
            text = self._text(node, found[1])
            if text is None:
                return None
            parts += (source[end : found.start()], text)
            end = found.end()
            size += len(text)
            if size > MAX_SOURCE:
                self._nodes.problem(node, f"with its texts the template is longer than {MAX_SOURCE} characters")
                return None
        return "".join([*parts, source[end:]])

    def tell_unused(self) -> None:
        """Note each own text that nothing uses: its name is a slip of the pen."""
        for name, node in self._unused.items():
            self._nodes.problem(node, f"no template uses the text `{name}`", did_you_mean(name, common()))

    def _text(self, node: yaml.Node, name: str) -> str | None:
        self._unused.pop(name, None)
        if name not in self._filled:
            self._filled[name] = self._found(node, name)
        return self._filled[name]

    def _found(self, node: yaml.Node, name: str) -> str | None:
        text = self._texts.get(name)
        if text is None:
            self._nodes.problem(node, f"there is no text `{name}`", did_you_mean(name, self._texts))
            return None
        if name in self._inside or len(self._inside) == _MAX_DEPTH:
            self._nodes.problem(node, f"the text `{name}` holds itself, or texts are more than {_MAX_DEPTH} deep")
            return None
        if name in self._broken:
            return None
        self._inside.append(name)
        try:
            return self.filled(node, text)
        finally:
            self._inside.pop()

    def _checked(self, name: str, node: yaml.Node) -> str:
        """Return a text as it is written; what is wrong in it by itself is noted at its own line."""
        before = len(self._nodes.problems)
        source = str(self._nodes.scalar(node))
        if not _NAME.fullmatch(name):
            self._nodes.problem(node, f"`{name}` is no name of a text", "write small letters, digits and `_`")
        begin = line_before(node)
        found, file = self._nodes.problems, self._nodes.file
        try:
            tree = parse(self._environment, _USED.sub("", source))
        except TemplateRefused as refused:
            found.append(Problem(file, begin + refused.line, refused.message, refused.suggestion))
        else:
            # A loop's variable may come from where the text is used, where all names are checked once more.
            for line, message, suggestion in check_names(tree, tuple(ROOTS)):
                if not message.startswith("there is no "):
                    found.append(Problem(file, begin + line, message, suggestion))
        if len(found) > before:
            self._broken.add(name)
        return source

"""The commands that the documentation names: of its `sh` blocks, and of what its prose says in code.

Read by the grammar of tree-sitter, so that a command in `$(…)`, in a loop or behind a pipe counts like all others, and
what stands in quotes or in a here-document is none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from tests.support.pages import blocks
from tests.support.servers import ROOT

UNKNOWN = "x"
"""Stands for what only a shell could say: a variable, or what another command prints."""

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_EXPANSIONS = frozenset({"expansion", "simple_expansion", "command_substitution", "process_substitution"})
_ENVIRONMENT = re.compile(r"^\.venv[\w-]*/bin/")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: where it stands, its words, whether a test runs it, and whether prose names it in passing."""

    place: str
    words: tuple[str, ...]
    runs: bool = False
    prose: bool = False

    @property
    def program(self) -> str:
        """Return what is called."""
        return self.words[0]


def commands(page: Path, root: Path = ROOT) -> Iterator[Command]:
    """Yield the commands of a page's `sh` blocks, in their order, then those of its prose."""
    for block in blocks(page, root):
        for line, words in parsed(block.text):
            yield Command(f"{block.page}:{block.line + line}", words, runs=block.runs)
    text = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), page.read_text(encoding="utf-8"))
    for code in _CODE.finditer(text):
        place = f"{page.relative_to(root)}:{text.count(chr(10), 0, code.start()) + 1}"
        for _, words in parsed(code[1].replace("\n", " ").replace("\\|", "|")):
            yield Command(place, words, prose=True)


def parsed(text: str) -> list[tuple[int, tuple[str, ...]]]:
    """Return the words of each command of a script, and in which line it begins, from 0 on.

    The environment of Python in which a program lies is left away, `python -m pip` is `pip`, and the script's own
    functions are none.
    """
    tree = Parser(Language(tree_sitter_bash.language())).parse(text.encode())
    nodes = list(_below(tree.root_node))
    own = {_value(node.named_children[0]) for node in nodes if node.type == "function_definition"}
    found = [(node.start_point.row, _words(node)) for node in nodes if node.type == "command"]
    return [(line, words) for line, words in found if words[0] not in own]


def _below(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _below(child)


def _words(command: Node) -> tuple[str, ...]:
    said = [child for child in command.named_children if child.type not in {"variable_assignment", "file_redirect"}]
    program, *words = map(_value, said)
    program = _ENVIRONMENT.sub("", program)
    return ("pip", *words[2:]) if program == "python" and words[:2] == ["-m", "pip"] else (program, *words)


def _value(node: Node) -> str:
    text = (node.text or b"").decode()
    if node.type in _EXPANSIONS:
        return UNKNOWN
    if node.type == "raw_string":
        return text[1:-1]
    if node.type in {"string", "concatenation", "command_name"}:
        return "".join(map(_value, node.named_children))
    return re.sub(r"\\(.)", r"\1", text) if node.type == "word" else text

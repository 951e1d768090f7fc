"""Split what a person has at hand into values: JSON in one piece or many, JSON lines, YAML; as it comes in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import orjson
import yaml

from shared.events.json_items import is_json
from shared.events.limits import Limits, exceeded
from shared.events.yaml_nodes import refuse_depth

_ANY_SIZE = Limits(body=1 << 40)
_MOST_NODES = 5_000_000  # of a YAML document: an alias may stand for a whole tree
_MOST_LEVELS = 255  # JSON is written no deeper, and what contains itself has no last one
_MOST_TRIES = 50  # to read what was gathered so far as a whole
_CONTINUES = re.compile(rb"[\[{,:]\s*$")
_YAML = re.compile(rb"\s*(---|- |[\w.\"'/-]+\s*:(\s|$)|#|%)")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An input that holds no observation, and why."""

    error: str


def values(file: IO[bytes], suffix: str = "") -> Iterator[Any]:
    """Yield what a file holds, in order, each as soon as it is whole; Unreadable in the place of what is not.

    The form is told by the first line: a whole value begins JSON lines; the beginning of one, JSON over many lines
    (one after another, as `kubectl get -w -o json` prints them); else YAML. `suffix` settles it for `.yaml`.
    """
    if suffix in {".yaml", ".yml"}:
        yield from _yaml(file.read())
        return
    first = next((line for line in file if line.strip()), b"").removeprefix(b"\xef\xbb\xbf")
    if not first:
        yield Unreadable("there is nothing in it")
    elif is_json(first) or not (_CONTINUES.search(first) or _YAML.match(first)):
        yield _value(first)
        for line in file:
            if line.strip():
                yield _value(line)
    elif first.lstrip()[:1] in b"[{":
        yield from _pieces(first, file)
    else:
        yield from _yaml(first + file.read())


def _pieces(first: bytes, file: IO[bytes]) -> Iterator[Any]:
    """Yield values that take many lines each; a value ends where a bracket stands at the beginning of a line."""
    gathered, tries = [first], 0
    for line in file:
        gathered.append(line)
        if line[:1] in b"]}" and tries < _MOST_TRIES:
            text = b"".join(gathered)
            if is_json(text):
                yield _value(text)
                gathered, tries = [], 0
            else:
                tries += 1
    rest = b"".join(gathered)
    if not rest.strip():
        return
    lines = [line for line in rest.splitlines() if line.strip()]
    if not is_json(rest) and any(is_json(line) for line in lines):
        yield from map(_value, lines)  # JSON lines after all, of which the first was cut off
    else:
        yield _value(rest)


def _value(text: bytes) -> Any:
    excess = exceeded(text, _ANY_SIZE)
    if excess is not None:
        return Unreadable(f"refused: {excess}")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Unreadable(f"not valid JSON: {error.msg}, line {error.lineno} column {error.colno}")


def _yaml(text: bytes) -> Iterator[Any]:
    try:
        refuse_depth(text, _ANY_SIZE.depth)
        documents = [item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield Unreadable(f"not valid YAML{f', line {mark.line + 1}' if mark else ''}: {error.problem or error.context}")
        return
    except (yaml.YAMLError, ValueError) as error:
        yield Unreadable(f"not valid YAML: {str(error).splitlines()[0]}")
        return
    if not documents:
        yield Unreadable("there is nothing in it")
    for document in documents:
        yield _as_json(document)


def _as_json(document: Any) -> Any:
    """Return a YAML document as the JSON that it means: times as text, names as text."""
    if not _measured(document):
        return Unreadable("refused: too large")
    option = orjson.OPT_NON_STR_KEYS | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
    try:
        return orjson.loads(orjson.dumps(document, default=str, option=option))
    except (TypeError, ValueError):
        return Unreadable("it holds something that JSON cannot hold")


def _measured(document: Any) -> bool:
    """Return True for what is not too large once its aliases are written out.

    It goes down level by level, and what stands several times on one level is counted so often but walked once.
    """
    left, level = _MOST_NODES, {id(document): (document, 1)}
    for _ in range(_MOST_LEVELS):
        if not level or left <= 0:
            break
        below: dict[int, tuple[Any, int]] = {}
        for node, times in level.values():
            left -= times
            for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
                below[id(child)] = (child, times + below.get(id(child), (child, 0))[1])
        level = below
    return not level and left > 0

"""Write messages that a regular expression matches: small, deterministic, one for each alternative."""

import re
from collections.abc import Iterator
from itertools import islice
from re import _constants as sre  # type: ignore[attr-defined] # the parser of `re` has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_FILLER = {
    sre.CATEGORY_DIGIT: "7",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_WORD: "w",
    sre.CATEGORY_NOT_DIGIT: "d",
    sre.CATEGORY_NOT_SPACE: "s",
    sre.CATEGORY_NOT_WORD: "-",
}
_OPEN = "\0"  # whatever a pattern leaves open
_MOST = 24  # messages from one pattern: alternatives multiply


def messages(pattern: str, anything: str = "something") -> list[str]:
    """Return texts that match the pattern: each branch of each alternation is in one of them at least.

    `anything` stands for whatever a pattern leaves open; with blanks around it, the words beside it stay words.

    Raises AssertionError where the generator does not understand the pattern: a text would not match.
    """
    if pattern in ("", "^$"):
        return [""]
    texts = list(dict.fromkeys(islice(_sequence(list(parser.parse(pattern))), _MOST)))
    texts = [text.replace(_OPEN, anything) for text in texts]
    for text in texts:
        assert re.search(pattern, text, re.DOTALL), (pattern, text)
    return texts


def _sequence(items: list[Any]) -> Iterator[str]:
    """Yield texts for the items one after the other, with the last item's choices changing first."""
    if not items:
        yield ""
        return
    for head in _one(*items[0]):
        for tail in _sequence(items[1:]):
            yield head + tail


def _one(operator: Any, argument: Any) -> Iterator[str]:
    """Yield the texts of one node of the pattern's tree."""
    if operator is sre.LITERAL:
        yield chr(argument)
    elif operator is sre.NOT_LITERAL:
        yield "x" if argument != ord("x") else "y"
    elif operator is sre.ANY:
        yield "z"
    elif operator is sre.IN:
        yield from _of_set(argument)
    elif operator is sre.BRANCH:
        for branch in argument[1]:
            yield from _sequence(list(branch))
    elif operator is sre.SUBPATTERN:
        yield from _sequence(list(argument[3]))
    elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, _, what = argument
        if list(what) == [(sre.ANY, None)]:
            yield _OPEN
        else:
            yield from _repeated(least, list(what))
    elif operator is sre.AT:
        yield ""
    else:
        raise AssertionError(f"the generator does not know {operator}")


def _repeated(least: int, what: list[Any]) -> Iterator[str]:
    """Yield the repeated part at least once, and once not at all where it may be left out."""
    for text in _sequence(what):
        yield text * max(least, 1)
    if least == 0:
        yield ""


def _of_set(argument: list[Any]) -> Iterator[str]:
    """Yield each single character that the set names (`re` makes a set of `(b|c)`), or one of what it stands for."""
    if argument[0][0] is sre.NEGATE:
        yield "x"
        return
    literals = [chr(value) for operator, value in argument if operator is sre.LITERAL]
    if literals:
        yield from literals
        return
    operator, value = argument[0]
    yield chr(value[0]) if operator is sre.RANGE else _FILLER[value]

"""Matchers in their plain form, and the tests they become.

A matcher is `(field, operator, argument)`, made of strings, numbers, booleans and tuples only, so that a compiled pack
can hold it. The argument of `not` is one `(operator, argument)` pair, that of `any` and `all` a tuple of such pairs.
"""

import operator as op
import re
from collections.abc import Callable
from typing import Any

from shared.rules.regex import escape, finder

Pair = tuple[str, Any]
Matcher = tuple[str, str, Any]
Test = Callable[[Any], bool]

TEXT_OPERATORS = ("prefix", "suffix", "contains", "glob", "regex")
NUMBER_OPERATORS = ("gt", "ge", "lt", "le")
OPERATORS = ("exact", "in", *TEXT_OPERATORS, "exists", *NUMBER_OPERATORS, "not", "any")


def as_regex(operator: str, argument: Any) -> str | None:
    """Return an RE2 pattern that finds at least what this matcher finds; None where there is none."""
    if operator == "any":
        choices = [as_regex(*pair) for pair in argument]
        return None if None in choices else "|".join(f"(?:{choice})" for choice in choices)
    if operator == "all":
        return next((found for found in (as_regex(*pair) for pair in argument) if found is not None), None)
    make = _REGEXES.get(operator)
    return make(argument) if make is not None and isinstance(argument, str) else None


def glob_regex(glob: str) -> str:
    """Return the pattern of a glob: `*` is any text, `?` any one character, all else itself."""
    parts = re.split(r"([*?])", glob)
    wild = {"*": "(?s:.*)", "?": "(?s:.)"}
    return rf"\A{''.join(wild.get(part) or escape(part) for part in parts if part)}\z"


_REGEXES: dict[str, Callable[[str], str]] = {
    "exact": lambda text: rf"\A{escape(text)}\z",
    "prefix": lambda text: rf"\A{escape(text)}",
    "suffix": lambda text: rf"{escape(text)}\z",
    "contains": escape,
    "glob": glob_regex,
    "regex": str,
}


def make_test(operator: str, argument: Any) -> Test:
    """Return the test of one operator. Raises KeyError for an unknown operator, PatternError for a bad pattern."""
    return _MAKERS[operator](argument)


def _exact(wanted: Any) -> Test:
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    return lambda value: value == wanted and not isinstance(value, bool)


def _in(wanted: Any) -> Test:
    words = frozenset(wanted)
    return lambda value: isinstance(value, str | int | float) and value in words


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    return lambda wanted: lambda value: isinstance(value, str) and compare(value, wanted)


def _regex(pattern: str) -> Test:
    find = finder(pattern)
    return lambda value: isinstance(value, str) and find(value)


def _exists(wanted: bool) -> Test:  # noqa: FBT001 - a maker takes its argument as the rule gives it
    return lambda value: (value is not None and value not in ("", {}, [])) is wanted


def _number(compare: Callable[[float, float], bool]) -> Callable[[Any], Test]:
    def make(wanted: Any) -> Test:
        def test(value: Any) -> bool:
            number = _as_number(value)
            return number is not None and compare(number, wanted)

        return test

    return make


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and 0 < len(value) <= 32:  # noqa: PLR2004 - longer than any number that counts something
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _not(inner: Pair) -> Test:
    test = make_test(*inner)
    return lambda value: not test(value)


def _any(pairs: tuple[Pair, ...]) -> Test:
    tests = [make_test(*pair) for pair in pairs]
    return lambda value: any(test(value) for test in tests)


def _all(pairs: tuple[Pair, ...]) -> Test:
    tests = [make_test(*pair) for pair in pairs]
    return lambda value: all(test(value) for test in tests)


_MAKERS: dict[str, Callable[[Any], Test]] = {
    "exact": _exact,
    "in": _in,
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "contains": _text(str.__contains__),
    "glob": lambda glob: _regex(glob_regex(glob)),
    "regex": _regex,
    "exists": _exists,
    "gt": _number(op.gt),
    "ge": _number(op.ge),
    "lt": _number(op.lt),
    "le": _number(op.le),
    "not": _not,
    "any": _any,
    "all": _all,
}


def describe(operator: str, argument: Any) -> str:
    """Return a matcher's expectation in words, as `starts with "Failed"`."""
    match operator:
        case "exact":
            return f"is {_shown(argument)}"
        case "in":
            return "is one of " + ", ".join(_shown(word) for word in argument)
        case "exists":
            return "is there" if argument else "is not there"
        case "not":
            return f"not ({describe(*argument)})"
        case "any" | "all":
            return (" or " if operator == "any" else " and ").join(describe(*pair) for pair in argument)
        case _:
            return f"{_WORDS[operator]} {_shown(argument)}"


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


_WORDS = {
    "prefix": "starts with",
    "suffix": "ends with",
    "contains": "contains",
    "glob": "looks like",
    "regex": "matches",
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
}

"""RSQL filters as GLPI 11 takes them: comparisons of properties, `;` for and, `,` for or, groups in parentheses."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Test = Callable[[Mapping[str, Any]], bool]
_COMPARISON: Final = re.compile(
    r"(?P<property>[a-zA-Z0-9_.]+)(?P<operator>=[a-z]*=|!=)(?P<value>\([^)]*\)|\"[^\"]*\"|'[^']*'|[^,;)]*)"
)


class FilterError(Exception):
    """The filter cannot be read."""


def parse(text: str) -> Test:
    """Return what tells whether an item fits. Raises FilterError."""
    test, rest = _any(text.strip())
    if rest:
        raise FilterError(rest)
    return test


def _any(text: str) -> tuple[Test, str]:
    test, rest = _all(text)
    tests = [test]
    while rest.startswith(","):
        test, rest = _all(rest[1:])
        tests.append(test)
    return (lambda item: any(one(item) for one in tests)), rest


def _all(text: str) -> tuple[Test, str]:
    test, rest = _one(text)
    tests = [test]
    while rest.startswith(";"):
        test, rest = _one(rest[1:])
        tests.append(test)
    return (lambda item: all(one(item) for one in tests)), rest


def _one(text: str) -> tuple[Test, str]:
    if text.startswith("("):
        test, rest = _any(text[1:])
        if not rest.startswith(")"):
            raise FilterError(text)
        return test, rest[1:]
    found = _COMPARISON.match(text)
    if found is None:
        raise FilterError(text)
    return _comparison(found["property"], found["operator"], found["value"]), text[found.end() :]


def _comparison(name: str, operator: str, value: str) -> Test:
    wanted = _plain(value)
    match operator:
        case "==":
            return lambda item: _shown(item, name) == wanted
        case "!=":
            return lambda item: _shown(item, name) != wanted
        case "=like=" | "=ilike=":
            like = re.compile(".*".join(re.escape(part) for part in wanted.split("*")), re.IGNORECASE | re.DOTALL)
            return lambda item: like.fullmatch(_shown(item, name)) is not None
        case "=in=" | "=out=":
            listed = {_plain(part) for part in value.strip("()").split(",")}
            return lambda item: (_shown(item, name) in listed) is (operator == "=in=")
        case "=gt=" | "=ge=" | "=lt=" | "=le=":
            return lambda item: _ordered(_shown(item, name), operator, wanted)
    raise FilterError(operator)


def _ordered(shown: str, operator: str, wanted: str) -> bool:
    left, right = (float(shown), float(wanted)) if shown.isdecimal() and wanted.isdecimal() else (shown, wanted)
    above = left > right  # type: ignore[operator] # both are numbers, or both are texts
    return (
        above or left == right
        if operator == "=ge="
        else above
        if operator == "=gt="
        else (not above if operator == "=le=" else not above and left != right)
    )


def _plain(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _shown(item: Mapping[str, Any], path: str) -> str:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)

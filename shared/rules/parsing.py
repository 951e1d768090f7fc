"""Turn what a rule says under `match` and in its texts into the plain form, naming every mistake."""

import re
from collections.abc import Callable
from typing import Any

from shared.events.problem import did_you_mean
from shared.rules import fields
from shared.rules.matchers import NUMBER_OPERATORS, OPERATORS, TEXT_OPERATORS, Matcher, Pair, glob_regex
from shared.rules.regex import PatternError, compiled

Path = tuple[str | int, ...]
Say = Callable[[Path, str, str], None]
"""Takes a path within the rule, what is wrong there, and what to write instead."""

PLACEHOLDERS = ("name", "namespace", "kind", "owner", "reason", "part", "component", "host", "cluster")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PYTHON_ONLY = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]|\(\?>|[*+?}]\+")
_MOST_WORDS = 500  # of one list


def matchers(match: dict[str, Any], say: Say) -> tuple[Matcher, ...]:
    """Return the plain matchers of `match`; wrong ones are left out and said."""
    made: list[Matcher] = []
    for field, value in match.items():
        path: Path = ("match", field)
        if not fields.known(field):
            open_fields = tuple(f"{start}KEY" for start in fields.OPEN)
            say(path, f'an observation has no field "{field}"', did_you_mean(field, (*fields.NAMES, *open_fields)))
            continue
        made += [(field, *pair) for pair in _pairs(field, value, path, say)]
    return tuple(made)


def _pairs(field: str, value: Any, path: Path, say: Say) -> list[Pair]:
    """Return the tests that a matcher stands for; all of them must hold."""
    if isinstance(value, dict):
        if not value:
            say(path, "an empty matcher", "write a value, a list or {prefix: ...}")
        return [pair for name, argument in value.items() for pair in _operator(field, name, argument, path, say)]
    if isinstance(value, list):
        words = [word for place, word in enumerate(value) if _scalar(field, word, (*path, place), say)]
        if not 0 < len(value) <= _MOST_WORDS:
            say(path, "an empty list" if not value else "too long a list", f"write 1 to {_MOST_WORDS} values")
        return [("in", tuple(words))] if words else []
    return [("exact", value)] if _scalar(field, value, path, say) else []


def _scalar(field: str, value: Any, path: Path, say: Say) -> bool:
    if field in fields.NUMERIC:
        good = isinstance(value, int) and not isinstance(value, bool)
        expected = "a number"
    elif field.startswith("original."):
        good, expected = isinstance(value, str | int | float), "a text, a number or true/false"
    else:
        good, expected = isinstance(value, str), f'a text: put it in quotes, as "{value}"'
    if not good:
        say(path, f"{value!r} is not what {field} holds", f"write {expected}")
    return good


def _operator(field: str, name: str, argument: Any, path: Path, say: Say) -> list[Pair]:
    path = (*path, name)
    if name not in OPERATORS or name in ("exact", "in"):
        say(path, f'there is no matcher "{name}"', did_you_mean(name, (*TEXT_OPERATORS, "exists", *NUMBER_OPERATORS)))
        return []
    if name in TEXT_OPERATORS:
        return _text(name, argument, path, say)
    if name in ("not", "any"):
        return _nested(field, name, argument, path, say)
    if name == "exists":
        good, expected = isinstance(argument, bool), "true or false"
    else:
        good, expected = isinstance(argument, int | float) and not isinstance(argument, bool), "a number, as {ge: 3}"
    if not good:
        say(path, f"{argument!r} is nothing for {name}", f"write {expected}")
    return [(name, argument)] if good else []


def _nested(field: str, name: str, argument: Any, path: Path, say: Say) -> list[Pair]:
    if name == "not":
        inner = _pairs(field, argument, path, say)
        return [("not", _together(inner))] if inner else []
    if not isinstance(argument, list) or not 0 < len(argument) <= _MOST_WORDS:
        say(path, '"any" takes a list of matchers', "write any: [{prefix: a}, {regex: b}]")
        return []
    choices = [_pairs(field, item, (*path, place), say) for place, item in enumerate(argument)]
    return [("any", tuple(_together(choice) for choice in choices if choice))]


def _together(pairs: list[Pair]) -> Pair:
    return pairs[0] if len(pairs) == 1 else ("all", tuple(pairs))


def _text(name: str, argument: Any, path: Path, say: Say) -> list[Pair]:
    if not isinstance(argument, str) or not argument:
        say(path, f"{argument!r} is nothing for {name}", f"write a text, as {{{name}: abc}}")
        return []
    if name in ("regex", "glob"):
        try:
            compiled(argument if name == "regex" else glob_regex(argument))
        except PatternError as error:
            what = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            say(path, f"the {name} is refused: {what}", _regex_hint(argument))
            return []
    return [(name, argument)]


def _regex_hint(pattern: str) -> str:
    if _PYTHON_ONLY.search(pattern):
        return "RE2 has no look-around, no backreferences and no possessive repeats: write it without"
    if re.search(r"\{\d+(,\d*)?\}", pattern):
        return "use smaller repeat counts, * or + instead of {n,m}, or several shorter rules"
    return "see github.com/google/re2/wiki/Syntax; put the pattern in single quotes and escape ( [ { . with \\"


def summary(text: str, say: Say) -> tuple[str, ...]:
    """Return the text split into literal, placeholder, literal, ...; a wrong placeholder is said."""
    parts = _PLACEHOLDER.split(text)
    for place in range(1, len(parts), 2):
        if parts[place] not in PLACEHOLDERS:
            say(("summary",), f"a summary has no {{{parts[place]}}}", did_you_mean(parts[place], PLACEHOLDERS))
            return ()
    if any("{" in literal or "}" in literal for literal in parts[::2]):
        say(("summary",), "a brace without its partner", "write a placeholder as {name}, and no other braces")
        return ()
    return tuple(parts)


def part(text: str | None, made: tuple[Matcher, ...], say: Say) -> tuple[str, ...]:
    """Return how the part is found (see Rule.part): as said, or by a group named `part` in one of the patterns."""
    if text is None:
        for field, operator, argument in made:
            patterns = tuple(pattern for pattern in _regexes(operator, argument) if "(?P<part>" in pattern)
            if patterns:
                return ("group", field, *patterns)
        return ()
    if text in ("container", "message"):
        return (text,)
    if fields.known(text):
        return ("field", text)
    say(("part",), f'"{text}" is no part', did_you_mean(text, ("container", "message", *fields.NAMES)))
    return ()


def _regexes(operator: str, argument: Any) -> list[str]:
    if operator == "regex":
        return [argument]
    if operator in ("any", "all"):
        return [pattern for pair in argument for pattern in _regexes(*pair)]
    return []

"""Which rules can match at all: hash tables for exact values, one RE2 set for all patterns on a field.

Finding the candidates costs the same for a hundred rules and for ten thousand. A candidate is only a possibility; the
rule set tests it in full.
"""

from typing import TYPE_CHECKING, Any

from shared.events.model import Observation
from shared.rules.fields import Getter, getter
from shared.rules.matchers import as_regex
from shared.rules.regex import PatternSet

if TYPE_CHECKING:
    from shared.rules.ruleset import Rule

LEAF = 8  # so few rules are tested one by one

_PATTERN_FIRST = ("message", "reason")
_EXACT_NEXT = ("kind", "component", "name", "namespace", "operation", "action", "host", "type")

Numbers = list[int]


class _Search:
    """The rules that are found by a pattern on one field."""

    def __init__(self, read: Getter, patterns: list[tuple[str, int]]) -> None:
        self._read = read
        self._numbers = [number for _, number in patterns]
        self._set = PatternSet(pattern for pattern, _ in patterns)

    def candidates(self, observation: Observation) -> list[int]:
        """Return the numbers whose pattern is found in the field; all of them where the set could not tell."""
        text = self._read(observation)
        if not isinstance(text, str):
            return []
        found = self._set.search(text)
        return self._numbers if found is None else [self._numbers[place] for place in found]


class Index:
    """A table for each field that rules name exactly, a pattern set for each field that they search, and the rest."""

    def __init__(self, rules: "tuple[Rule, ...]", numbers: Numbers, used: frozenset[str]) -> None:
        self._rules = rules
        self._used = used
        tables: dict[str, dict[Any, Any]] = {}
        patterns: dict[str, list[tuple[str, int]]] = {}
        rest: list[int] = []
        for number in numbers:
            field, values, pattern = _pivot(rules[number], used)
            if values:
                for value in values:
                    tables.setdefault(field, {}).setdefault(value, []).append(number)
            elif pattern:
                patterns.setdefault(field, []).append((pattern, number))
            else:
                rest.append(number)
        self._rest = rest
        self._tables = [(field, getter(field), table) for field, table in tables.items()]
        self._patterns = patterns
        self._sets: list[_Search] | None = None

    def candidates(self, observation: Observation) -> list[int]:
        """Return the numbers of the rules that may match, in no order."""
        found = list(self._rest)
        for field, read, table in self._tables:
            value = read(observation)
            try:
                numbers = table.get(value)
            except TypeError:  # a list or a mapping of `original`: no exact value
                continue
            if numbers is None:
                continue
            if isinstance(numbers, list) and len(numbers) > LEAF:
                numbers = table[value] = Index(self._rules, numbers, self._used | {field})
            found += numbers if isinstance(numbers, list) else numbers.candidates(observation)
        if self._sets is None:
            self._sets = [_Search(getter(field), patterns) for field, patterns in self._patterns.items()]
        for patterns in self._sets:
            found += patterns.candidates(observation)
        return found


def _pivot(rule: "Rule", used: frozenset[str]) -> tuple[str, tuple[Any, ...], str]:
    """Choose the matcher that a rule is found by: its field, and the exact values or else the pattern."""
    exact: dict[str, tuple[Any, ...]] = {}
    pattern: dict[str, str] = {}
    for field, operator, argument in rule.match:
        if field in used:
            continue
        if operator == "exact":
            exact[field] = (argument,)
        elif operator == "in":
            exact[field] = tuple(dict.fromkeys(argument))
        elif found := as_regex(operator, argument):
            pattern.setdefault(field, found)
    if "dialect" in exact:
        return "dialect", exact["dialect"], ""  # what is written for one costs the others nothing
    for field in _PATTERN_FIRST:
        if field in pattern and field not in exact:
            return field, (), pattern[field]
    for field in (*_EXACT_NEXT, *sorted(exact)):
        if field in exact:
            return field, exact[field], ""
    for field in sorted(pattern):
        return field, (), pattern[field]
    return "", (), ""

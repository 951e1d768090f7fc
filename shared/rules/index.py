"""Which rules can match at all: hash tables for exact values, one RE2 set for all patterns on a field.

Finding the candidates costs the same for a hundred rules and for ten thousand. A candidate is only a possibility; the
rule set tests it in full.
"""

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from shared.events.model import Observation
from shared.rules.fields import Getter, getter
from shared.rules.matchers import as_regex
from shared.rules.regex import PatternSet

if TYPE_CHECKING:
    from shared.rules.ruleset import Rule

LEAF = 8  # so few rules are tested one by one

_PATTERN_FIRST = ("message", "reason")
_MAPPINGS = ("annotations", "labels")
_KEYED = tuple(f"{which}." for which in _MAPPINGS)
_STATUS = "original.responseStatus.code"  # of an audit record: most went well, and most rules are about what did not
_EXACT = ("exact", "in")
_EXACT_NEXT = ("kind", "component", "name", "namespace", "operation", "action", "host", "type", _STATUS)

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
        present: dict[str, dict[Any, Any]] = {}
        patterns: dict[str, list[tuple[str, int]]] = {}
        rest: list[int] = []
        for number in numbers:
            field, values, pattern = _pivot(rules[number], used)
            if field in _MAPPINGS:
                present.setdefault(field, {}).setdefault(values[0], []).append(number)
            elif values:
                for value in values:
                    tables.setdefault(field, {}).setdefault(value, []).append(number)
            elif pattern:
                patterns.setdefault(field, []).append((pattern, number))
            else:
                rest.append(number)
        self._rest = rest
        self._tables = [(field, getter(field), table) for field, table in tables.items()]
        self._present = [(field, attrgetter(field), table) for field, table in present.items()]
        self._patterns = patterns
        self._sets: list[_Search] | None = None

    def candidates(self, observation: Observation) -> list[int]:
        """Return the numbers of the rules that may match, in no order."""
        found = list(self._rest)
        for field, read, table in self._tables:
            value = read(observation)
            try:
                there = value in table
            except TypeError:  # a list or a mapping of `original`: no exact value
                continue
            if there:
                found += self._behind(table, value, field, observation)
        for field, read, table in self._present:
            for key in table.keys() & read(observation).keys():
                found += self._behind(table, key, f"{field}.{key}", observation)
        if self._sets is None:
            self._sets = [_Search(getter(field), patterns) for field, patterns in self._patterns.items()]
        for patterns in self._sets:
            found += patterns.candidates(observation)
        return found

    def _behind(self, table: dict[Any, Any], value: Any, field: str, observation: Observation) -> Numbers:
        """Return what a table has for a value; where that is much, of it what other fields leave."""
        numbers = table[value]
        if isinstance(numbers, list):
            if len(numbers) <= LEAF:
                return numbers
            numbers = table[value] = Index(self._rules, numbers, self._used | {field})
        found: Numbers = numbers.candidates(observation)
        return found


def _pivot(rule: "Rule", used: frozenset[str]) -> tuple[str, tuple[Any, ...], str]:
    """Choose the matcher that a rule is found by: its field, and the exact values or else the pattern.

    What only has to be there is found by its key, with `annotations` or `labels` as the field.
    """
    matchers = [matcher for matcher in rule.match if matcher[0] not in used]
    exact = {field: _values(argument, operator) for field, operator, argument in matchers if operator in _EXACT}
    if "dialect" in exact:
        return "dialect", exact["dialect"], ""  # what is written for one costs the others nothing
    for field, operator, argument in matchers:
        if operator == "exists" and argument and field.startswith(_KEYED):
            which, _, key = field.partition(".")
            return which, (key,), ""
    pattern: dict[str, str] = {}
    for field, operator, argument in matchers:
        if operator not in _EXACT and (found := as_regex(operator, argument)):
            pattern.setdefault(field, found)
    for field in _PATTERN_FIRST:
        if field in pattern and field not in exact:
            return field, (), pattern[field]
    for field in (*_EXACT_NEXT, *sorted(exact)):
        if field in exact:
            return field, exact[field], ""
    for field in sorted(pattern):
        return field, (), pattern[field]
    return "", (), ""


def _values(argument: Any, operator: str) -> tuple[Any, ...]:
    return (argument,) if operator == "exact" else tuple(dict.fromkeys(argument))

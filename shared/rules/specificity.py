"""Which of several matching rules wins: the most specific one, the same on every replica.

In this order: a team's own rule before a shipped one, the higher `priority`, the higher score (the sum of what each
matcher is worth, below), the longer patterns, the name. A rule that names its reason is always sharper than one that
does not, however many other matchers that one has; docs/rules.md shows the table.
"""

from collections.abc import Iterable
from typing import Any

from shared.rules.matchers import Matcher

_REASON = {
    "exact": 1000,
    "in": 990,
    "prefix": 600,
    "suffix": 580,
    "contains": 560,
    "glob": 540,
    "regex": 500,
    "exists": 20,
}
_OTHER = {
    "exact": 100,
    "in": 90,
    "prefix": 80,
    "suffix": 75,
    "contains": 70,
    "glob": 60,
    "regex": 50,
    "gt": 40,
    "ge": 40,
    "lt": 40,
    "le": 40,
    "not": 20,
    "exists": 10,
}


def score(matchers: Iterable[Matcher]) -> int:
    """Return what the matchers of a rule are worth together."""
    return sum(_worth(_REASON if field == "reason" else _OTHER, operator, arg) for field, operator, arg in matchers)


def length(matchers: Iterable[Matcher]) -> int:
    """Return how many characters the patterns of a rule have: of two alike, the longer is the sharper."""
    return sum(_length(operator, argument) for _, operator, argument in matchers)


def _worth(table: dict[str, int], operator: str, argument: Any) -> int:
    if operator == "any":
        return min(_worth(table, *pair) for pair in argument)
    if operator == "all":
        return sum(_worth(table, *pair) for pair in argument)
    return table.get(operator, _OTHER.get(operator, 0))


def _length(operator: str, argument: Any) -> int:
    if operator in ("prefix", "suffix", "contains", "glob", "regex"):
        return len(argument)
    if operator in ("any", "all"):
        return min((_length(*pair) for pair in argument), default=0)
    return 0

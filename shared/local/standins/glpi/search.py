"""GLPI's search engine as far as tickets need it: criteria by number, LIKE with its wildcards, ranges, sorting."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from shared.local.standins.glpi.schema import SEARCH
from shared.local.standins.glpi.store import Row

_CRITERION = re.compile(r"criteria\[(\d+)\]\[(\w+)\]")
_STATUSES: Final[dict[str, frozenset[int]]] = {
    "notold": frozenset({1, 2, 3, 4}),
    "old": frozenset({5, 6}),
    "notclosed": frozenset({1, 2, 3, 4, 5}),
    "process": frozenset({2, 3}),
    "all": frozenset({1, 2, 3, 4, 5, 6}),
}
MOST: Final = 1000


class BadFieldError(Exception):
    """A criterion names a search option that there is not."""


@dataclass(frozen=True, slots=True)
class Range:
    """First and last wanted, counted from 0."""

    first: int = 0
    last: int = 49

    @property
    def limit(self) -> int:
        """How many that are at most."""
        return self.last - self.first + 1


def wanted_range(query: Mapping[str, str], last: int = 49) -> Range:
    """Return the `range` of a request."""
    found = re.fullmatch(r"(\d{1,9})-(\d{1,9})", query.get("range", ""))
    if found is None or int(found[2]) < int(found[1]):
        return Range(0, last)
    return Range(int(found[1]), min(int(found[2]), int(found[1]) + MOST - 1))


def options(itemtype: str) -> dict[str, str]:
    """Return columns by the number of their search option."""
    return SEARCH.get(itemtype, SEARCH["*"])


def described(itemtype: str) -> dict[str, dict[str, str]]:
    """Return what listSearchOptions says of them."""
    table = f"glpi_{itemtype.lower()}s"
    return {
        number: {"name": column, "table": table, "field": column, "uid": f"{itemtype}.{column}"}
        for number, column in options(itemtype).items()
    }


def parameters(query_string: str) -> list[tuple[str, str]]:
    """Return the query's parameters in their order."""
    return parse_qsl(query_string, keep_blank_values=True)


def matching(itemtype: str, rows: list[Row], query_string: str) -> list[Row]:
    """Return the rows that fit the criteria. Raises BadFieldError."""
    criteria: dict[int, dict[str, str]] = {}
    for name, value in parameters(query_string):
        found = _CRITERION.fullmatch(name)
        if found:
            criteria.setdefault(int(found[1]), {})[found[2]] = value
    groups: list[list[Callable[[Row], bool]]] = [[]]
    for _, criterion in sorted(criteria.items()):
        if criterion.get("link", "AND").startswith("OR"):
            groups.append([])
        groups[-1].append(_test(itemtype, criterion))
    return [row for row in rows if any(all(test(row) for test in group) for group in groups)]


def texts_matching(rows: list[Row], query: Mapping[str, str]) -> list[Row]:
    """Return the rows that fit the `searchText[column]` of a list."""
    for name, value in query.items():
        found = re.fullmatch(r"searchText\[(\w+)\]", name)
        if found:
            like = _like(value)
            rows = [row for row in rows if like.search(_text(row.get(found[1])))]
    return rows


def _test(itemtype: str, criterion: Mapping[str, str]) -> Callable[[Row], bool]:
    number, value = criterion.get("field", ""), criterion.get("value", "")
    column = options(itemtype).get(number)
    if column is None:
        raise BadFieldError(number)
    negated = criterion.get("link", "").endswith("NOT")
    kind = criterion.get("searchtype", "contains")
    if kind == "contains":
        like = _like(value)
        return lambda row: (like.search(_text(row.get(column))) is not None) != negated
    if column == "status" and value in _STATUSES:
        return lambda row: (row["status"] in _STATUSES[value]) != negated
    if column == "name":  # `equals` of a name compares its id over there: no name ever equals
        return lambda row: (_text(row["id"]) == value) != negated
    return lambda row: ((_text(row.get(column)) == value) == (kind == "equals")) != negated


def _like(value: str) -> re.Pattern[str]:
    """Return what LIKE would match: any case, `%` for anything, `^` and `$` at the ends; `_` is a plain letter."""
    first, last = value.startswith("^"), value.endswith("$")
    inner = value[1 if first else 0 : -1 if last else None]
    pattern = ".*".join(re.escape(part) for part in inner.split("%"))
    return re.compile(rf"{'^' if first else ''}{pattern}{'$' if last else ''}", re.IGNORECASE | re.DOTALL)


def _text(value: Any) -> str:
    return "" if value is None else str(value)

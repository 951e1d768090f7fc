"""Read `spec.filter` and `spec.filters` of a Trigger; every mistake is a Problem with its line."""

import re
from collections.abc import Callable

from shared.events.problem import Problem, did_you_mean
from shared.local.broker.filters import AllOf, AnyOf, Cesql, Exact, Filter, FilterSet, Not, Prefix, Suffix
from shared.local.broker.located import Located

Report = Callable[[Located, str, str], None]
"""Called with the place, what is wrong, and what to write instead."""

_NAME = re.compile(r"^[a-z][a-z0-9]{0,63}$")
_MAPS: dict[str, type[Exact] | type[Prefix] | type[Suffix]] = {"exact": Exact, "prefix": Prefix, "suffix": Suffix}
_DIALECTS = (*_MAPS, "all", "any", "not", "cesql")
_MAX_DEPTH = 16


def reporter(file: str, problems: list[Problem]) -> Report:
    """Return a Report that appends to `problems`."""

    def report(place: Located, message: str, suggestion: str) -> None:
        problems.append(Problem(file, place.line, message, suggestion))

    return report


def parse_selection(spec: Located, report: Report) -> FilterSet:
    """Read both forms; what is wrong is reported and left out."""
    attributes: tuple[tuple[str, str], ...] = ()
    plain = spec.get("filter")
    if plain is not None:
        if isinstance(plain.value, list):
            report(plain, "filter has attributes and is no list", "write filters: for a list of filters")
        for key, child in plain.mapping().items():
            if key != "attributes":
                report(child, f'a filter has no field "{key}"', did_you_mean(key, ["attributes"]))
        found = plain.get("attributes")
        attributes = _attributes(found, report, empty_allowed=True) if found is not None else ()
    several = spec.get("filters")
    if several is None:
        return FilterSet(attributes)
    if not isinstance(several.value, list):
        report(several, "filters must be a list", "begin each filter with a dash")
        return FilterSet(attributes)
    return FilterSet(attributes, _list(several, report, 0))


def _list(place: Located, report: Report, depth: int) -> tuple[Filter, ...]:
    parsed = (_filter(item, report, depth) for item in place.items())
    return tuple(item for item in parsed if item is not None)


def _filter(place: Located, report: Report, depth: int) -> Filter | None:
    if depth > _MAX_DEPTH:
        report(place, "filters are nested too deeply", f"use at most {_MAX_DEPTH} levels")
        return None
    members = place.mapping()
    if len(members) != 1:
        report(place, "a filter has exactly one dialect", "use one of: " + ", ".join(_DIALECTS))
        return None
    ((dialect, body),) = members.items()
    if dialect in _MAPS:
        return _MAPS[dialect](_attributes(body, report, empty_allowed=False))
    if dialect == "cesql":
        return _expression(body, report)
    return _of_filters(dialect, body, report, depth)


def _of_filters(dialect: str, body: Located, report: Report, depth: int) -> Filter | None:
    """Read a dialect whose value is filters again."""
    if dialect in {"all", "any"} and body.items():
        inner = _list(body, report, depth + 1)
        return AllOf(inner) if dialect == "all" else AnyOf(inner)
    if dialect == "not":
        negated = _filter(body, report, depth + 1)
        return None if negated is None else Not(negated)
    _refuse(dialect, body, report)
    return None


def _refuse(dialect: str, body: Located, report: Report) -> None:
    if dialect in {"all", "any"}:
        report(body, f'"{dialect}" needs a list of filters', "begin each filter with a dash")
    else:
        report(body, f'there is no filter dialect "{dialect}"', did_you_mean(dialect, _DIALECTS))


def _expression(place: Located, report: Report) -> Cesql | None:
    from shared.local.broker.cesql.advice import read  # Lark, only where there is an expression

    if not isinstance(place.value, str):
        report(place, "a CESQL expression is a text", "write it in quotes, or below `cesql: >-`")
        return None
    tree = read(place.value)
    if isinstance(tree, tuple):
        report(place, *tree)
        return None
    return Cesql(place.value, tree)


def _attributes(place: Located, report: Report, *, empty_allowed: bool) -> tuple[tuple[str, str], ...]:
    if not place.mapping():
        report(place, "attributes must be a mapping of names to texts", "write `name: value`")
    found: list[tuple[str, str]] = []
    for name, child in place.mapping().items():
        if not _NAME.match(name):
            report(child, f'"{name}" is no attribute name', "lower-case letters and digits only")
        elif not isinstance(child.value, str):
            report(child, f"the value of {name} must be a text", f'write "{child.value}" in quotes')
        elif not child.value and not empty_allowed:
            report(child, f"the value of {name} is empty", "an empty text also matches events without the attribute")
        else:
            found.append((name, child.value))
    return tuple(found)

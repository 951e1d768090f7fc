"""Encoded queries (`sysparm_query`) turned into SQL, with their traps.

A part that names an unknown field or operator is dropped in silence and the rest is evaluated, so a list may hold
unrelated rows (reference/destinations.md §1.1); the instance property that turns this off is an option.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.local.standins.servicenow.schema import Column

_TERM = re.compile(
    r"(?P<field>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)"
    r"(?P<operator>!=|>=|<=|=|>|<|NOT IN|IN|STARTSWITH|ENDSWITH|NOT LIKE|LIKE|CONTAINS|ISEMPTY|ISNOTEMPTY)"
    r"(?P<value>.*)",
    re.DOTALL,
)
_ORDER = re.compile(r"ORDERBY(?P<desc>DESC)?(?P<field>[a-z0-9_]+)")
_COMPARE = frozenset({"=", "!=", ">=", "<=", ">", "<"})

Tables = Mapping[str, Mapping[str, Column]]


@dataclass(frozen=True, slots=True)
class Query:
    """A condition and an order as SQL; `invalid` is True where some part was dropped."""

    where: str
    arguments: tuple[str, ...]
    order: str
    invalid: bool


def parse(text: str, table: str, tables: Tables) -> Query:
    """Translate an encoded query on a table; never fails, as the original never does."""
    invalid = False
    groups: list[str] = []
    arguments: list[str] = []
    orders: list[str] = []
    for part in text.split("^NQ"):
        clauses: list[list[str]] = []
        for term in filter(None, part.split("^")):
            if term == "EQ":
                continue
            order = _ORDER.fullmatch(term)
            if order is not None:
                if order["field"] in tables[table]:
                    orders.append(f'"{order["field"]}" {"DESC" if order["desc"] else "ASC"}')
                continue
            joined = term.startswith("OR")
            sql = _condition(term.removeprefix("OR") if joined else term, table, tables, arguments)
            if sql is None:
                invalid = True
            elif joined and clauses:
                clauses[-1].append(sql)
            else:
                clauses.append([sql])
        if clauses:
            groups.append(" AND ".join(f"({' OR '.join(clause)})" for clause in clauses))
    where = " OR ".join(f"({group})" for group in groups) or "1"
    return Query(where, tuple(arguments), ", ".join([*orders, "seq ASC"]), invalid)


def _condition(term: str, table: str, tables: Tables, arguments: list[str]) -> str | None:
    found = _TERM.fullmatch(term)
    if found is None:
        return None
    field, _, far = found["field"].partition(".")
    column = tables[table].get(field)
    if column is None:
        return None
    if not far:
        return _compare(f'"{field}"', found["operator"], found["value"], arguments)
    if far not in tables.get(column.reference, {}):
        return None
    inner = _compare(f'"{far}"', found["operator"], found["value"], arguments)
    return f'"{field}" IN (SELECT sys_id FROM "{column.reference}" WHERE {inner})'  # noqa: S608 -- names of our schema


def _compare(column: str, operator: str, value: str, arguments: list[str]) -> str:
    if operator == "ISEMPTY":
        return f"{column} = ''"
    if operator == "ISNOTEMPTY":
        return f"{column} != ''"
    if operator in _COMPARE:
        arguments.append(value)
        return f"{column} {operator} ? COLLATE NOCASE"
    if operator in {"IN", "NOT IN"}:
        values = value.split(",")
        arguments.extend(values)
        return f"{column} COLLATE NOCASE {operator} ({', '.join('?' * len(values))})"
    wanted = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    before, after = {"STARTSWITH": ("", "%"), "ENDSWITH": ("%", "")}.get(operator, ("%", "%"))
    arguments.append(f"{before}{wanted}{after}")
    word = "NOT LIKE" if operator == "NOT LIKE" else "LIKE"
    return f"{column} {word} ? ESCAPE '\\'"

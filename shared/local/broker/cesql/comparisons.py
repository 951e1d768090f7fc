"""Which attributes an expression looks at, and what it compares them with: for advice, not for evaluation."""

from collections.abc import Iterator

from shared.local.broker.cesql.casts import to_string
from shared.local.broker.cesql.tree import Attribute, Binary, Exists, In, Like, Literal, Node, Unary, children

Comparison = tuple[str, str, str]
"""Dialect, attribute in lower case, value. The dialect is `exact`, `prefix` or `suffix` where it could be said by that,
else `cesql`; `not ` stands before it below a NOT. The value is empty where none stands beside the attribute."""


def comparisons(node: Node) -> list[Comparison]:
    """Return all of them, in order of writing."""
    return list(_found(node))


def _found(node: Node) -> Iterator[Comparison]:
    match node:
        case Unary(operator="NOT"):
            yield from ((f"not {dialect}", name, value) for dialect, name, value in _found(node.operand))
        case (
            Binary(left=Attribute() as attribute, right=Literal() as literal)
            | Binary(left=Literal() as literal, right=Attribute() as attribute)
        ):
            yield _dialect(node.operator), attribute.name.lower(), to_string(literal.value)
        case In(operand=Attribute() as attribute, items=items) if all(isinstance(item, Literal) for item in items):
            for item in items:
                yield "exact", attribute.name.lower(), to_string(item.value) if isinstance(item, Literal) else ""
        case Like(operand=Attribute() as attribute, pattern=pattern):
            yield (*_pattern(attribute.name.lower(), pattern),)
        case Attribute() | Exists():
            yield "cesql", node.name.lower(), ""
        case _:
            for child in children(node):
                yield from _found(child)


def _dialect(operator: str) -> str:
    return {"=": "exact", "!=": "not exact"}.get(operator, "cesql")


def _pattern(name: str, pattern: str) -> Comparison:
    """Return what a pattern compares: a prefix or a suffix, where its only wildcard is a % at one end."""
    inner = pattern.strip("%")
    if inner and not set(inner) & set("%_\\"):
        if pattern == f"{inner}%":
            return "prefix", name, inner
        if pattern == f"%{inner}":
            return "suffix", name, inner
        if pattern == inner:
            return "exact", name, inner
    return "cesql", name, ""

"""Values of attributes with which an expression shows all its answers, as far as it only compares."""

from collections.abc import Iterator

from shared.local.broker.cesql.casts import to_integer, to_string
from shared.local.broker.cesql.tree import (
    ARITHMETIC,
    Attribute,
    Binary,
    Call,
    Exists,
    In,
    Like,
    Literal,
    Node,
    Unary,
    children,
    walk,
)


def candidates(tree: Node) -> dict[str, set[str]]:
    """Return by attribute (lower case) the texts that it is compared with, and for numbers their neighbours.

    An attribute that is compared with another one, or used in a function or a sum, gets every text that the expression
    holds.
    """
    found: dict[str, set[str]] = {}
    everything = set(_texts(tree))
    for node in walk(tree):
        if isinstance(node, Attribute | Exists):
            found.setdefault(node.name.lower(), set())
        beside = _beside(node)
        for child in children(node):
            if isinstance(child, Attribute):
                found.setdefault(child.name.lower(), set()).update(everything if beside is None else beside)
    return found


def is_plain(tree: Node) -> bool:
    """Return whether attributes are only compared, with texts and numbers, so that `candidates` are enough."""
    for node in walk(tree):
        match node:
            case Call() | Unary(operator="-"):
                return False
            case Like() if not _is_end(node.pattern):  # what each of two patterns takes, both need not take
                return False
            case Binary() if node.operator in ARITHMETIC:
                return False
            case Binary(left=Attribute(), right=Attribute()):
                return False
    return True


def _beside(node: Node) -> set[str] | None:
    """Return the texts that stand beside an attribute directly below a node; None where there is more than texts."""
    match node:
        case Like():
            return {_example(node.pattern)}
        case In() if all(isinstance(item, Literal) for item in node.items):
            return {to_string(item.value) for item in node.items if isinstance(item, Literal)}
        case Binary(left=Literal() as literal) | Binary(right=Literal() as literal):
            return set(_neighbours(literal))
        case Unary(operator="NOT"):
            return {"true", "false"}
        case _:
            return None


def _texts(tree: Node) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, Literal):
            yield from _neighbours(node)
        elif isinstance(node, Like):
            yield _example(node.pattern)
        elif isinstance(node, Unary):
            yield from ("true", "false")


def _neighbours(literal: Literal) -> Iterator[str]:
    yield to_string(literal.value)
    number = to_integer(literal.value)
    if number is not None:
        yield from (str(number - 1), str(number), str(number + 1))


def _is_end(pattern: str) -> bool:
    """Return whether a pattern asks for a beginning or an end only, or for everything."""
    inner = pattern.removesuffix("%") if pattern.endswith("%") else pattern.removeprefix("%")
    return not set(inner) & set("%_\\")


def _example(pattern: str) -> str:
    """Return a text that a pattern takes."""
    return pattern.replace("\\%", "%").replace("\\_", "_").replace("%", "x").replace("_", "x")

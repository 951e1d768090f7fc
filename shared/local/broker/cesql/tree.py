"""A CESQL expression as a tree. `at` is where a node begins in the text, counted in characters from 0."""

from collections.abc import Iterator
from dataclasses import dataclass

Value = str | int | bool
"""What an expression can be: String, Integer (32 bits) or Boolean."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number or a truth value as it is written."""

    at: int
    value: Value


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of a context attribute or extension; `name` as written."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the event has an attribute; `name` in lower case."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`NOT x` or `-x`; binds tighter than everything else."""

    at: int
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands. Operators: AND OR XOR, = != < <= > >=, + - * / %; `<>` is read as `!=`."""

    at: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Like:
    """`x LIKE 'pattern'`; its negation is a `Unary` around it."""

    at: int
    operand: "Node"
    pattern: str


@dataclass(frozen=True, slots=True)
class In:
    """`x IN (a, b)`; its negation is a `Unary` around it."""

    at: int
    operand: "Node"
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; `name` in upper case."""

    at: int
    name: str
    arguments: "tuple[Node, ...]"


Node = Literal | Attribute | Exists | Unary | Binary | Like | In | Call

LOGIC = frozenset({"AND", "OR", "XOR"})
EQUALITY = frozenset({"=", "!="})
ORDER = frozenset({"<", "<=", ">", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below."""
    match node:
        case Unary() | Like():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case In():
            return (node.operand, *node.items)
        case Call():
            return node.arguments
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all below, in order of writing as far as operands go."""
    yield node
    for child in children(node):
        yield from walk(child)


def depth(node: Node) -> int:
    """Return how many nodes lie on the longest way down; without recursion, which it is asked to allow."""
    deepest, rest = 0, [(node, 1)]
    while rest:
        here, level = rest.pop()
        deepest = max(deepest, level)
        rest += [(child, level + 1) for child in children(here)]
    return deepest

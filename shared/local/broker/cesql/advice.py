"""What is wrong with an expression that can be read, and what it probably does not mean. Pure."""

from collections.abc import Iterator

from shared.events.problem import did_you_mean
from shared.local.broker.cesql.functions import FUNCTIONS, Function, find
from shared.local.broker.cesql.grammar import parse
from shared.local.broker.cesql.mistakes import SyntaxProblemError, place
from shared.local.broker.cesql.tree import (
    ARITHMETIC,
    LOGIC,
    Attribute,
    Binary,
    Call,
    Exists,
    In,
    Like,
    Literal,
    Node,
    Unary,
    walk,
)

Told = tuple[str, str]
"""What is wrong, and what to write instead."""

_VERIFIES = "KN_VERIFY_CORRELATION_ID"
_QUOTE_END = "\\E"


def read(text: str) -> Node | Told:
    """Return the expression, or what is wrong with it: a slip in writing, or a function that there is not."""
    try:
        tree = parse(text)
    except SyntaxProblemError as error:
        return f"not a CESQL expression: {error.message}", error.suggestion
    return next(_impossible(text, tree), tree)


def doubts(text: str, tree: Node) -> Iterator[Told]:
    """Yield what is right as CESQL and yet hardly meant."""
    if not any(isinstance(node, Attribute | Exists) for node in walk(tree)):
        yield (
            "this expression looks at no attribute: its answer is always the same",
            "compare an attribute with something",
        )
    if not _is_boolean(tree):
        yield (
            "this expression is a text or a number, no condition: Kafka's broker casts it, others let nothing pass",
            "compare it with something, as category = 'security'",
        )
    yield from _precedence(text, tree)
    for node in walk(tree):
        if isinstance(node, Attribute) and node.name != node.name.lower():
            message = f'"{node.name}" is looked for as it is written on Kafka, and attributes are in lower case'
            yield f"{message} ({place(text, node.at)})", f"write {node.name.lower()}"


def _impossible(text: str, tree: Node) -> Iterator[Told]:
    for node in walk(tree):
        if isinstance(node, Like) and _QUOTE_END in node.pattern:
            yield f"Kafka's broker cannot read a pattern with {_QUOTE_END} ({place(text, node.at)})", "leave it out"
        if isinstance(node, Call) and find(node.name, len(node.arguments)) is None:
            yield _unknown(text, node)


def _unknown(text: str, node: Call) -> Told:
    where = place(text, node.at)
    if node.name == _VERIFIES:
        return (
            f"{_VERIFIES} needs the cluster, and is not evaluated here ({where})",
            "filter on what the event itself says",
        )
    if node.name in FUNCTIONS:
        counts = " or ".join(_count(function) for function in FUNCTIONS[node.name])
        return f"{node.name} does not take {len(node.arguments)} arguments ({where})", f"it takes {counts}"
    return f'there is no function "{node.name}" ({where})', did_you_mean(node.name, FUNCTIONS)


def _count(function: Function) -> str:
    return f"{len(function.fixed)} or more" if function.further else str(len(function.fixed))


def _precedence(text: str, tree: Node) -> Iterator[Told]:
    """Yield what reads otherwise than SQL does: NOT binds tightest, and AND is as strong as OR."""
    for node in walk(tree):
        operand = _first(node)
        negated = operand is not None and isinstance(operand, Unary) and operand.operator == "NOT"
        if operand is not None and negated and _outside(text, operand):
            message = f"NOT takes only what stands right behind it ({place(text, operand.at)}): (NOT x) = y"
            yield message, "put what it shall turn round in brackets: NOT (x = y)"
        if isinstance(node, Binary) and node.operator in LOGIC and isinstance(node.right, Binary):
            other = node.right.operator
            if other in LOGIC and other != node.operator and _outside(text, node.right):
                message = f"{node.operator} and {other} are equally strong and group from the right"
                yield (
                    f"{message} ({place(text, node.at)}): a {node.operator} (b {other} c)",
                    "put brackets around what belongs together",
                )


def _first(node: Node) -> Node | None:
    """Return the first operand of a comparison, of LIKE or of IN."""
    match node:
        case Like() | In():
            return node.operand
        case Binary() if node.operator not in LOGIC:
            return node.left
        case _:
            return None


def _outside(text: str, node: Node) -> bool:
    """Return whether no bracket opens right before a node."""
    return not text[: node.at].rstrip().endswith("(")


def _is_boolean(node: Node) -> bool:
    match node:
        case Literal():
            return isinstance(node.value, bool)
        case Attribute():
            return False
        case Unary():
            return node.operator == "NOT"
        case Binary():
            return node.operator not in ARITHMETIC
        case Call():
            function = find(node.name, len(node.arguments))
            return function is not None and isinstance(function.zero, bool)
        case _:
            return True

"""Evaluate CESQL expressions, as the Kafka data plane does or as the specification says.

Kafka's data plane (CeSqlFilter on CloudEvents' Java SDK 4) takes the value and never asks for errors: a failed cast is
the zero of its type, an absent attribute is false, and evaluation goes on. By the specification, which the Go SDK and
so Knative's other brokers keep to, an error anywhere that is evaluated lets the event not pass.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Protocol

from shared.local.broker.cesql.casts import to_boolean, to_integer, to_string, wrapped
from shared.local.broker.cesql.functions import find
from shared.local.broker.cesql.like import matcher
from shared.local.broker.cesql.tree import (
    ARITHMETIC,
    EQUALITY,
    ORDER,
    Attribute,
    Binary,
    Call,
    Exists,
    In,
    Like,
    Literal,
    Node,
    Unary,
    Value,
)


class HasAttributes(Protocol):
    """What an expression is evaluated on: an event."""

    def attribute(self, name: str) -> Value | None:
        """Return the value of an attribute or extension, None where the event has none."""


class Flavour(Enum):
    """Whose answer is wanted."""

    kafka = "kafka"
    """The Kafka data plane's: what the embedded broker goes by."""
    standard = "standard"
    """The specification's, which Knative's brokers in Go give."""


class EvaluationError(Exception):
    """An error of the specification's kinds at a node; `value` is that node's result beside the error."""

    def __init__(self, kind: str, node: Node, value: Value) -> None:
        super().__init__(kind)
        self.kind = kind
        self.node = node
        self.value = value


@dataclass(frozen=True, slots=True)
class Result:
    """The value of an expression, and where there was an error its kind (`cast`, `missingAttribute`, …) and node."""

    value: Value
    error: str = ""
    node: Node | None = field(default=None, compare=False)


class _Absent:
    """Stands for an attribute that the event does not have, until an operator looks at it."""


_ABSENT = _Absent()
_Found = Value | _Absent
_Run = Callable[[HasAttributes], _Found]


def evaluate(node: Node, event: HasAttributes) -> Result:
    """Return what the specification says of the expression on this event."""
    try:
        return Result(_plain(_Compiler(Flavour.standard).compiled(node)(event)))
    except EvaluationError as error:
        value = error.value if error.node is node else _zero(node)
        return Result(value, error.kind, error.node)


def compiled(node: Node, flavour: Flavour = Flavour.kafka) -> Callable[[HasAttributes], bool]:
    """Return the test whether an event passes a filter of this expression."""
    run = _Compiler(flavour).compiled(node)
    if flavour is Flavour.kafka:
        return lambda event: to_boolean(_plain(run(event))) is True

    def passes(event: HasAttributes) -> bool:
        try:
            return run(event) is True  # what is no Boolean does not pass
        except EvaluationError:
            return False

    return passes


class _Compiler:
    """Turns a tree into nested functions of an event, once for many events."""

    def __init__(self, flavour: Flavour) -> None:
        self._kafka = flavour is Flavour.kafka

    def compiled(self, node: Node) -> _Run:
        run: _Run
        match node:
            case Literal(value=value):
                run = lambda _event: value  # noqa: E731 - one of many forms
            case Attribute():
                run = self._attribute(node)
            case Exists(name=name):
                run = lambda event: event.attribute(name) is not None  # noqa: E731 - as above
            case Unary():
                run = self._unary(node)
            case Like():
                run = self._like(node)
            case In():
                run = self._in(node)
            case Call():
                run = self._call(node)
            case Binary() if node.operator in EQUALITY:
                run = self._equality(node)
            case Binary() if node.operator in ORDER | ARITHMETIC:
                run = self._numbers(node)
            case Binary():
                run = self._logic(node)
        return run

    def _attribute(self, node: Attribute) -> _Run:
        # Attributes are in lower case; Kafka's data plane looks for the name as it is written, and finds none.
        name = node.name if self._kafka else node.name.lower()

        def run(event: HasAttributes) -> _Found:
            value = event.attribute(name)
            if value is not None:
                return value
            return _ABSENT if self._kafka else self._fail(node, "missingAttribute", False)  # noqa: FBT003 - a value

        return run

    def _unary(self, node: Unary) -> _Run:
        operand, negative = self.compiled(node.operand), node.operator == "-"

        def run(event: HasAttributes) -> Value:
            value = operand(event)
            if isinstance(value, _Absent):
                return 0 if negative else False
            return wrapped(-self._integer(node, value)) if negative else not self._boolean(node, value)

        return run

    def _equality(self, node: Binary) -> _Run:
        left, right, same = self.compiled(node.left), self.compiled(node.right), node.operator == "="

        def run(event: HasAttributes) -> Value:
            one, other = left(event), right(event)
            if isinstance(one, _Absent) or isinstance(other, _Absent):
                return False
            return (self._cast(node, one, type(other)) == other) is same

        return run

    def _numbers(self, node: Binary) -> _Run:
        left, right, symbol = self.compiled(node.left), self.compiled(node.right), node.operator
        zero: Value = 0 if symbol in ARITHMETIC else False

        def run(event: HasAttributes) -> Value:
            one, other = left(event), right(event)
            if isinstance(one, _Absent) or isinstance(other, _Absent):
                return zero
            x, y = self._integer(node, one), self._integer(node, other)
            if symbol in {"/", "%"} and y == 0:
                return self._fail(node, "math", 0)
            return _OPERATIONS[symbol](x, y)

        return run

    def _logic(self, node: Binary) -> _Run:
        left, right, word = self.compiled(node.left), self.compiled(node.right), node.operator

        def run(event: HasAttributes) -> _Found:
            found = left(event)
            one = self._boolean(node, found)
            if (word == "AND" and not one) or (word == "OR" and one):
                return self._deciding(node, found)  # the other one is not looked at
            found = right(event)
            return self._deciding(node, found) if word != "XOR" else one is not self._boolean(node, found)

        return run

    def _deciding(self, node: Node, value: _Found) -> _Found:
        """Return the operand that decides, as Java's SDK does: an absent attribute stays one."""
        return value if isinstance(value, _Absent) else self._boolean(node, value)

    def _like(self, node: Like) -> _Run:
        operand, matches = self.compiled(node.operand), matcher(node.pattern)

        def run(event: HasAttributes) -> Value:
            return matches(to_string(_plain(operand(event))))

        return run

    def _in(self, node: In) -> _Run:
        operand, items = self.compiled(node.operand), tuple(map(self.compiled, node.items))

        def run(event: HasAttributes) -> Value:
            value = _plain(operand(event))
            return any(self._cast(node, _plain(item(event)), type(value)) == value for item in items)

        return run

    def _call(self, node: Call) -> _Run:
        function = find(node.name, len(node.arguments), java=self._kafka)
        if function is None:
            return lambda _event: self._fail(node, "missingFunction", False)  # noqa: FBT003 - a value
        run, fail = function.run, partial(self._fail, node)
        arguments = [(self.compiled(each), function.type_of(number)) for number, each in enumerate(node.arguments)]

        def call(event: HasAttributes) -> Value:
            return run([self._argument(node, argument(event), wanted) for argument, wanted in arguments], fail)

        return call

    def _argument(self, node: Node, value: _Found, wanted: type[Value] | None) -> Value:
        plain = _plain(value)
        return plain if wanted is None else self._cast(node, plain, wanted)

    def _integer(self, node: Node, value: Value) -> int:
        return int(self._cast(node, value, int))

    def _boolean(self, node: Node, value: _Found) -> bool:
        return bool(self._cast(node, _plain(value), bool))

    def _cast(self, node: Node, value: Value, wanted: type[Value]) -> Value:
        made = _CASTS[wanted](value)
        if made is not None:
            return made
        return wanted() if self._kafka else self._fail(node, "cast", _zero(node))

    def _fail(self, node: Node, kind: str, value: Value) -> Value:
        if self._kafka:
            return value
        raise EvaluationError(kind, node, value)


def _plain(value: _Found) -> Value:
    return False if isinstance(value, _Absent) else value


def _zero(node: Node) -> Value:
    """Return what an operator results in where an operand has an error."""
    match node:
        case Unary(operator="-"):
            return 0
        case Binary() if node.operator in ARITHMETIC:
            return 0
        case Call():
            function = find(node.name, len(node.arguments))
            return False if function is None else function.zero
        case _:
            return False


def _divided(x: int, y: int) -> int:
    quotient = abs(x) // abs(y)
    return wrapped(quotient if (x < 0) is (y < 0) else -quotient)


_CASTS: dict[type[Value], Callable[[Value], Value | None]] = {int: to_integer, bool: to_boolean, str: to_string}

_OPERATIONS: dict[str, Callable[[int, int], Value]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": lambda x, y: wrapped(x + y),
    "-": lambda x, y: wrapped(x - y),
    "*": lambda x, y: wrapped(x * y),
    "/": _divided,
    "%": lambda x, y: x - y * _divided(x, y),
}

"""Read a CESQL expression with Lark; a mistake is told with its place and what to write instead.

The precedence is that of both SDKs' grammars: `NOT` and `-` bind tightest, then LIKE and IN, products, sums,
comparisons, and last AND, OR and XOR, which are one level and group from the right. A sign that touches a digit
belongs to the number: `4-1` is no expression. What the SDKs skip in silence (`;`, back quotes, curly quotes) is a
mistake here.
"""

from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from shared.local.broker.cesql.mistakes import SyntaxProblemError, told
from shared.local.broker.cesql.tree import Attribute, Binary, Call, Exists, In, Like, Literal, Node, Unary, depth

_MAX_LENGTH = 16_384
_MAX_DEPTH = 100
_BITS = 31

_GRAMMAR = r"""
?start: logic
?logic: comparison | comparison LOGIC logic -> binary
?comparison: total | comparison COMPARISON total -> binary
?total: product | total (PLUS | MINUS) product -> binary
?product: postfix | product PRODUCT postfix -> binary
?postfix: prefix
    | postfix LIKE text -> like
    | postfix NOT LIKE text -> unlike
    | postfix IN "(" arguments ")" -> within
    | postfix NOT IN "(" arguments ")" -> without
?prefix: primary | (NOT | MINUS) prefix -> unary
?primary: "(" logic ")"
    | EXISTS (NAME | NUMBERED) -> exists
    | (NAME | FUNCTION) "(" [arguments] ")" -> call
    | (NAME | NUMBERED) -> attribute
    | TRUTH -> truth
    | INTEGER -> integer
    | text
arguments: logic ("," logic)*
text: DOUBLE | SINGLE

LOGIC.3: /(AND|OR|XOR)(?![A-Za-z0-9_])/i
NOT.3: /NOT(?![A-Za-z0-9_])/i
LIKE.3: /LIKE(?![A-Za-z0-9_])/i
IN.3: /IN(?![A-Za-z0-9_])/i
EXISTS.3: /EXISTS(?![A-Za-z0-9_])/i
TRUTH.3: /(TRUE|FALSE)(?![A-Za-z0-9_])/i
INTEGER.3: /[+-][0-9]+|[0-9]+(?![A-Za-z0-9])/
NUMBERED.2: /[A-Za-z0-9]*[0-9][A-Za-z0-9]*/
FUNCTION.2: /[A-Za-z]+_[A-Za-z_]*/
NAME: /[A-Za-z]+/
COMPARISON: /!=|<>|<=|>=|=|<|>/
PLUS: "+"
MINUS: "-"
PRODUCT: /[*\/%]/
DOUBLE: /"(\\(.|\n)|""|[^"\\])*"/
SINGLE: /'(\\(.|\n)|''|[^'\\])*'/
%ignore /[ \t\r\n]+/
"""


def parse(text: str) -> Node:
    """Return the expression as a tree. Raises SyntaxProblemError."""
    if len(text) > _MAX_LENGTH:
        raise SyntaxProblemError("the expression is too long", f"use at most {_MAX_LENGTH} characters")
    try:
        tree: Any = _parser().parse(text)
    except VisitError as error:
        if isinstance(error.orig_exc, SyntaxProblemError):
            raise error.orig_exc from None
        raise
    except UnexpectedInput as error:
        raise told(text, error) from None
    node: Node = tree
    if depth(node) > _MAX_DEPTH:
        raise SyntaxProblemError("the expression is nested too deeply", "write `name IN ('a', 'b')` for several values")
    return node


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_Builder(), maybe_placeholders=True)


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes the tree while Lark reads, from the leaves up."""

    def binary(self, left: Node, operator: Token, right: Node) -> Node:
        symbol = operator.upper()
        return Binary(_at(left), "!=" if symbol == "<>" else symbol, left, right)

    def unary(self, operator: Token, operand: Node) -> Node:
        return Unary(_start(operator), operator.upper(), operand)

    def like(self, operand: Node, _like: Token, pattern: Literal) -> Node:
        return Like(_at(operand), operand, str(pattern.value))

    def unlike(self, operand: Node, negation: Token, word: Token, pattern: Literal) -> Node:
        return Unary(_start(negation), "NOT", self.like(operand, word, pattern))

    def within(self, operand: Node, _in: Token, items: tuple[Node, ...]) -> Node:
        return In(_at(operand), operand, items)

    def without(self, operand: Node, negation: Token, word: Token, items: tuple[Node, ...]) -> Node:
        return Unary(_start(negation), "NOT", self.within(operand, word, items))

    def exists(self, word: Token, name: Token) -> Node:
        return Exists(_start(word), name.lower())

    def call(self, name: Token, arguments: tuple[Node, ...] | None) -> Node:
        return Call(_start(name), name.upper(), arguments or ())

    def arguments(self, *items: Node) -> tuple[Node, ...]:
        return items

    def attribute(self, name: Token) -> Node:
        return Attribute(_start(name), str(name))

    def truth(self, word: Token) -> Node:
        return Literal(_start(word), word.upper() == "TRUE")

    def integer(self, digits: Token) -> Node:
        number = int(digits)
        if not -(2**_BITS) <= number < 2**_BITS:
            raise SyntaxProblemError(f"{digits} does not fit into 32 bits", "write it as a text, in quotes")
        return Literal(_start(digits), number)

    def text(self, quoted: Token) -> Node:
        quote = quoted[0]
        return Literal(_start(quoted), quoted[1:-1].replace(f"\\{quote}", quote))


def _at(node: Node) -> int:
    return node.at


def _start(token: Token) -> int:
    return 0 if token.start_pos is None else token.start_pos

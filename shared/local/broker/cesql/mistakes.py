"""What Lark finds wrong with an expression, in words of the language."""

from typing import cast

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from shared.events.problem import did_you_mean

_WORDS = frozenset({"LOGIC", "NOT", "LIKE", "IN", "EXISTS", "TRUTH"})
_WRITTEN = ("AND", "OR", "XOR", "NOT", "LIKE", "IN", "EXISTS")
_QUOTES = "`\u00b4\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_OPERATORS = {"&": "AND", "|": "OR", "!": "NOT", "^": "XOR"}


class SyntaxProblemError(Exception):
    """What is wrong with an expression (`message`), with its place, and what to write instead (`suggestion`)."""

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def told(text: str, error: UnexpectedInput) -> SyntaxProblemError:
    """Return what Lark found, in words of the language."""
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        return _unexpected(text, error)
    if isinstance(error, UnexpectedCharacters):
        return _stranger(text, cast("int", error.pos_in_stream))
    if not text.strip():
        return SyntaxProblemError("the expression is empty", "write a condition, as category = 'security'")
    return SyntaxProblemError("the expression ends too early", "complete its last condition, and close what is open")


def place(text: str, at: int) -> str:
    """Return a place in an expression as people count: `column 5`, with the line where there are several."""
    line = text.count("\n", 0, at)
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return f"line {line + 1}, column {column}" if "\n" in text.strip() else f"column {column}"


def _unexpected(text: str, error: UnexpectedToken) -> SyntaxProblemError:
    token, where = error.token, place(text, _start(error.token))
    before = text[: _start(token)].rstrip()
    return SyntaxProblemError(f'"{token}" cannot stand here ({where})', _instead(token, before))


def _instead(token: Token, before: str) -> str:
    """Return what to write in the place of a token that cannot stand behind what is before it."""
    last = before.upper().split()[-1:]
    hints = (
        (token.type == "COMPARISON" and before.endswith("="), "equality is one sign: ="),
        (token.type == "INTEGER" and token[0] in "+-", f"write a space behind the sign: {token[0]} {token[1:]}"),
        (last == ["LIKE"], "LIKE takes a pattern in quotes, as LIKE 'dev.%'"),
        (last == ["IN"], "IN takes values in brackets, as IN ('a', 'b')"),
        (token.type in _WORDS, f"{token.upper()} is a word of the language: what stands around it is missing"),
        (token.type == "NAME", did_you_mean(token, _WRITTEN, "put texts in quotes, and AND or OR between conditions")),
    )
    otherwise = "look at what stands before it: a quote, a bracket, or AND or OR may be missing"
    return next((hint for fits, hint in hints if fits), otherwise)


def _stranger(text: str, at: int) -> SyntaxProblemError:
    character, where = text[at], place(text, at)
    if character in "'\"":
        return SyntaxProblemError(f"the text that begins at {where} has no end", f"close it with {character}")
    message = f"{character!r} is no part of the language ({where})"
    if character in _OPERATORS:
        return SyntaxProblemError(message, f"write {_OPERATORS[character]}")
    if character in _QUOTES:
        return SyntaxProblemError(message, "write texts in straight quotes: ' or \"")
    if character in "._":
        return SyntaxProblemError(message, "names of attributes are letters and digits only; texts stand in quotes")
    return SyntaxProblemError(message, "leave it out")


def _start(token: Token) -> int:
    return 0 if token.start_pos is None else token.start_pos

"""The functions of Go's templates and of Sprig, as expressions of ours."""

import json
from collections.abc import Callable
from typing import Final, NamedTuple

_COMPARE: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_PLAIN: Final = {
    "upper": "upper",
    "lower": "lower",
    "title": "title",
    "trim": "trim",
    "toJson": "json",
    "len": "length",
}


class Untranslatable(Exception):  # noqa: N818 - it is noted as `Unconverted`, and leaves no template
    """Some of a template has no meaning here, or none at all."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message, self.suggestion = message, suggestion


class Value(NamedTuple):
    """An expression of ours; `atom` where it needs no parentheses, `literal` where it is a constant."""

    code: str
    atom: bool = True
    literal: bool = False

    @property
    def inner(self) -> str:
        """Return it as it stands inside another one."""
        return self.code if self.atom else f"({self.code})"


def call(name: str, arguments: list[Value]) -> Value:
    """Return what a function makes of its arguments. Raises Untranslatable."""
    if name in _FUNCTIONS:
        least, most, made = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise Untranslatable(f"`{name}` has {len(arguments)} arguments here")
        return made(arguments)
    if name in _COMPARE and len(arguments) >= 2:  # noqa: PLR2004 - two sides
        left, *others = arguments
        if len(others) > 1 and name == "eq":
            return Value(f"{left.inner} in [{', '.join(one.code for one in others)}]", atom=False)
        if len(others) == 1:
            return Value(f"{left.inner} {_COMPARE[name]} {others[0].inner}", atom=False)
    if name in _PLAIN and len(arguments) == 1:
        return Value(f"{arguments[0].inner} | {_PLAIN[name]}", atom=False)
    raise Untranslatable(f"`{name}` has no counterpart", "write this field in the mapping by hand")


def _contains(arguments: list[Value]) -> Value:
    """Sprig asks whether the second holds the first; `contains .reason "Failed"` is written as often, and is clear."""
    first, second = arguments
    needle, text = (second, first) if second.literal and not first.literal else (first, second)
    return Value(f"{needle.inner} in {text.inner}", atom=False)


def _edge(*, end: bool) -> Callable[[list[Value]], Value]:
    def made(arguments: list[Value]) -> Value:
        first, second = arguments
        fixed, text = (second, first) if second.literal and not first.literal else (first, second)
        if not fixed.literal or not fixed.code.startswith('"'):
            raise Untranslatable("what is looked for must be a text in quotes")
        length = len(json.loads(fixed.code))
        part = f"[-{length}:]" if end else f"[:{length}]"
        return Value(f"{text.inner}{part if length else '[:0]'} == {fixed.code}", atom=False)

    return made


def _cut(arguments: list[Value]) -> Value:
    length, text = arguments if arguments[0].literal else reversed(arguments)
    if not length.code.isdecimal():
        raise Untranslatable("the length must be a number")
    return Value(f"{text.inner} | truncate({length.code})", atom=False)


def _joined(word: str) -> Callable[[list[Value]], Value]:
    return lambda arguments: Value(f" {word} ".join(one.inner for one in arguments), atom=False)


def _default(arguments: list[Value]) -> Value:
    return Value(f"{arguments[1].inner} | default({arguments[0].code})", atom=False)


def _replace(arguments: list[Value]) -> Value:
    old, new, text = arguments
    return Value(f"{text.inner} | replace({old.code}, {new.code})", atom=False)


_MANY: Final = 16
_FUNCTIONS: Final[dict[str, tuple[int, int, Callable[[list[Value]], Value]]]] = {
    "and": (2, _MANY, _joined("and")),
    "or": (2, _MANY, _joined("or")),
    "not": (1, 1, lambda arguments: Value(f"not {arguments[0].inner}", atom=False)),
    "contains": (2, 2, _contains),
    "hasPrefix": (2, 2, _edge(end=False)),
    "hasSuffix": (2, 2, _edge(end=True)),
    "truncate": (2, 2, _cut),
    "trunc": (2, 2, _cut),
    "default": (2, 2, _default),
    "replace": (3, 3, _replace),
    "toString": (1, 1, lambda arguments: arguments[0]),
    "print": (1, 1, lambda arguments: arguments[0]),
}
"""By name: least and most arguments, and what they make."""

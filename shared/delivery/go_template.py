"""Go templates over a Kubernetes Event, said in the templates of our mappings (docs/mapping.md).

Field mappings of other event routers are written in Go's text/template with the helpers of Sprig. What has a meaning
here is translated; what has none is named, so that nobody finds out from a ticket. `{{ .reason }}` is the Event's
reason, and a ticket speaks of an episode: `{{ episode.reason }}`.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

PATHS: Final = {
    "reason": "reason",
    "message": "message",
    "note": "message",
    "type": "type",
    "count": "count",
    "namespace": "object.namespace",
    "metadata.namespace": "object.namespace",
    "involvedObject.kind": "object.kind",
    "involvedObject.name": "object.name",
    "involvedObject.namespace": "object.namespace",
    "involvedObject.uid": "object.uid",
    "involvedObject.apiVersion": "object.api_version",
    "involvedObject.fieldPath": "object.field_path",
    "firstTimestamp": "started",
    "eventTime": "started",
    "lastTimestamp": "last_seen",
    "clusterName": "cluster",
    "cluster": "cluster",
    "source.component": "component",
    "reportingComponent": "component",
    "source.host": "host",
}
"""Members of a Kubernetes Event, and those that event routers add, by what an episode calls them."""

_ACTION = re.compile(
    r"\{\{(?P<left>-\s)?(?P<inside>(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`{]|\{(?!\{))*?)(?P<right>\s-)?\}\}", re.DOTALL
)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<path>\$?\.[\w.]*)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[|()])|(?P<other>\S))"
)
_COMPARE: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_PLAIN: Final = {
    "upper": "upper",
    "lower": "lower",
    "title": "title",
    "trim": "trim",
    "toJson": "json",
    "len": "length",
}


class Unconverted(NamedTuple):
    """One construct that has no meaning here."""

    construct: str
    message: str
    suggestion: str = ""


class _Refused(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message, self.suggestion = message, suggestion


class _Value(NamedTuple):
    """An expression of ours; `atom` where it needs no parentheses, `literal` where it is a constant."""

    code: str
    atom: bool = True
    literal: bool = False

    @property
    def inner(self) -> str:
        return self.code if self.atom else f"({self.code})"


def convert(source: str) -> tuple[str, list[Unconverted]]:
    """Return the template in our words, and what of it could not be said; then the text is of no use."""
    made = _Writer()
    end = 0
    trim = False
    for found in _ACTION.finditer(source):
        made.text(source[end : found.start()], left=trim, right=bool(found["left"]))
        made.action(found["inside"].strip(), found[0])
        end, trim = found.end(), bool(found["right"])
    made.text(source[end:], left=trim, right=False)
    if made.open:
        made.problems.append(Unconverted(made.open[-1], "it has no {{ end }}"))
    return "".join(made.parts), made.problems


@dataclass(slots=True)
class _Writer:
    """What is written so far, what could not be, and the blocks that are open."""

    parts: list[str] = field(default_factory=list)
    problems: list[Unconverted] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def text(self, text: str, *, left: bool, right: bool) -> None:
        """Write what stands between actions; what begins a tag of ours is kept from doing so."""
        begun = text.find("{{")
        if begun >= 0:
            self.problems.append(Unconverted(text[begun:], "it is not closed"))
        text = text.lstrip() if left else text
        text = text.rstrip() if right else text
        self.parts.append(re.sub(r"\{(?=[{%#])", '{{ "{" }}', text))

    def action(self, inside: str, whole: str) -> None:
        """Write one action, or note why it cannot be."""
        try:
            self.parts.append(self._action(inside, whole))
        except _Refused as refused:
            self.problems.append(Unconverted(whole, refused.message, refused.suggestion))

    def _action(self, inside: str, whole: str) -> str:
        word, _, rest = inside.partition(" ")
        if inside.startswith("/*"):
            return ""
        if word == "if":
            self.open.append(whole)
            return f"{{% if {_pipeline(rest).code} %}}"
        if word == "else":
            return self._else(rest.strip())
        if word == "end":
            if not self.open:
                raise _Refused("it ends nothing")
            self.open.pop()
            return "{% endif %}"
        if word in {"range", "with", "define", "template", "block", "break", "continue"}:
            if word in {"range", "with", "define", "block"}:
                self.open.append(whole)  # so that its end is not taken for another's
            raise _Refused(f"`{word}` has no counterpart", "write this field in the mapping by hand")
        if ":=" in inside or (inside.startswith("$") and not inside.startswith("$.")):
            raise _Refused("variables have no counterpart", "write the expression where it is used")
        return f"{{{{ {_pipeline(inside).code} }}}}"

    def _else(self, rest: str) -> str:
        if not self.open:
            raise _Refused("it belongs to no {{ if }}")
        word, _, condition = rest.partition(" ")
        if not rest:
            return "{% else %}"
        if word != "if":
            raise _Refused(f"`else {word}` has no counterpart")
        return f"{{% elif {_pipeline(condition).code} %}}"


def _pipeline(text: str) -> _Value:
    tokens = [(kind, found[kind]) for found in _TOKEN.finditer(text) if (kind := found.lastgroup) is not None]
    reader = _Reader(tokens)
    value = reader.pipeline()
    if reader.left:
        raise _Refused(f"`{reader.left}` is not understood")
    return value


class _Reader:
    """Reads the tokens of one pipeline."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = list(tokens)

    @property
    def left(self) -> str:
        return self._tokens[0][1] if self._tokens else ""

    def pipeline(self) -> _Value:
        value = self._command(None)
        while self.left == "|":
            self._tokens.pop(0)
            value = self._command(value)
        return value

    def _command(self, piped: _Value | None) -> _Value:
        if not self._tokens:
            raise _Refused("a part of it is missing")
        kind, text = self._tokens[0]
        if kind != "word" or text in {"true", "false", "nil"}:
            if piped is not None:
                raise _Refused(f"`{text}` takes nothing from a pipe")
            return self._operand()
        self._tokens.pop(0)
        arguments: list[_Value] = []
        while self._tokens and self.left not in {"|", ")"}:
            arguments.append(self._operand())
        return _call(text, [*arguments, *([piped] if piped is not None else [])])

    def _operand(self) -> _Value:
        kind, text = self._tokens.pop(0)
        match kind:
            case "text":
                return _Value(json.dumps(_text(text), ensure_ascii=False), literal=True)
            case "number":
                return _Value(text, literal=True)
            case "path":
                return _path(text)
            case "word" if text in {"true", "false"}:
                return _Value(text, literal=True)
        if text == "(":
            value = self.pipeline()
            if self.left != ")":
                raise _Refused("a parenthesis is not closed")
            self._tokens.pop(0)
            return value
        raise _Refused(f"`{text}` is not understood")


def _text(token: str) -> str:
    if token.startswith("`"):
        return token[1:-1]
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        raise _Refused(f"{token} cannot be read") from None


def _path(token: str) -> _Value:
    path = token.removeprefix("$").strip(".")
    found = PATHS.get(path)
    if found is None:
        known = ", ".join(f".{name}" for name in PATHS)
        raise _Refused(f"`{token}` is not part of an episode", f"there are: {known}")
    return _Value(f"episode.{found}")


def _call(name: str, arguments: list[_Value]) -> _Value:
    if name in _FUNCTIONS:
        least, most, made = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise _Refused(f"`{name}` has {len(arguments)} arguments here")
        return made(arguments)
    if name in _COMPARE and len(arguments) >= 2:  # noqa: PLR2004 - two sides
        left, *others = arguments
        if len(others) > 1 and name == "eq":
            return _Value(f"{left.inner} in [{', '.join(one.code for one in others)}]", atom=False)
        if len(others) == 1:
            return _Value(f"{left.inner} {_COMPARE[name]} {others[0].inner}", atom=False)
    if name in _PLAIN and len(arguments) == 1:
        return _Value(f"{arguments[0].inner} | {_PLAIN[name]}", atom=False)
    raise _Refused(f"`{name}` has no counterpart", "write this field in the mapping by hand")


def _contains(arguments: list[_Value]) -> _Value:
    """Sprig asks whether the second holds the first; `contains .reason "Failed"` is written as often, and is clear."""
    first, second = arguments
    needle, text = (second, first) if second.literal and not first.literal else (first, second)
    return _Value(f"{needle.inner} in {text.inner}", atom=False)


def _edge(*, end: bool) -> Callable[[list[_Value]], _Value]:
    def made(arguments: list[_Value]) -> _Value:
        first, second = arguments
        fixed, text = (second, first) if second.literal and not first.literal else (first, second)
        if not fixed.literal or not fixed.code.startswith('"'):
            raise _Refused("what is looked for must be a text in quotes")
        length = len(json.loads(fixed.code))
        part = f"[-{length}:]" if end else f"[:{length}]"
        return _Value(f"{text.inner}{part if length else '[:0]'} == {fixed.code}", atom=False)

    return made


def _cut(arguments: list[_Value]) -> _Value:
    length, text = arguments if arguments[0].literal else reversed(arguments)
    if not length.code.isdecimal():
        raise _Refused("the length must be a number")
    return _Value(f"{text.inner} | truncate({length.code})", atom=False)


def _joined(word: str) -> Callable[[list[_Value]], _Value]:
    return lambda arguments: _Value(f" {word} ".join(one.inner for one in arguments), atom=False)


def _default(arguments: list[_Value]) -> _Value:
    return _Value(f"{arguments[1].inner} | default({arguments[0].code})", atom=False)


def _replace(arguments: list[_Value]) -> _Value:
    old, new, text = arguments
    return _Value(f"{text.inner} | replace({old.code}, {new.code})", atom=False)


_MANY: Final = 16
_FUNCTIONS: Final[dict[str, tuple[int, int, Callable[[list[_Value]], _Value]]]] = {
    "and": (2, _MANY, _joined("and")),
    "or": (2, _MANY, _joined("or")),
    "not": (1, 1, lambda arguments: _Value(f"not {arguments[0].inner}", atom=False)),
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

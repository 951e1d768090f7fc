"""The pipelines of Go's templates, `.message | lower`: read token by token, and written as an expression of ours."""

import json
import re
from collections.abc import Sequence
from typing import Final

from shared.delivery.go_functions import Untranslatable, Value, call

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

_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<path>\$?\.[\w.]*)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[|()])|(?P<other>\S))"
)


def pipeline(text: str) -> Value:
    """Return a pipeline as an expression of ours. Raises Untranslatable."""
    tokens = [(kind, found[kind]) for found in _TOKEN.finditer(text) if (kind := found.lastgroup) is not None]
    reader = _Reader(tokens)
    value = reader.pipeline()
    if reader.left:
        raise Untranslatable(f"`{reader.left}` is not understood")
    return value


class _Reader:
    """Reads the tokens of one pipeline."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = list(tokens)

    @property
    def left(self) -> str:
        return self._tokens[0][1] if self._tokens else ""

    def pipeline(self) -> Value:
        value = self._command(None)
        while self.left == "|":
            self._tokens.pop(0)
            value = self._command(value)
        return value

    def _command(self, piped: Value | None) -> Value:
        if not self._tokens:
            raise Untranslatable("a part of it is missing")
        kind, text = self._tokens[0]
        if kind != "word" or text in {"true", "false", "nil"}:
            if piped is not None:
                raise Untranslatable(f"`{text}` takes nothing from a pipe")
            return self._operand()
        self._tokens.pop(0)
        arguments: list[Value] = []
        while self._tokens and self.left not in {"|", ")"}:
            arguments.append(self._operand())
        return call(text, [*arguments, *([piped] if piped is not None else [])])

    def _operand(self) -> Value:
        kind, text = self._tokens.pop(0)
        match kind:
            case "text":
                return Value(json.dumps(_text(text), ensure_ascii=False), literal=True)
            case "number":
                return Value(text, literal=True)
            case "path":
                return _path(text)
            case "word" if text in {"true", "false"}:
                return Value(text, literal=True)
        if text == "(":
            value = self.pipeline()
            if self.left != ")":
                raise Untranslatable("a parenthesis is not closed")
            self._tokens.pop(0)
            return value
        raise Untranslatable(f"`{text}` is not understood")


def _text(token: str) -> str:
    if token.startswith("`"):
        return token[1:-1]
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        raise Untranslatable(f"{token} cannot be read") from None


def _path(token: str) -> Value:
    path = token.removeprefix("$").strip(".")
    found = PATHS.get(path)
    if found is None:
        known = ", ".join(f".{name}" for name in PATHS)
        raise Untranslatable(f"`{token}` is not part of an episode", f"there are: {known}")
    return Value(f"episode.{found}")

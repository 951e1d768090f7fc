"""Limits on JSON that are checked by counting bytes, before a parser sees them (guarantees.md, Limits; F28)."""

import re
from dataclasses import dataclass

_INTERESTING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|-?[0-9][0-9.eE+-]*+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Limits:
    """`body` in bytes, `depth` in nested arrays and objects, `digits` in characters of one number."""

    body: int = 1024 * 1024
    depth: int = 64
    digits: int = 64
    headers: int = 100
    header_bytes: int = 16 * 1024


DEFAULT = Limits()


def exceeded(body: bytes, limits: Limits = DEFAULT) -> str | None:
    """Return what is too much about a JSON text, or None.

    It need not be valid JSON: the answer only promises that a parser will not recurse or convert beyond the limits.
    Linear in the size of the text, flat in memory.
    """
    if len(body) > limits.body:
        return "too large"
    if body.count(b"{") + body.count(b"[") <= limits.depth and not _long_number(body, limits.digits):
        return None  # cannot be deeper than it has brackets: the usual case, without a walk
    return _walk(body, limits)


def _walk(body: bytes, limits: Limits) -> str | None:
    depth = 0
    for found in _INTERESTING.finditer(body):
        first = body[found.start()]
        if first == _QUOTE:
            continue
        if first in b"[{":
            depth += 1
            if depth > limits.depth:
                return "too deep"
        elif first in b"]}":
            depth -= 1
        elif found.end() - found.start() > limits.digits:
            return "a number is too long"
    return None


def _long_number(body: bytes, digits: int) -> bool:
    return re.search(rb"[0-9.eE+-]{%d}" % (digits + 1), body) is not None


_QUOTE = ord('"')

"""Limits on JSON that are checked by counting bytes, before a parser sees them (guarantees.md, Limits; F28)."""

import re
from itertools import accumulate
from typing import NamedTuple

_TEXT_OR_NUMBER = rb'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"?|-?[0-9][0-9.eE+-]*+'  # rarely needed: compiled when it is
_NUMBER = b"0123456789.eE+-"
_AS_DIGITS = bytes(ord("0") if code in _NUMBER else ord(" ") for code in range(256))
_NO_STRUCTURE = bytes(code for code in range(256) if code not in b'"[]{}')
_FEW = 64
_STEP = 8
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class Limits(NamedTuple):
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
    Linear in the size of the text, and all but flat in memory.
    """
    if len(body) > limits.body:
        return "too large"
    # It cannot be deeper than it has brackets: the usual case, without a look at what is a text and what is not.
    if body.count(b"{") + body.count(b"[") > limits.depth and _is_deeper(body, limits.depth):
        return "too deep"
    long = limits.digits + 1
    # Of a number that is too long so many bytes stand a step apart, and of little else: an eighth of the cost.
    suspicious = b"0" * (long // _STEP) in body[::_STEP].translate(_AS_DIGITS) and (
        b"0" * long in body.translate(_AS_DIGITS)
    )
    return "a number is too long" if suspicious and _has_long_number(body, limits.digits) else None


def _is_deeper(body: bytes, depth: int) -> bool:
    """Return True where arrays and objects are nested deeper, up to the first mistake where the text is not JSON."""
    if b"\\" in body:
        body = _without_escapes(body)  # what is left of quotes begins or ends a text
    bare = body.translate(None, _NO_STRUCTURE)
    # Each other piece between quotes is outside of texts. Two quotes side by side change nothing about the others.
    outside = b"".join(bare.replace(b'""', b"").split(b'"')[::2])
    left = outside
    for _ in range(depth // 2):  # takes one or two of the innermost levels away
        left = left.replace(b"{}", b"").replace(b"[]", b"")
        if not left:
            return False
    return max(accumulate(map(_STEPS.__getitem__, outside)), default=0) > depth


def _without_escapes(body: bytes) -> bytes:
    if body.count(b"\\") > _FEW:
        return body.replace(rb"\\", b"").replace(rb"\"", b"")
    first, *rest = body.split(b"\\")  # for a few a third of the cost
    kept = [first]
    escaped = True  # a piece begins with what its backslash escapes, but for one that escapes the next backslash
    for piece in rest:
        kept.append(piece[1:] if escaped else piece)
        escaped = not escaped or piece != b""
    return b"".join(kept)


def _has_long_number(body: bytes, digits: int) -> bool:
    for found in re.finditer(_TEXT_OR_NUMBER, body):
        if body[found.start()] != _QUOTE and found.end() - found.start() > digits:
            return True
    return False


_QUOTE = ord('"')

"""What every line of QRadar's has in common: one line always, and no longer than the receiver takes it."""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import pairwise
from typing import Any, Final

from shared.delivery.printing import show

Pair = tuple[bytes, bytes]

KEY: Final = r"[A-Za-z][A-Za-z0-9_]*"
"""What a key of LEEF or CEF may be: one word."""
TRUNCATED: Final[Pair] = (b"truncated", b"1")
_BREAKS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # whatever some reader takes for the end of a line


def one_line(text: str) -> str:
    """Return a text without anything that ends a line, or that no line can hold: a space stands there instead."""
    return _BREAKS.sub(" ", text)


def plain(value: Any) -> str:
    """Return any value as text: lists of single values by commas, what has members as JSON."""
    if isinstance(value, list) and not any(isinstance(member, dict | list) for member in value):
        return ",".join(str(show(member)) for member in value)
    return str(show(value))


def address(value: Any) -> str:
    """Return the first IP address of a value, nothing where there is none: no name may stand there."""
    for one in value if isinstance(value, list) else [value]:
        try:
            return str(ip_address(str(one)))
        except ValueError:
            continue
    return ""


def encoded(text: str) -> bytes:
    """Return UTF-8; half of a character, which no JSON has by right, becomes `?`."""
    return text.encode("utf-8", "replace")


def cut(value: bytes, most: int) -> bytes:
    r"""Return at most so many bytes of UTF-8, ending between two characters and in no half of an escape (`\=`)."""
    if len(value) <= most:
        return value
    kept = value[: max(0, most)].decode("utf-8", "ignore").encode()
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept[:-1] if backslashes % 2 else kept


def fitted(head: bytes, fixed: Sequence[Pair], pairs: Sequence[Pair], separator: bytes, most: int) -> bytes:
    """Return `head` and `key=value` pairs in at most so many bytes.

    What is too long is marked by `truncated=1`, and of the longest values of `pairs` so much is cut that all fits; one
    of which nothing stays is left out. `head` and the `fixed` pairs are never cut: they must fit by themselves.
    """
    whole = head + _joined([*fixed, *pairs], separator)
    if len(whole) <= most:
        return whole
    fixed = [*fixed, TRUNCATED]
    excess = len(head) + len(_joined([*fixed, *pairs], separator)) - most
    level = _level([len(value) for _, value in pairs], excess)
    shorter = [(key, cut(value, level)) for key, value in pairs]
    return head + _joined([*fixed, *((key, value) for key, value in shorter if value)], separator)


def _joined(pairs: Sequence[Pair], separator: bytes) -> bytes:
    return separator.join(key + b"=" + value for key, value in pairs)


def _level(lengths: Sequence[int], excess: int) -> int:
    """Return the length to which the longest must be cut for `excess` to go; 0 where nothing else helps."""
    for many, (length, below) in enumerate(pairwise([*sorted(lengths, reverse=True), 0]), 1):
        gained = (length - below) * many
        if excess <= gained:
            return length - -(-excess // many)
        excess -= gained
    return 0

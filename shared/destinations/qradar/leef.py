"""LEEF 2.0 (reference/destinations.md §5.1).

The format knows no escaping: what would end a header field, a pair or the line is replaced. With the tabulator between
pairs, `|`, `=` and `^` in a value are text like any other: a pair is split at its first `=`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.destinations.qradar.lines import Pair, address, cut, encoded, fitted, one_line, plain

_DELIMITER: Final = b"\t"
_HEADER: Final = 255  # bytes of EventID and of each fixed value
_USER: Final = 255
_LEAST, _MOST = 1, 10
_MIDDLE = 5
_USER_NAMES: Final = frozenset({"usrName", "accountName", "vSrcName"})
_ADDRESSES: Final = frozenset(
    {"src", "dst", "srcPreNAT", "dstPreNAT", "srcPostNAT", "dstPostNAT", "identSrc", "vSrc", "identSecondlp"}
)


def leef(event_id: str, fixed: Mapping[str, Any], values: Mapping[str, Any], *, product: str, most: int) -> bytes:
    """Return one LEEF payload of at most `most` bytes.

    `fixed` are cat, devTime, sev and the identity, which are never cut to nothing; `values` the rest in their order.
    """
    event = cut(encoded(one_line(event_id).replace("|", " ").strip()), _HEADER) or b"unknown"
    head = b"LEEF:2.0|Tidings|" + encoded(product) + b"|1.0|" + event + b"|x09|"
    bounded = [(key, cut(value, _HEADER)) for key, value in _pairs(fixed)]
    return fitted(head, bounded, _pairs(values), _DELIMITER, most)


def severity(value: Any) -> int:
    """Return a severity of 1 to 10; 5 for what is no number."""
    try:
        return min(_MOST, max(_LEAST, int(value)))
    except (TypeError, ValueError, OverflowError):
        return _MIDDLE


def _pairs(values: Mapping[str, Any]) -> Sequence[Pair]:
    made: list[Pair] = []
    for key, value in values.items():
        text = one_line(_text(key, value))
        if text.strip():
            made.append((key.encode(), encoded(text)))
    return made


def _text(key: str, value: Any) -> str:
    """Return a value as its key wants it: an address where one is meant, or nothing."""
    if key in _ADDRESSES:
        return address(value)
    text = plain(value)
    return text[:_USER] if key in _USER_NAMES else text

"""LEEF 2.0 (reference/destinations.md §5.1).

The format knows no escaping: what would end a header field, a pair or the line is replaced. With the tabulator between
pairs, `|`, `=` and `^` in a value are text like any other: a pair is split at its first `=`.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final

from shared.delivery.printing import show
from shared.destinations.qradar.lines import Pair, cut, encoded, fitted, one_line

_DELIMITER: Final = b"\t"
_HEADER: Final = 255  # bytes of EventID and of each fixed value
_USER: Final = 255
_LEAST, _MOST = 1, 10
_MIDDLE = 5
_USER_NAMES: Final = frozenset({"usrName", "accountName", "vSrcName"})
_ADDRESSES: Final = frozenset(
    {"src", "dst", "srcPreNAT", "dstPreNAT", "srcPostNAT", "dstPostNAT", "identSrc", "vSrc", "identSecondlp"}
)
KEY: Final = r"[A-Za-z][A-Za-z0-9_]*"
"""What a key of LEEF or CEF may be: one word."""


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


def plain(value: Any) -> str:
    """Return any value as text: lists of single values by commas, what has members as JSON."""
    if isinstance(value, list) and not any(isinstance(member, dict | list) for member in value):
        return ",".join(str(show(member)) for member in value)
    return str(show(value))


def address(value: Any) -> str:
    """Return the first IP address of a value, nothing where there is none: QRadar takes no names there."""
    for one in value if isinstance(value, list) else [value]:
        try:
            return str(ip_address(str(one)))
        except ValueError:
            continue
    return ""

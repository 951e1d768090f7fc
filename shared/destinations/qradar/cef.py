r"""CEF 0 (reference/destinations.md §5.3).

In the header `\` and `|` are escaped, in the extension `\`, `=` and the ends of lines: so nothing is lost, and one line
stays one line.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.destinations.qradar.lines import Pair, address, cut, encoded, fitted, one_line, plain

_HEADER: Final = 255  # bytes of each field of the header and of each fixed value, with its escapes
_ADDRESSES: Final = frozenset({"src", "dst", "dvc", "sourceTranslatedAddress", "destinationTranslatedAddress"})
_LABEL: Final = "Label"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "=": r"\=", "\n": r"\n", "\r": r"\r"})


def cef(  # noqa: PLR0913 - the header's fields
    signature: str,
    name: str,
    severity: int,
    fixed: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    product: str,
    most: int,
) -> bytes:
    """Return one CEF payload of at most `most` bytes; `severity` is 0 to 10, the rest as `leef` has it."""
    fields = (b"CEF:0", b"Tidings", encoded(product), b"1.0", _header(signature), _header(name), b"%d" % severity)
    bounded = [(key, cut(value, _HEADER)) for key, value in _pairs(fixed)]
    return fitted(b"|".join(fields) + b"|", bounded, _pairs(values), b" ", most)


def _header(text: str) -> bytes:
    escaped = one_line(text).strip().replace("\\", "\\\\").replace("|", "\\|")
    return cut(encoded(escaped), _HEADER) or b"unknown"


def _pairs(values: Mapping[str, Any]) -> Sequence[Pair]:
    made: list[Pair] = []
    for key, value in values.items():
        if key.endswith(_LABEL) and key.removesuffix(_LABEL) not in values:
            continue  # a name for what is not there
        text = address(value) if key in _ADDRESSES else plain(value)
        escaped = one_line(text.strip().translate(_ESCAPES))
        if escaped:
            made.append((key.encode(), encoded(escaped)))
    return made

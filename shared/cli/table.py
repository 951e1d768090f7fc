"""Rows as a table that cuts nothing: what does not fit beside each other goes below, indented."""

import textwrap
from collections.abc import Sequence

from rich.text import Text

_GAP = "  "
_BELOW = "    "
_ENOUGH = 28  # columns in which a text can be wrapped and still be read


def drawn(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> Text:
    """Return the table within so many columns of a terminal."""
    rows = [[" ".join(cell.split()) for cell in row] for row in (columns, *cells)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    beside = _fitting(widths, width)
    whole = Text()
    for number, row in enumerate(rows):
        lines = _lines(row, widths, beside, width)
        whole.append("\n".join(lines) + "\n", style="bold" if number == 0 else "")
    return whole


def _fitting(widths: list[int], width: int) -> int:
    """Return how many columns stand beside each other; the last of them may be one that is wrapped in its place."""
    used = 0
    for number, own in enumerate(widths):
        last = number == len(widths) - 1
        if used + own > width and not (last and width - used >= _ENOUGH):
            return max(number, 1)
        used += own + len(_GAP)
    return len(widths)


def _lines(row: list[str], widths: list[int], beside: int, width: int) -> list[str]:
    if beside == len(row):
        head = "".join(cell.ljust(own) + _GAP for cell, own in zip(row[:-1], widths, strict=False))
        wrapped = _wrapped(row[-1], max(width - len(head), 1))
        return [(head + wrapped[0]).rstrip(), *(" " * len(head) + line for line in wrapped[1:])]
    first = _GAP.join(cell.ljust(own) for cell, own in zip(row[:beside], widths, strict=False)).rstrip()
    rest = _GAP.join(cell for cell in row[beside:] if cell)
    below = [_BELOW + line for line in _wrapped(rest, width - len(_BELOW))] if rest else []
    return [*_wrapped(first, width), *below]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 10), break_on_hyphens=False) or [""]


def beside(cells: Sequence[str], widths: Sequence[int], width: int) -> str:
    """Return one row of a table whose other rows are not known yet; the last cell is wrapped in its place or below.

    A cell that is longer than its column shifts those behind it.
    """
    head = "".join(" ".join(cell.split()).ljust(own) + _GAP for cell, own in zip(cells, widths, strict=False))
    if width - len(head) >= _ENOUGH:
        first, *more = _wrapped(cells[-1], width - len(head))
        return "\n".join([head + first, *(" " * len(head) + line for line in more)])
    below = [_BELOW + line for line in _wrapped(cells[-1], width - len(_BELOW))]
    return "\n".join([*_wrapped(head.rstrip(), width), *below])

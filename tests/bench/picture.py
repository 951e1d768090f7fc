"""Draws stacked bars as SVG: where the time of one event goes."""

from collections.abc import Sequence
from html import escape

from tests.bench.steps import Step

_COLOURS = ("#4c78a8", "#72b7b2", "#54a24b", "#eeca3b", "#f58518", "#e45756", "#b279a2", "#9d755d", "#79706e")
_WIDTH = 860
_LEFT = 20
_BAR = 34
_LINE = 20


def draw(bars: Sequence[tuple[str, Sequence[Step]]]) -> str:
    """Return one bar for each title, all to the same scale, with a legend of its steps below it."""
    longest = max(sum(step.microseconds for step in steps) for _, steps in bars) or 1.0
    scale = (_WIDTH - 2 * _LEFT) / longest
    drawn: list[str] = []
    top = 10
    for title, steps in bars:
        whole = sum(step.microseconds for step in steps)
        drawn.append(_text(_LEFT, top + 16, f"{title}: {whole:.0f} µs of CPU time", "bold"))
        top += 26
        left = float(_LEFT)
        for number, step in enumerate(steps):
            width = step.microseconds * scale
            colour = _COLOURS[number % len(_COLOURS)]
            drawn.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>')
            left += width
        top += _BAR + 8
        for number, step in enumerate(steps):
            colour = _COLOURS[number % len(_COLOURS)]
            drawn.append(f'<rect x="{_LEFT}" y="{top + 3}" width="12" height="12" fill="{colour}"/>')
            drawn.append(_text(_LEFT + 20, top + 14, f"{step.name}: {step.microseconds:.0f} µs"))
            top += _LINE
        top += 14
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        'font-family="sans-serif" font-size="13">'
    )
    return "\n".join((head, f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>', *drawn, "</svg>\n"))


def _text(left: int, base: int, words: str, weight: str = "normal") -> str:
    return f'<text x="{left}" y="{base}" font-weight="{weight}" fill="#222222">{escape(words)}</text>'

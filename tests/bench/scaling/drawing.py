"""Draws what waits before, in and after a storm, for several sizes, as SVG; light or dark as the reader's screen is."""

from collections.abc import Iterator, Sequence
from html import escape
from math import log10
from typing import Final

from tests.bench.scaling.hub import DRAWN
from tests.bench.scaling.report import BEFORE, Summary
from tests.bench.scaling.traffic import STORM_LASTS

_WIDTH, _HEIGHT = 860, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 150, 20, 290
_SECONDS: Final = int(DRAWN)
_POWERS: Final = 6
_STYLE: Final = """<style>
text { font: 11px sans-serif; fill: #24292f }
.grid { stroke: #d0d7de } .time { fill: #57606a } .storm { fill: #fff1e5 }
.line { fill: none; stroke-width: 1.8 } .s0 { stroke: #1a7f37 } .s1 { stroke: #0969da } .s2 { stroke: #cf222e }
.s3 { stroke: #8250df } .paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.grid { stroke: #30363d } .time { fill: #8d96a0 } .storm { fill: #2d1b0e }
.s0 { stroke: #3fb950 } .s1 { stroke: #4493f8 } .s2 { stroke: #f85149 } .s3 { stroke: #ab7df8 } .paper { fill: #0d1117 }
}
</style>"""


def alt(sizes: Sequence[Summary]) -> str:
    """Return what the picture says to who cannot see it."""
    said = "; ".join(
        f"with {one.name} clusters at most {one.most:,} events wait"
        + (" and they are worked off as the storm ends" if not one.drained else "")
        + (f" and they are worked off {one.drained:.0f} s after the storm" if one.drained else "")
        for one in sizes
    )
    return f"Events that wait before, during and after a storm of a minute: {said}."


def draw(sizes: Sequence[Summary]) -> str:
    """Return the picture: a line for each size, the number of waiting events by powers of ten."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img"><title>{escape(alt(sizes))}</title>'
    )
    paper = f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>'
    storm = (
        f'<rect class="storm" x="{_x(0):.1f}" y="{_TOP}" width="{_x(STORM_LASTS) - _x(0):.1f}" '
        f'height="{_BOTTOM - _TOP}"/>'
    )
    drawn = [part for place, one in enumerate(sizes) for part in _size(place, one)]
    return "\n".join((head, _STYLE, paper, storm, *_grid(), *drawn, "</svg>\n"))


def _size(place: int, one: Summary) -> Iterator[str]:
    lags = one.lags[: _SECONDS + BEFORE]
    points = " ".join(f"{_x(second - BEFORE):.1f},{_y(lag):.1f}" for second, lag in enumerate(lags))
    yield f'<polyline class="line s{place}" points="{points}"/>'
    base = _TOP + 14 + 34 * place
    yield f'<line class="line s{place}" x1="{_WIDTH - 140}" y1="{base - 4}" x2="{_WIDTH - 120}" y2="{base - 4}"/>'
    yield _text(_WIDTH - 114, base, f"{one.name} clusters")
    lost = f"{one.storms} lose a node" if one.storms > 1 else "one loses a node"
    yield _text(_WIDTH - 114, base + 13, lost, "time")


def _grid() -> Iterator[str]:
    for power in range(_POWERS):
        y = _y(10**power - 1 if power else 0)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
        yield _text(_LEFT - 56, y + 4, f"{10**power:,}" if power else "0", "time")
    for second in range(-BEFORE, _SECONDS + 1, 60):
        yield _text(_x(second) - 10, _BOTTOM + 16, f"{second // 60} min", "time")
    yield _text(_LEFT, _HEIGHT - 8, "events that wait at all Triggers, by minutes since the storm began", "time")


def _x(second: float) -> float:
    return _LEFT + (second + BEFORE) / (_SECONDS + BEFORE) * (_WIDTH - _LEFT - _RIGHT)


def _y(waiting: int) -> float:
    return _BOTTOM - log10(1 + waiting) / _POWERS * (_BOTTOM - _TOP)


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'

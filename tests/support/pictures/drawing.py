"""Draws a played scene as SVG: for each object what was seen, how its problem stands, and what was decided when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

from shared.cli.following import Line
from shared.episodes.relations import OF_GROUP
from shared.events.model import path_of
from tests.support.pictures.scenes import START, Scene

Kind = Literal["waits", "ticket", "taken"]

_WIDTH: Final = 860
_LEFT: Final = 24
_RIGHT: Final = 60
_ROW: Final = 15
_BAR: Final = 12
_LETTER: Final = 6.2  # pixels of a letter, about: no font is asked
_STEPS: Final = (10, 20, 60, 120, 300, 600)
_MOST: Final = 12
_STYLE: Final = """<style>
text { font: 11px sans-serif; fill: #24292f }
.name { font-weight: bold; font-size: 12px }
.axis, .grid { stroke: #d0d7de } .time { fill: #57606a }
.bad { fill: #cf222e } .good { fill: #1a7f37 } .lead { stroke: #8c959f }
.waits { fill: #d4a72c } .ticket { fill: #cf222e } .taken { fill: #8c959f }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.axis, .grid { stroke: #30363d } .time { fill: #8d96a0 }
.bad { fill: #f85149 } .good { fill: #3fb950 } .lead { stroke: #6e7681 }
.waits { fill: #bb8009 } .ticket { fill: #da3633 } .taken { fill: #6e7681 }
.paper { fill: #0d1117 }
}
</style>"""
_LEGEND: Final = (("waits", "no ticket yet"), ("ticket", "ticket open"), ("taken", "taken in by another"))
_BEGINS: Final[dict[str, Kind]] = {
    "held": "waits",
    "opened": "ticket",
    "reopened": "ticket",
    "inhibited": "taken",
    "grouped": "taken",
    "limited": "taken",
    "quiet": "taken",
}


@dataclass(slots=True)
class _Lane:
    """What is drawn of one object: Events seen, spans of one kind, decisions; all in seconds."""

    name: str
    seen: list[tuple[float, str, bool]] = field(default_factory=list)
    spans: list[tuple[float, float, Kind]] = field(default_factory=list)
    decided: list[tuple[float, str]] = field(default_factory=list)


def draw(scene: Scene, lines: Sequence[Line]) -> str:
    """Return the picture; light or dark as the reader's screen is."""
    drawn: list[str] = []
    top = 22
    for lane in _lanes(scene, lines):
        block, height = _block(lane, scene.seconds, top)
        drawn += block
        top += height
    axis = list(_axis(scene.seconds, top))
    bottom = top + 44
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom}" width="{_WIDTH}" height="{bottom}" '
        f'role="img"><title>{escape(scene.alt)}</title>'
    )
    paper = f'<rect class="paper" width="{_WIDTH}" height="{bottom}"/>'
    return "\n".join((head, _STYLE, paper, *axis, *drawn, *_legend(bottom - 8), "</svg>\n"))


def _lanes(scene: Scene, lines: Sequence[Line]) -> list[_Lane]:
    lanes: dict[str, _Lane] = {}
    for one in scene.seen:
        lanes.setdefault(one.thing, _Lane(one.thing)).seen.append((one.sent, one.reason, one.good))
    under: dict[str, tuple[float, Kind]] = {}
    for line in lines:
        second = (line.time - START).total_seconds()
        if second > scene.seconds:
            break
        name = _name(line)
        lane = lanes.setdefault(name, _Lane(name))
        _decided(lane, line, second)
        kind = _BEGINS.get(line.note.what)
        ends = line.note.what in {"closed", "over"} and under.get(name, (0.0, ""))[:2] != (second, "taken")
        if (kind is not None or ends) and name in under:
            began, before = under.pop(name)
            lane.spans.append((began, second, before))
        if kind is not None:
            under[name] = (second, kind)
    for name, (began, kind) in under.items():
        lanes[name].spans.append((began, scene.seconds, kind))
    return list(lanes.values())


def _name(line: Line) -> str:
    track = line.note.track
    thing = track.head.shown["object"]
    path = path_of(thing["kind"], thing["namespace"], thing["name"])
    kinds = {"group-": "The ticket of the group", "storm-": "The summary"}
    return kinds.get(track.relations.get(OF_GROUP, ""), path)


def _decided(lane: _Lane, line: Line, second: float) -> None:
    """Note a decision; what is decided at one time is one label."""
    note = line.note
    by = f" by {note.by}" if note.what in {"inhibited", "quiet"} else ""
    words = f"{note.what}{by}"
    if lane.decided and lane.decided[-1][0] == second:
        if words not in lane.decided[-1][1].split(", "):
            lane.decided[-1] = (second, f"{lane.decided[-1][1]}, {words}")
    else:
        lane.decided.append((second, words))


def _block(lane: _Lane, seconds: float, top: int) -> tuple[list[str], int]:
    """Return a lane's shapes, and how high they are."""
    drawn = [_text(_LEFT - 14, top, lane.name, "name")]
    above = _placed([(second, words) for second, words, _ in lane.seen], seconds)
    dots = top + 10 + _ROW * (1 + max((row for _, _, row in above), default=-1))
    for (second, _, good), (x, words, row) in zip(lane.seen, above, strict=True):
        y = dots - 6 - row * _ROW
        drawn.append(_text(x + 6, y, words))
        drawn.append(f'<circle class="{"good" if good else "bad"}" cx="{_x(second, seconds):.1f}" cy="{y - 4}" r="4"/>')
        drawn.append(_lead(x, y, dots))
    for began, ended, kind in lane.spans:
        width = max(_x(ended, seconds) - _x(began, seconds), 2)
        x = _x(began, seconds)
        drawn.append(f'<rect class="{kind}" x="{x:.1f}" y="{dots}" width="{width:.1f}" height="{_BAR}" rx="2"/>')
    below = _placed(lane.decided, seconds)
    for x, words, row in below:
        y = dots + _BAR + 12 + row * _ROW
        drawn += [_lead(x, dots + _BAR, y - 3), _text(x + 4, y, words)]
    height = dots - top + _BAR + 34 + _ROW * max((row for _, _, row in below), default=0)
    return drawn, height


def _placed(labels: Sequence[tuple[float, str]], seconds: float) -> list[tuple[float, str, int]]:
    """Return the labels with their place and the first row in which none is in their way."""
    ends: list[float] = []
    found = []
    for second, words in labels:
        x = _x(second, seconds)
        row = next((number for number, end in enumerate(ends) if end < x), len(ends))
        ends[row : row + 1] = [x + 14 + _LETTER * len(words)]
        found.append((x, words, row))
    return found


def _axis(seconds: float, bottom: int) -> Iterator[str]:
    step = next(one for one in _STEPS if seconds / one <= _MOST)
    for second in range(0, int(seconds) + 1, step):
        x = _x(second, seconds)
        form = "%H:%M:%S" if step < 60 else "%H:%M"
        time = START.fromtimestamp(START.timestamp() + second, START.tzinfo)
        yield f'<line class="grid" x1="{x:.1f}" y1="8" x2="{x:.1f}" y2="{bottom}"/>'
        yield _text(x - 14, bottom + 13, time.strftime(form), "time")


def _legend(base: int) -> Iterator[str]:
    x = _LEFT
    for kind, words in _LEGEND:
        yield f'<rect class="{kind}" x="{x}" y="{base - 9}" width="18" height="9" rx="2"/>'
        yield _text(x + 23, base, words)
        x += 150
    for kind, words in (("bad", "a problem arrives"), ("good", "a recovery arrives")):
        yield f'<circle class="{kind}" cx="{x + 6}" cy="{base - 4}" r="4"/>'
        yield _text(x + 15, base, words)
        x += 140


def _x(second: float, seconds: float) -> float:
    return _LEFT + second * (_WIDTH - _LEFT - _RIGHT) / seconds


def _lead(x: float, start: float, end: float) -> str:
    return f'<line class="lead" x1="{x:.1f}" y1="{start:.1f}" x2="{x:.1f}" y2="{end:.1f}"/>'


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'

"""Writes a run into docs/scale.md: the tables between their markers, its picture, and what it is made of as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.page import between, markdown
from tests.bench.scale import Compared, Scaled, tables
from tests.bench.scaling.drawing import alt, draw
from tests.bench.scaling.figures import Figures
from tests.bench.scaling.report import Summary
from tests.bench.scaling.sizes import DRAWN
from tests.support.servers import ROOT

RECORDED: Final = ROOT / "docs" / "scale.json"
PICTURE: Final = "pictures/scale.svg"


def rewrite(page: Path, run: Scaled, machine: str) -> None:
    """Write a run into the page and beside it. Raises OSError, or ValueError for a missing marker."""
    text = written(page.read_text(encoding="utf-8"), run, machine)
    (page.parent / PICTURE).write_text(draw(drawn(run)), encoding="utf-8")
    page.with_suffix(".json").write_text(_json(run, machine), encoding="utf-8")
    page.write_text(text, encoding="utf-8")


def recorded(file: Path = RECORDED) -> tuple[Scaled, str]:
    """Return the run that the page shows, and the machine that it was made on."""
    data: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    run = Scaled(
        Figures.of(data["figures"]),
        [Compared(**one) for one in data["compared"]],
        [Summary.of(one) for one in data["sizes"]],
    )
    return run, data["machine"]


def written(text: str, run: Scaled, machine: str) -> str:
    """Return the page's text with the tables and the picture's words of this run. Raises ValueError."""
    for name, lines in tables(run):
        text = between(text, name, markdown(lines))
    text = between(text, "machine", f"Measured and simulated on {machine}.")
    return between(text, "picture", f"![{alt(drawn(run))}]({PICTURE})")


def drawn(run: Scaled) -> Sequence[Summary]:
    """Return the sizes that are drawn."""
    return [one for one in run.sizes if one.name in DRAWN]


def _json(run: Scaled, machine: str) -> str:
    """Return it as JSON, each part a line: a reader of changes sees what is another one."""
    parts = {"machine": machine, **run.as_json()}
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in parts.items()) + "\n}\n"

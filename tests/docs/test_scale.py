"""docs/scale.md shows the run that docs/scale.json holds, and its picture shows that run to everybody."""

from pathlib import Path
from xml.etree import ElementTree as ET

from tests.bench.scaling.drawing import alt, draw
from tests.bench.scaling.page import PICTURE, drawn, recorded, written
from tests.bench.scaling.plan import Plan
from tests.bench.scaling.sizes import SIZES

AGAIN = 'run `make scale ARGS="--write docs/scale.md"`'


def test_the_tables_of_the_page_are_those_of_the_recorded_run(root: Path) -> None:
    page = (root / "docs" / "scale.md").read_text(encoding="utf-8")
    assert written(page, *recorded()) == page, AGAIN


def test_the_recorded_run_has_the_sizes_that_would_be_simulated_now() -> None:
    run, _ = recorded()
    found = [(one.name, one.clusters, one.storms, one.limit) for one in run.sizes]
    assert found == [(name, *_of(plan)) for name, plan in SIZES], AGAIN
    assert {10, 100, 1000} <= {one.clusters for one in run.sizes}


def _of(plan: Plan) -> tuple[int, int, int]:
    return plan.clusters, plan.storms, plan.systems.requests


def test_the_model_was_within_a_quarter_of_what_was_measured_in_the_recorded_run() -> None:
    run, _ = recorded()
    assert len(run.compared) == 9
    assert [one.name for one in run.compared if one.apart > 1.25] == []


def test_the_picture_is_of_the_recorded_run_and_made_for_light_and_dark(root: Path) -> None:
    sizes = drawn(recorded()[0])
    text = (root / "docs" / PICTURE).read_text(encoding="utf-8")
    assert text == draw(sizes), AGAIN
    found = ET.fromstring(text)  # noqa: S314 - written by ourselves
    words = ["".join(part.itertext()) for part in found]
    assert alt(sizes) in words
    assert any("prefers-color-scheme: dark" in word for word in words)
    lines = [part.get("points", "") for part in found if part.tag.endswith("polyline")]
    assert len(lines) == len(sizes) == 3
    heights = [min(float(point.partition(",")[2]) for point in line.split()) for line in lines]
    assert heights == sorted(heights, reverse=True), "the more clusters, the more waits"

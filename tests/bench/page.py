"""Puts measured figures into a page: what stands between its markers is written anew, the text around it stays."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import HEADINGS, Row
from tests.bench.picture import draw
from tests.bench.steps import Step, of_the_classifier, of_the_system

PICTURE = "performance.svg"
_BEGIN = "<!-- measured: {name} -->"
_END = "<!-- end of {name} -->"


def rewrite(page: Path, rows: Sequence[Row], machine: str) -> None:
    """Write table, picture and the machine's name into the page. Raises OSError, or ValueError for a missing marker."""
    classifier = of_the_classifier()
    system = of_the_system(classifier)
    picture = draw([("one event through the classifier", classifier), ("one event through tidings up", system)])
    text = page.read_text(encoding="utf-8")
    text = between(
        text, "figures", f"Medians, in brackets the middle half of the turns. {machine}.\n\n{as_table(rows)}"
    )
    text = between(text, "steps", f"{steps_table(classifier)}\n\n{steps_table(system)}")
    page.with_name(PICTURE).write_text(picture, encoding="utf-8")
    page.write_text(text, encoding="utf-8")


def between(text: str, name: str, new: str) -> str:
    """Return the text with what stands between the markers of this name replaced. Raises ValueError."""
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    if begin not in text or end not in text:
        raise ValueError(f"the page has no {begin} … {end}")
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{new}\n{end}{tail}"


def as_table(rows: Sequence[Row]) -> str:
    """Return the report as a Markdown table."""
    return markdown([HEADINGS, *(row.cells() for row in rows)])


def steps_table(steps: Sequence[Step]) -> str:
    """Return the steps as a Markdown table, with their part of the whole."""
    whole = sum(step.microseconds for step in steps) or 1.0
    lines = [(step.name, f"{step.microseconds:.0f}", f"{step.microseconds / whole:.0%}") for step in steps]
    return markdown([("step", "µs", "part"), *lines, ("together", f"{whole:.0f}", "100%")])


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return lines as a Markdown table, the first of them its headings."""
    rule = tuple("---" for _ in lines[0])
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))

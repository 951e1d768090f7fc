"""Every producer has its page under docs/sources, and every dialect stands on one."""

import re
from pathlib import Path

import pytest

from shared.sources.dialects import DIALECTS
from tests.support.servers import ROOT

PAGES = sorted((ROOT / "docs" / "sources").glob("*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


def _dialects(page: Path) -> list[str]:
    """Return the dialects that a page says it is about, of its line `Dialects: ...`."""
    (line,) = re.findall(r"^Dialects: (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return re.findall(r"`([^`]+)`", line)


def test_every_dialect_is_on_a_page_of_a_producer() -> None:
    described = {name for page in PAGES for name in _dialects(page)}
    assert described == {dialect.name for dialect in DIALECTS}


@each_page
def test_a_page_says_what_to_paste_how_it_is_told_apart_and_what_was_tried(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "```" in text, "the exact configuration of that side"
    for row in ("| posts to |", "| cluster |", "| identity |"):
        assert row in text
    assert re.search(r"^Tried with: .+", text, re.MULTILINE), "the real program, or payloads in its form"


@each_page
def test_a_page_names_the_cloudevent_types_of_its_dialects(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    types = [kind for dialect in DIALECTS if dialect.name in _dialects(page) for kind in dialect.types]
    assert [kind for kind in types if kind not in text] == []

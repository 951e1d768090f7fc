"""Texts into GLPI and back, and the marks that they end with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.ticket import Mark
from shared.destinations.glpi.record import belongs, mark_of, mark_text, needles_of, tag_of
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.glpi.text import MAX_NAME, html_of, text_of, title_of
from shared.settings.environment import SettingsError, read
from tests.support.tickets import KEY, episode

MARKS = st.builds(
    Mark,
    st.just(episode().id),
    st.just(KEY),
    st.integers(0, 999_999_999),
    st.integers(0, 999_999_999),
    st.sampled_from(["open", "over", "void"]),
)
PRINTABLE = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")) | st.just("\n"))


@given(PRINTABLE)
def test_what_goes_in_comes_back_and_has_no_markup_of_its_own(text: str) -> None:
    html = html_of(text)
    assert text_of(html) == text
    inner = html.removeprefix("<p>").removesuffix("</p>").replace("<br>", "")
    assert not {"<", ">", '"', "'"} & set(inner)


@given(PRINTABLE)
def test_what_glpi_10_gives_back_is_read_alike(text: str) -> None:
    encoded = html_of(text).replace("&", "&#38;").replace("<", "&#60;").replace(">", "&#62;")
    assert text_of(encoded) == text


@given(st.text(), MARKS)
def test_a_text_ends_with_its_mark_whatever_it_says(text: str, mark: Mark) -> None:
    html = html_of(f"{text}\n\n{mark_text(mark)}")
    found = mark_of(mark.episode, KEY, [html])
    assert found == mark or mark.revision == 0, "without a revision it says nothing"


@given(st.lists(MARKS, min_size=1))
def test_the_newest_mark_counts_and_a_cancelled_ticket_stays_so(marks: list[Mark]) -> None:
    found = mark_of(episode().id, KEY, [html_of(mark_text(mark)) for mark in marks])
    assert (found.standing == "void") is any(mark.standing == "void" for mark in marks)
    if found.standing != "void":
        assert found.revision == max(mark.revision for mark in marks)


@given(st.text())
def test_a_title_keeps_its_tag_whole_and_has_no_angle_brackets(text: str) -> None:
    title = title_of(text, tag_of(episode().id))
    assert len(title) <= MAX_NAME
    assert belongs({"id": "1", "name": title}, episode().id, KEY)
    assert not {"<", ">", "\n"} & set(title)
    assert all(needle in title for needle in needles_of(episode().id, KEY))


@pytest.mark.parametrize(
    ("environ", "good"),
    [
        ({"GLPI_USER_TOKEN": "x"}, True),
        ({"GLPI_USER_TOKEN": "x", "GLPI_APP_TOKEN": "y"}, True),
        ({"GLPI_APP_TOKEN": "y"}, False),
        ({"GLPI_USER_TOKEN": "x", "GLPI_CLIENT_ID": "c"}, False),
        ({"GLPI_CLIENT_ID": "c", "GLPI_CLIENT_SECRET": "s", "GLPI_USERNAME": "u"}, False),
        ({"GLPI_CLIENT_ID": "c", "GLPI_CLIENT_SECRET": "s", "GLPI_USERNAME": "u", "GLPI_PASSWORD": "p"}, True),
    ],
)
def test_one_of_both_apis_is_set_and_wholly(environ: dict[str, Any], good: bool) -> None:  # noqa: FBT001
    environ = {"GLPI_URL": "https://glpi.example", **environ}
    if good:
        assert read(GlpiSettings, environ).modern is ("GLPI_CLIENT_ID" in environ)
        return
    with pytest.raises(SettingsError, match="GLPI_USER_TOKEN"):
        read(GlpiSettings, environ)

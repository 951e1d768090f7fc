"""Texts of mappings: parts of templates by name, common ones and own ones above them."""

from pathlib import Path

import pytest

from shared.delivery.mapping import Mapping, Terms, render
from shared.delivery.mapping_file import read_text
from shared.delivery.mapping_texts import common
from shared.delivery.telling import context_of
from shared.events.problem import Problem
from tests.support.tickets import episode

SHIPPED = Path(__file__).parents[2] / "functions" / "servicenow_incident" / "mapping.yaml"
FIELD = "operations:\n  open: {a: '{{ texts.said }}'}\n"


def said(text: str, terms: Terms = Terms()) -> dict[str, object]:  # noqa: B008 - a named tuple
    found = read_text(text, "m.yaml", terms)
    assert isinstance(found, Mapping), found
    values = render(found, "open", context_of(episode()))
    assert isinstance(values, dict)
    return values


def problems(text: str) -> list[Problem]:
    found = read_text(text, "m.yaml")
    assert isinstance(found, list), "a mistake was expected"
    return found


def test_a_text_stands_for_itself_wherever_it_is_named() -> None:
    assert said(f"texts: {{said: '{{{{ episode.severity }}}} {{{{ texts.inner }}}}', inner: you}}\n{FIELD}") == {
        "a": "high you"
    }


def test_an_own_text_replaces_the_common_one_in_all_that_uses_it() -> None:
    text = "texts: {message: 'MESSAGE'}\noperations:\n  open: {a: '{{ texts.description }}'}\n"
    assert "\nMESSAGE\n" in str(said(text)["a"])


def test_a_file_that_extends_the_shipped_one_needs_texts_alone() -> None:
    values = said(
        "destination: servicenow_incident\nextends: shipped\ntexts: {title: '{{ episode.cluster }}!'}\n",
        Terms(shipped=SHIPPED, names=("servicenow_incident",)),
    )
    assert values["short_description"] == "prod-1!"
    assert values["contact_type"] == "Monitoring"


def test_what_a_text_prints_is_escaped_as_its_field_says() -> None:
    field = "{value: '{{ texts.said }}', escape: html}"
    text = f"texts: {{said: '<b>{{{{ episode.message }}}}</b>'}}\noperations:\n  open: {{a: {field}}}\n"
    found = read_text(text, "m.yaml")
    assert isinstance(found, Mapping)
    assert render(found, "open", context_of(episode(message="<i>"))) == {"a": "<b>&lt;i&gt;</b>"}


def test_an_event_cannot_name_a_text() -> None:
    text = "operations:\n  open: {a: '{{ episode.message }}'}\n"
    found = read_text(text, "m.yaml")
    assert isinstance(found, Mapping)
    values = render(found, "open", context_of(episode(message="{{ texts.title }}")))
    assert values == {"a": "{{ texts.title }}"}


def own(text: str, field: str = "said") -> str:
    return f"texts:\n  {text}\noperations:\n  open: {{a: '{{{{ texts.{field} }}}}'}}\n"


@pytest.mark.parametrize(
    ("text", "line", "message", "suggestion"),
    [
        (own("said: '{{ episode.sumary }}'"), 2, "`episode` has no `sumary`", 'did you mean "summary"?'),
        (own("said: |\n    a\n    {% if %}"), 4, "the template is not well formed", ""),
        (own("said: x", "titel"), 4, "there is no text `titel`", 'did you mean "title"?'),
        (own("titel: x", "title"), 2, "no template uses the text `titel`", 'did you mean "title"?'),
        (own("said: '{{ texts.said }}'"), 4, "the text `said` holds itself", ""),
        (own("Said: x", "Said"), 2, "`Said` is no name of a text", "write small letters, digits and `_`"),
        (own("said: '{{ nobody }}'"), 4, "there is no `nobody`", "use one of: episode, news, links, change"),
        (
            own("said: '{{ episode.summary }}'").replace("open", "record"),
            4,
            "there is no `episode` here",
            "use one of: observation, verdict",
        ),
        ("texts: [a]\noperations: {open: {a: x}}\n", 1, "`texts` must have members", ""),
    ],
)
def test_a_mistake_in_a_text_is_told_at_its_line(text: str, line: int, message: str, suggestion: str) -> None:
    found = problems(text)
    assert any(one.line == line and message in one.message and one.suggestion == suggestion for one in found), found


def test_texts_that_grow_without_end_are_refused_before_they_do() -> None:
    inner = "".join(f"  t{n}: '{f'{{{{ texts.t{n + 1} }}}}' * 100}'\n" for n in range(7))
    end = "operations:\n  open: {a: '{{ texts.t0 }}'}\n"
    assert isinstance(read_text(f"texts:\n{inner}  t7: ''\n{end}", "m.yaml"), Mapping), "nothing, 10 ** 14 times"
    found = problems(f"texts:\n{inner}  t7: '{'x' * 100}'\n{end}")
    assert ["longer than 16384 characters" in one.message for one in found] == [True]


def test_each_common_text_is_used_and_each_is_right_by_itself() -> None:
    used = " ".join([*common().values(), *(path.read_text() for path in SHIPPED.parents[1].glob("*/mapping*.yaml"))])
    assert [name for name in common() if f"texts.{name} " not in used] == []
    for name in common():
        if name not in {"turn", "suspect"}:  # of a loop's variable
            read = read_text(f"operations:\n  open: {{a: '{{{{ texts.{name} }}}}'}}\n", "m.yaml")
            assert isinstance(read, Mapping), (name, read)

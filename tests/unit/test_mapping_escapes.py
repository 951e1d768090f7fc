"""What a mapping prints is escaped for where it lands, and lists hold what is there."""

import json
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.escaping import ESCAPES
from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.telling import context_of
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from tests.support.tickets import episode
from tests.unit.test_mapping import mapped, problems

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def one(field: str, **changes: object) -> object:
    """Return the value of a field, None where it is left out."""
    values = mapped(f"a: {field}", episode(**changes))
    assert not isinstance(values, Rejected), values
    return values.get("a")


def test_what_a_template_prints_is_escaped_and_what_it_says_itself_is_not() -> None:
    hostile = "<!channel> & <https://evil.example|log in>"
    assert one("{value: '*{{ episode.summary }}* <b>', escape: mrkdwn}", summary=hostile) == (
        "*&lt;!channel&gt; &amp; &lt;https://evil.example|log in&gt;* <b>"
    )
    assert one("{from: episode.summary, escape: html}", summary='<img src="x">') == "&lt;img src=&quot;x&quot;&gt;"
    assert one("{value: '{{ episode.summary }}', escape: mrkdwn}", summary="a & b") == "a &amp; b"
    assert one("{value: '{{ episode.summary | upper }}&', escape: mrkdwn}", summary="a & b") == "A &amp; B&"


@given(TEXT)
def test_a_part_of_a_url_stays_one_part_whatever_it_holds(text: str) -> None:
    value = ESCAPES["url"](text)
    path = urlsplit(f"https://x.example/a/{value}/close?b=c").path.split("/")
    assert (path[0], path[1], path[3]) == ("", "a", "close")
    assert unquote(path[2], errors="strict") == text
    assert value not in {".", ".."}


def test_a_template_of_json_makes_a_structure_and_no_value_breaks_out_of_it() -> None:
    field = """{value: '{"text": "{{ episode.summary }}", "labels": {{ episode.labels | json }}}', type: json}"""
    hostile = 'a "quoted" \\ text\n", "admin": true, "x": "'
    assert one(field, summary=hostile, labels={"team": 'sh"op'}) == {"text": hostile, "labels": {"team": 'sh"op'}}
    values = mapped("a: {value: '{\"text\": {{ episode.summary }}', type: json}")
    assert isinstance(values, Rejected)
    assert values.reason == "field a: the value does not have the type that the mapping asks for"


@given(TEXT)
def test_any_text_is_the_same_after_json_was_read(text: str) -> None:
    assert json.loads(f'"{ESCAPES["json"](text)}"') == text


@given(TEXT, st.integers(1, 30))
def test_what_is_cut_holds_no_half_of_an_entity(text: str, most: int) -> None:
    read = read_text(
        f"operations: {{open: {{a: {{value: '{{{{ episode.summary }}}}', escape: html, max: {most}}}}}}}", "m"
    )
    assert isinstance(read, Mapping)
    values = render(read, "open", context_of(episode(summary=text)))
    assert not isinstance(values, Rejected)
    value = values.get("a", "")
    assert len(value) <= most
    whole = value.removesuffix("…")
    assert ESCAPES["html"](text).startswith(whole)
    assert all(";" in part for part in whole.split("&")[1:])


def test_items_make_a_list_without_what_is_empty() -> None:
    field = (
        "{items: [plain, {from: episode.count}, {fields: {b: '{{ episode.host }}'}}, {value: x, when: episode.host}]}"
    )
    assert one(field) == ["plain", 1]
    assert one(field, host="node-1") == ["plain", 1, {"b": "node-1"}, "x"]
    assert one("{items: ['{{ episode.host }}']}") is None
    refused = mapped("a: {items: [b, {fields: {c: '{{ episode.history[9].reason }}'}}]}")
    assert isinstance(refused, Rejected)
    assert refused.reason.startswith("field a.1.c: ")


def test_mistakes_in_lists_and_escapes_are_told_with_their_line() -> None:
    text = (
        "operations:\n  open:\n    a: {items: []}\n    b: {value: x, escape: mrkdown}\n"
        "    c: {items: ['{{ verdict.rule }}']}\n"
    )
    assert problems(text) == [
        Problem("mapping.yaml", 3, "`items` must be a list, with `- ` before each member"),
        Problem("mapping.yaml", 4, "there is no escape `mrkdown`", 'did you mean "mrkdwn"?'),
        Problem("mapping.yaml", 5, "there is no `verdict` here", "use one of: episode, news, links, change"),
    ]


def test_secrets_inside_lists_are_masked_too() -> None:
    assert one("{items: ['{{ episode.message }}']}", message="password=hunter2hunter2") == ["password=[masked]"]

"""Mappings: what they render, what they cannot do, and what is said of mistakes."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.servicenow_incident.handler import MAPPING
from shared.delivery.filters import duration
from shared.delivery.mapping import Mapping, load_mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.sandbox import MAX_OUTPUT, MAX_SOURCE, TemplateRefused, build, new_environment, parse, run
from shared.delivery.telling import context_of
from shared.events.episode import Occurrence
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from tests.support.tickets import START, episode, resolved


def mapped(fields: str, one: Any = None, lookups: str = "") -> dict[str, Any] | Rejected:
    """Render the `open` operation that has these fields."""
    mapping = read_text(
        f"{lookups}operations:\n  open:\n" + "".join(f"    {line}\n" for line in fields.split("\n")), "m"
    )
    assert isinstance(mapping, Mapping), mapping
    return render(mapping, "open", context_of(one or episode()))


def problems(text: str) -> list[Problem]:
    found = read_text(text, "mapping.yaml")
    assert isinstance(found, list), "a mistake was not found"
    return found


def template(source: str, **context: Any) -> str:
    environment = new_environment()
    return run(build(environment, parse(environment, source)), context)


def test_fields_are_templates_constants_paths_and_groups() -> None:
    fields = (
        "a: '[{{ episode.cluster }}] {{ episode.object.path }}'\n"
        "b: plain\n"
        "c: {from: episode.count}\n"
        "d: {fields: {e: {from: episode.object.name}, f: {fields: {g: '{{ episode.severity | upper }}'}}}}\n"
        "h: 5"
    )
    assert mapped(fields) == {
        "a": "[prod-1] Pod/shop/api-0",
        "b": "plain",
        "c": 1,
        "d": {"e": "api-0", "f": {"g": "HIGH"}},
        "h": "5",
    }


def test_lookups_conditions_defaults_lengths_and_types() -> None:
    lookups = "lookups:\n  impact: {high: 2}\n"
    fields = (
        "a: {value: '{{ episode.severity }}', lookup: impact}\n"
        "b: {value: '{{ episode.severity }}', lookup: impact, default: 9}\n"
        "c: {value: x, when: episode.count > 1}\n"
        "d: {value: '{{ episode.host }}', default: unknown}\n"
        "e: {value: '{{ episode.summary }}', max: 8}\n"
        "f: {value: '{{ episode.count }}', type: number}\n"
        "g: {value: '{{ episode.ticket }}', type: boolean}\n"
        "i: '{{ episode.host }}'"
    )
    assert mapped(fields, lookups=lookups) == {
        "a": 2, "b": 2, "d": "unknown", "e": "Pod sho…", "f": 1, "g": True,
    }  # fmt: skip
    other = mapped("b: {value: '{{ episode.severity }}', lookup: impact, default: 9}", episode(severity="low"), lookups)
    assert other == {"b": 9}
    assert mapped("a: {value: '{{ episode.severity }}', lookup: impact}", episode(severity="low"), lookups) == {}
    assert mapped("c: {value: x, when: episode.count > 1}", episode(count=2)) == {"c": "x"}


def test_what_is_no_list_becomes_one_of_a_single_member() -> None:
    fields = (
        "a: {value: '{{ episode.severity }}', type: list}\n"
        "b: {from: episode.object.name, type: list}\n"
        "c: {items: [{fields: {d: {from: episode.count}, e: '{{ episode.host }}'}}]}\n"
        "f: {items: [{fields: {e: '{{ episode.host }}'}}]}\n"
        "g: {value: '{{ episode.host }}', type: list}"
    )
    assert mapped(fields) == {"a": ["high"], "b": ["api-0"], "c": [{"d": 1}]}, "and what is empty is left out"


def test_times_and_durations_are_for_people() -> None:
    fields = "a: '{{ episode.started }}'\nb: '{{ episode.resolved | minus(episode.started) | duration }}'"
    assert mapped(fields, resolved()) == {"a": "2026-03-01T08:00:00Z", "b": "1 h"}
    assert [duration(seconds) for seconds in (0, 59, 60, 3_661, 90_061, 86_405)] == [
        "0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "1 d",
    ]  # fmt: skip


def test_what_a_template_cannot_do_is_rejected_with_the_fields_name_and_no_event_data() -> None:
    answer = mapped("a: {fields: {b: '{{ episode.resolved | minus(episode.started) }}'}}")
    assert answer == Rejected("mapping", "field a.b: the template cannot work on these values (TypeError)")
    missing = mapped("a: '{{ episode.labels.team }}'")
    assert missing == Rejected("mapping", "field a: the template uses something that the event does not have")
    assert mapped("a: '{{ episode.labels.team | default(\"none\") }}'") == {"a": "none"}


HOSTILE = ["{{ 7*7 }}", "{% for x in y %}", "${x}", "{# c #}", "{{ episode.__class__ }}", "%s %n", "{{", "}}"]


@settings(deadline=None)
@given(
    st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=99))
)
def test_f43_event_data_is_printed_as_it_is(message: str) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    one = episode(message=message, history=(Occurrence(time=START, reason="r", message=message),))
    fields = (
        "a: '<{{ episode.message }}>'\nb: '<{% for one in episode.history %}{{ one.message }}{% endfor %}>'\n"
        "c: {from: episode.message}\nd: '{{ episode.message }}'"
    )
    values = mapped(fields, one)
    assert isinstance(values, dict)
    assert values["a"] == values["b"] == f"<{message}>"
    assert values.get("c", "") == values.get("d", "") == message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ 'a' * 1000000000 }}", "`Mul` is not allowed"),
        ("{{ '%1000000000s' % 1 }}", "`Mod` is not allowed"),
        ("{{ 2 ** 99999999 }}", "`Pow` is not allowed"),
        ("{{ x ~ x }}", "`Concat` is not allowed"),
        ("{{ range(1000000000) }}", "`Call` is not allowed"),
        ("{% set x = 1 %}", "`Assign` is not allowed"),
        ("{% include 'x' %}", "`Include` is not allowed"),
        ("{% import 'x' as y %}", "`Import` is not allowed"),
        ("{% extends 'x' %}", "`Extends` is not allowed"),
        ("{% macro m() %}{{ m() }}{% endmacro %}", "`Macro` is not allowed"),
        ("{% for a in x recursive %}{{ loop(a) }}{% endfor %}", "cannot be recursive"),
        ("{% for a in x recursive %}{{ a }}{% endfor %}", "cannot be recursive"),
        ("{{ x[::-1] }}", "a slice has no step"),
        ("{{ x.__class__ }}", "begins with `_`"),
        ("{{ _steps }}", "begins with `_`"),
        ("{{ x | format }}", "no filter `format`"),
        ("{{ x | attr('y') }}", "no filter `attr`"),
        ("{{ x | _counted }}", "no filter `_counted`"),
        ("{{ x is filter }}", "no test `filter`"),
        ("{{ x", "not well formed"),
        ("x" * (MAX_SOURCE + 1), "longer than"),
        ("{{ " + "(" * 4000 + "1" + ")" * 4000 + " }}", "nested too deeply"),
        ("{{ 'a'" + " | upper" * 1500 + " }}", "nested too deeply"),
        ("{{ x" + " | json" * 200 + " }}", "nested too deeply"),
        ("{{ 1" + " + 1" * 1000 + " }}", "nested too deeply"),
        ("{% if 1 %}" * 100 + "{% endif %}" * 100, "nested too deeply"),
        ("{% for a in x %}" * 25 + "{% endfor %}" * 25, "more than 4 loops"),
        ("{{ " + "9" * 16_000 + " }}", "number that is too long"),
    ],
)
def test_what_could_run_away_or_reach_out_cannot_be_written(source: str, words: str) -> None:
    with pytest.raises(TemplateRefused, match=words):
        parse(new_environment(), source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% for a in x %}" * 4 + "{% endfor %}" * 4, "more than 10000 steps"),
        ("{% for a in long %}{% for b in long %}{% endfor %}{% endfor %}", "more than 10000 steps"),
        ("{% for a in x %}{% for b in x %}{{ long }}{% endfor %}{% endfor %}", "characters of output"),
        ("{% for a in x %}{% if long | upper | length %}{% endif %}{% endfor %}", "more than 10000 steps"),
        ("{{ long | replace('a', long) }}", "cannot work"),
        ("{{ x | join(long) }}", "cannot work"),
        ("{{ long | replace('a', '\\n') | indent(16) }}", "cannot work"),
        ("{{ " + " + ".join(["long"] * 9) + " }}", "a sum of more than"),
        ("{{ [" + "long," * 2000 + "] | json | length }}", "cannot work"),
        ("{{ [" + "long," * 2000 + "] }}", "cannot work"),
        ("{% for a in x[:90] %}{% for b in x[:90] %}" + "{% if 'b' in long %}{% endif %}" * 500 + "{% endfor %}" * 2,
         "more than 10000 steps"),
        ("{{ x['__class__'] }}", "forbidden|does not have"),
        ("{{ long.upper }}", "cannot work"),
        ("{{ nothing }}", "does not have"),
        ("{% for a in nothing %}{% endfor %}", "does not have"),
    ],
)  # fmt: skip
def test_what_does_too_much_is_stopped_by_counting(source: str, words: str) -> None:
    begun = time.process_time()
    with pytest.raises(TemplateRefused, match=words):
        template(source, x=list(range(100)), long="a" * 30_000)
    assert time.process_time() - begun < 2


def test_output_up_to_the_cap_is_allowed() -> None:
    assert len(template("{{ a }}", a="x" * MAX_OUTPUT)) == MAX_OUTPUT


TEN = """\
lookup: {}
lookups:
  impact: {high: 2}
operations:
  opn:
    a: b
  open:
    a: '{{ episode.sumary }}'
    b: {value: x, lookup: impct}
    c: {vaule: x}
    d: {from: episode.object.nmae}
    e: '{{ observaton.reason }}'
    f: '{{ episode.reason | uper }}'
    g: {value: x, max: many}
    g: twice
    h: |
      first line
      {{ episode.message
    i: {value: x, type: nummer}
    j: {when: episode.count >, value: x}
    k: [1]
    l: '{{ episode.count.x }}'
    m: {max: 3}
"""


def test_every_mistake_is_named_with_its_line_and_what_to_write_instead() -> None:
    found = [(problem.line, problem.message, problem.suggestion) for problem in problems(TEN)]
    expected = [
        (1, "no member `lookup`", 'did you mean "lookups"?'),
        (5, "no member `opn`", 'did you mean "open"?'),
        (8, "`episode` has no `sumary`", 'did you mean "summary"?'),
        (9, "no lookup `impct`", 'did you mean "impact"?'),
        (10, "no member `vaule`", 'did you mean "value"?'),
        (11, "`episode.object` has no `nmae`", 'did you mean "name"?'),
        (12, "no `observaton`", "use one of: episode, news, links, change"),
        (13, "no filter `uper`", 'did you mean "upper"?'),
        (14, "`max` is a number", ""),
        (15, "`g` stands here twice", "keep one of them"),
        (18, "not well formed", ""),
        (19, "no type `nummer`", 'did you mean "number"?'),
        (20, "not well formed", ""),
        (21, "must have members", ""),
        (22, "`episode.count` is a single value", "leave it out"),
        (23, "exactly one of", ""),
    ]
    assert len(found) == len(expected)
    for (line, message, suggestion), (wanted_line, words, instead) in zip(found, expected, strict=True):
        assert (line, words in message, suggestion) == (wanted_line, True, instead), message


def test_aliases_cannot_make_a_small_file_endless() -> None:
    bomb = "operations:\n  open:\n    a0: &a0 {value: x}\n" + "".join(
        f"    a{n}: &a{n} {{fields: {{b: *a{n - 1}, c: *a{n - 1}, d: *a{n - 1}, e: *a{n - 1}}}}}\n" for n in range(1, 8)
    )
    assert any("more than 1000 fields" in problem.message for problem in problems(bomb))
    assert problems("operations:\n  open:\n    a: &a {fields: {b: *a}}\n")


@pytest.mark.parametrize(
    "text", ["", "a", "[]", "operations: []", "a: [", "operations: {open: [}", "\t: x", "lookups: {}"]
)
def test_what_is_no_mapping_is_said_so(text: str) -> None:
    assert problems(text)


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_reading_never_raises(text: str) -> None:
    read_text(text, "m")
    read_text(f"operations:\n  open:\n    a: {text!r}\n", "m")


def test_a_file_that_is_not_there_is_a_problem() -> None:
    assert isinstance(load_mapping(Path("/no/such/mapping.yaml")), list)


def test_the_shipped_mapping_of_incidents_is_right_and_quick() -> None:
    mapping = load_mapping(MAPPING)
    assert isinstance(mapping, Mapping), mapping
    for operation, one in [
        ("open", episode()),
        ("update", episode(2)),
        ("resolve", resolved()),
        ("reopen", episode(3)),
    ]:
        assert isinstance(render(mapping, operation, context_of(one)), dict)
    begun = time.process_time()
    for _ in range(100):
        render(mapping, "open", context_of(episode()))
    assert (time.process_time() - begun) / 100 < 0.005


@pytest.mark.parametrize("value", ["2024-99-99", "!!int abc", "!!python/name:os.system x", "!secret x"])
def test_a_value_that_yaml_itself_cannot_read_is_a_mistake_with_its_line(value: str) -> None:
    found = problems(f"operations:\n  open:\n    a: {{value: x, default: {value}}}\n")
    assert [(one.line, "cannot be read" in one.message) for one in found] == [(3, True)]


@pytest.mark.parametrize("text", ["[" * 100_000, "a: &a [*a]", "{" * 50_000])
def test_a_file_that_nests_without_end_is_a_mistake_and_not_the_end_of_the_process(text: str) -> None:
    """The C composer recurses: this was a segmentation fault."""
    assert problems(f"operations: {text}\n")

"""Lists in mappings, paths into what others sent, and templates that are rendered once for the same words."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.delivery import templates
from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_file import read_text
from shared.events.outcome import Rejected
from tests.support.records import classified

TEXT = """\
lookups:
  kinds: {Pod: [process, host], Node: host}
operations:
  record:
    looked: {from: observation.object.kind, lookup: kinds, type: list}
    lines: {value: "{{ observation.object.name }}\\n\\n {{ observation.host }}\\n{{ observation.host }}", type: list}
    taken: {from: observation.original.addresses, type: list}
    first: {from: observation.original.addresses.0}
    ninth: {from: observation.original.addresses.9}
    odd: {from: observation.original.addresses.first}
    label: {from: observation.labels.app.kubernetes.io/name}
    deep: {from: observation.original.fields.proc.name}
    text: {from: observation.original.fields, type: json-text}
    nothing: {value: "{% if observation.host == 'none' %}a{% endif %}", type: list}
"""
ORIGINAL = {"addresses": ["10.0.0.1", "10.0.0.2"], "fields": {"proc.name": "sh", "password": "hunter2"}}


def read(text: str) -> Mapping:
    found = read_text(text, "mapping.yaml")
    assert isinstance(found, Mapping), found
    return found


def rendered(mapping: Mapping, **changes: Any) -> Any:
    subject = classified(**changes)
    return render(mapping, "record", {"observation": subject.observation, "verdict": subject.verdict})


def test_lists_come_from_lookups_from_lines_and_from_what_was_sent() -> None:
    found = rendered(
        read(TEXT), original=ORIGINAL, host="worker-3", labels={"app.kubernetes.io/name": "api", "app": "other"}
    )
    assert found == {
        "looked": ["process", "host"],
        "lines": ["api-0", "worker-3"],
        "taken": ["10.0.0.1", "10.0.0.2"],
        "first": "10.0.0.1",
        "label": "api",
        "deep": "sh",
        "text": '{"proc.name":"sh","password":"[masked]"}',
    }


def test_a_template_that_stands_in_several_mappings_is_compiled_once_a_process() -> None:
    first, second = (
        {one.name: one.text.compiled() for one in read(TEXT).operations["record"] if one.text} for _ in range(2)
    )
    assert first.keys() == {"lines", "nothing"}
    assert all(first[name] is second[name] for name in first)


def test_a_lookup_may_hold_lists_of_single_values_only() -> None:
    found = read_text("lookups: {a: {b: [c, [d]]}}\noperations: {record: {e: f}}", "m")
    assert isinstance(found, list)
    assert [problem.message for problem in found] == ["this must be a single value"]


class Counted:
    """Counts the renderings of a template."""

    def __init__(self, text: templates.Text) -> None:
        remembering: Any = text.compiled()
        self.times = 0
        self._render = remembering._render
        remembering._render = self

    def __call__(self, context: templates.Context) -> str:
        self.times += 1
        return str(self._render(context))


def test_a_template_of_words_is_rendered_once_for_each_combination_and_one_of_long_texts_each_time() -> None:
    mapping = read("operations:\n  record:\n    a: '{{ observation.reason | upper }}-{{ verdict.phase }}'\n")
    (one,) = mapping.operations["record"]
    assert one.text is not None
    counted = Counted(one.text)
    for reason in ("a", "b", "a", "b", "a"):
        assert rendered(mapping, reason=reason) == {"a": f"{reason.upper()}-problem"}
    assert counted.times == 2
    for _ in range(3):
        assert rendered(mapping, reason="x" * 65) == {"a": f"{'X' * 65}-problem"}
    assert counted.times == 5


def test_what_is_remembered_is_bounded() -> None:
    mapping = read("operations:\n  record:\n    a: '{{ observation.reason | upper }}'\n")
    for number in range(2 * templates._REMEMBERED + 10):
        assert rendered(mapping, reason=f"r{number}") == {"a": f"R{number}"}
    (one,) = mapping.operations["record"]
    assert one.text is not None
    remembering: Any = one.text.compiled()
    assert len(remembering._known) <= templates._REMEMBERED


def test_what_cannot_be_rendered_is_refused_each_time() -> None:
    mapping = read("operations:\n  record:\n    a: '{{ observation.labels.team | upper }}'\n")
    for _ in range(2):
        refused = rendered(mapping)
        assert isinstance(refused, Rejected)
        assert refused.reason == "field a: the template uses something that the event does not have"
    assert rendered(mapping, labels={"team": "a"}) == {"a": "A"}


def test_what_others_sent_cannot_stand_for_something_else_that_was_remembered() -> None:
    mapping = read("operations:\n  record:\n    a: '{{ observation.original.a.b | upper }}'\n")
    for text in ("one", "two"):
        assert rendered(mapping, original={"a.b": "same", "a": {"b": text}}) == {"a": text.upper()}


SOURCES = st.sampled_from(
    [
        "{{ observation.reason }}{{ observation.host | lower }}",
        "{% if observation.reason in ['a', 'b'] %}x{% elif observation.host != '' %}{{ observation.host }}{% endif %}",
        "{{ observation.labels | get('a', 'none') }}{{ observation.reason }}",
        "{% for name in observation.labels %}{{ name }}{{ observation.reason }}{% endfor %}",
        "{{ observation.labels.a | default(observation.reason) }}",
        "{{ observation.reason[:1] }}{{ observation.count + 1 }}",
        "{{ observation.object.path | replace('/', '-') }}{{ observation.owner | default('no') }}",
    ]
)
WORDS = st.sampled_from(["", "a", "b", "B", "Bearer abcdefghijklmnop0123456789", "x" * 70])
SUBJECTS = st.fixed_dictionaries(
    {
        "reason": WORDS,
        "host": WORDS,
        "labels": st.dictionaries(st.sampled_from(["a", "b"]), WORDS),
        "count": st.integers(1, 9),
    }
)


@given(SOURCES, st.lists(SUBJECTS, min_size=2, max_size=6))
def test_what_is_remembered_is_what_would_be_rendered(source: str, subjects: list[dict[str, Any]]) -> None:
    text = f"operations:\n  record:\n    a: >-\n      {source}\n"
    kept = read(text)
    for subject in subjects:
        assert rendered(kept, **subject) == rendered(read(text), **subject)

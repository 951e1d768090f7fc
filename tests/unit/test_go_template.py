"""Go templates over a Kubernetes Event mean the same in our words, and what means nothing here is named."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.go_pipelines import PATHS
from shared.delivery.go_template import convert
from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.telling import context_of
from tests.support.tickets import episode

EPISODE = episode(
    type="Warning",
    reason="FailedMount",
    message="no space left on device",
    component="kubelet",
    host="worker-3",
    count=7,
    object={"api_version": "v1", "kind": "Pod", "namespace": "shop", "name": "api-0", "uid": "u-1"},
)


def rendered(source: str, **changes: Any) -> str:
    text, problems = convert(source)
    assert problems == []
    mapping = read_text("operations:\n  open:\n    field: " + json.dumps(text, ensure_ascii=False), "converted")
    assert isinstance(mapping, Mapping), mapping
    fields = render(mapping, "open", context_of(EPISODE.model_copy(update=changes)))
    assert isinstance(fields, dict), fields
    return str(fields.get("field", ""))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain text", "plain text"),
        ("{{ .reason }}: {{ .message }}", "FailedMount: no space left on device"),
        ("{{.involvedObject.kind}}/{{.involvedObject.name}}", "Pod/api-0"),
        ("{{ .namespace }} {{ .clusterName }} {{ .count }}", "shop prod-1 7"),
        ("{{ .message | truncate 9 }}", "no space…"),
        ("{{ trunc 9 .message }}", "no space…"),
        ("{{ .reason | upper }} {{ lower .reason }}", "FAILEDMOUNT failedmount"),
        ("{{ .reason | lower | upper }}", "FAILEDMOUNT"),
        ('{{ if eq .type "Warning" }}2{{ else }}3{{ end }}', "2"),
        ('{{ if ne .type "Warning" }}2{{ else }}3{{ end }}', "3"),
        ('{{ if eq .type "Normal" "Warning" }}2{{ end }}', "2"),
        ('{{ if contains .reason "Failed" }}2{{ else }}3{{ end }}', "2"),
        ('{{ if contains "Failed" .reason }}2{{ else }}3{{ end }}', "2"),
        ('{{ if .reason | contains "Pulled" }}2{{ else }}3{{ end }}', "3"),
        ('{{ if hasPrefix "Failed" .reason }}a{{ end }}{{ if hasSuffix "Mount" .reason }}b{{ end }}', "ab"),
        ('{{ if and (eq .type "Warning") (gt .count 5) }}2{{ else if .host }}x{{ else }}3{{ end }}', None),
        ('{{ if and (eq .type "Warning") (gt .count 5) }}2{{ else if .source.host }}x{{ else }}3{{ end }}', "2"),
        ('{{ if or (lt .count 5) (not (eq .type "Normal")) }}a{{ end }}', "a"),
        ('{{ .involvedObject.fieldPath | default "none" }}', "none"),
        ('{{ replace "no " "" .message }}', "space left on device"),
        ("a {{- .reason -}} b", "aFailedMountb"),
        ("{{/* a remark */}}x", "x"),
        ("`{% raw %}` {# and #} {{ .reason }}", "`{% raw %}` {# and #} FailedMount"),
        ("{{ .firstTimestamp }} {{ .lastTimestamp }}", "2026-03-01T08:00:00Z 2026-03-01T08:01:00Z"),
        ("{{ $.reason }} {{ len .reason }} {{ `raw \\n` }}", "FailedMount 11 raw \\n"),
    ],
)
def test_a_template_means_the_same(template: str, text: str | None) -> None:
    if text is None:
        assert [problem.construct for problem in convert(template)[1]] == ["{{ else if .host }}"]
    else:
        assert rendered(template) == text


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_member_leads_to_something_that_an_episode_has(path: str) -> None:
    mapping = read_text(f"operations:\n  open:\n    field: '{convert('{{ .' + path + ' }}')[0]}'", "converted")
    assert isinstance(mapping, Mapping), mapping


@pytest.mark.parametrize(
    ("template", "constructs"),
    [
        ("{{ .spec.nodeName }}", ["{{ .spec.nodeName }}"]),
        ("{{ range .items }}{{ .name }}{{ end }}", ["{{ range .items }}", "{{ .name }}"]),
        ("{{ with .reason }}x{{ end }}", ["{{ with .reason }}"]),
        ("{{ $x := .reason }}{{ $x }}", ["{{ $x := .reason }}", "{{ $x }}"]),
        ("{{ now | date }}", ["{{ now | date }}"]),
        ('{{ printf "%s" .reason }}', ['{{ printf "%s" .reason }}']),
        ("{{ if .reason }}x", ["{{ if .reason }}"]),
        ("x{{ end }}", ["{{ end }}"]),
        ("{{ else }}", ["{{ else }}"]),
        ("{{ (.reason }}", ["{{ (.reason }}"]),
        ("{{ .reason .message }}", ["{{ .reason .message }}"]),
        ("{{ eq .reason }}", ["{{ eq .reason }}"]),
        ("{{ truncate .count .message }}", ["{{ truncate .count .message }}"]),
        ("{{ }}", ["{{ }}"]),
        ("{{ .reason | 5 }}", ["{{ .reason | 5 }}"]),
        ("{{ .reason & 5 }}", ["{{ .reason & 5 }}"]),
        ("x {{ .reason", ["{{ .reason"]),
        ('{{ eq .type "War }}', ['{{ eq .type "War }}']),
    ],
)
def test_what_has_no_meaning_here_is_named(template: str, constructs: list[str]) -> None:
    problems = convert(template)[1]
    assert [problem.construct for problem in problems] == constructs
    assert all(problem.message for problem in problems)


@given(st.text(alphabet=st.sampled_from(list('{}%#-|()"` .ab:=$\n')), max_size=60))
def test_whatever_stands_there_it_is_converted_or_named_and_never_fails(source: str) -> None:
    text, problems = convert(source)
    assert problems or isinstance(
        read_text("operations:\n  open:\n    a: " + json.dumps(text, ensure_ascii=False), "x"), Mapping
    )


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="{", exclude_categories=["C"]), max_size=60))
def test_a_text_without_actions_stays_as_it_is(source: str) -> None:
    assert rendered(source) == source


def test_a_template_that_is_never_closed_takes_no_time() -> None:
    begun = time.monotonic()
    convert("{{ " + '"a" ' * 2000)
    convert("{{" * 4000)
    assert time.monotonic() - begun < 2

"""A mapping.json as users bring it becomes a mapping of ours with the same fields and the same values."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from functions.servicenow_incident.handler import MAPPING
from shared.cli.app import app
from shared.delivery.mapping import Mapping, Terms, render
from shared.delivery.mapping_file import read
from shared.delivery.telling import context_of
from shared.destinations.servicenow.record import NEEDED, RESERVED
from shared.events.episode import Episode
from tests.support.tickets import episode, resolved

DESCRIPTION = (
    "Kubernetes Event Details:\n\nNamespace: {{ .namespace }}\n"
    "Object: {{ .involvedObject.kind }}/{{ .involvedObject.name }}\nReason: {{ .reason }}\nMessage: {{ .message }}\n"
    "First Seen: {{ .firstTimestamp }}\nLast Seen: {{ .lastTimestamp }}\nCount: {{ .count }}"
)
BROUGHT = r"""{
  "incident": {
    "short_description": "{{ .reason }}: {{ .message | truncate 100 }}",
    "description": DESCRIPTION,
    "category": "Software",
    "subcategory": "Kubernetes",
    "urgency": "{{ if eq .type \"Warning\" }}2{{ else }}3{{ end }}",
    "impact": "{{ if contains .reason \"Failed\" }}2{{ else }}3{{ end }}",
    "assignment_group": "Platform Engineering",
    "caller_id": "kubernetes-system",
    "u_kubernetes_cluster": "{{ .clusterName }}",
    "u_kubernetes_namespace": "{{ .namespace }}",
    "u_kubernetes_object": "{{ .involvedObject.kind }}/{{ .involvedObject.name }}"
  },
  "change_request": {
    "short_description": "Infrastructure Change: {{ .reason }}",
    "description": "{{ .message }}",
    "category": "Standard",
    "type": "Normal",
    "risk": "Low",
    "impact": "3",
    "priority": "4",
    "assignment_group": "Platform Engineering"
  }
}
""".replace("DESCRIPTION", json.dumps(DESCRIPTION))
FAILED = episode(type="Warning", reason="FailedMount", message="m" * 150)
NORMAL = episode(type="Normal", reason="NodeNotReady", severity="critical")
CONSTANT = {
    "category": "Software",
    "subcategory": "Kubernetes",
    "assignment_group": "Platform Engineering",
    "caller_id": "kubernetes-system",
    "u_kubernetes_cluster": "prod-1",
    "u_kubernetes_namespace": "shop",
    "u_kubernetes_object": "Pod/api-0",
}


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    file = tmp_path / "mapping.json"
    file.write_text(BROUGHT)
    return file


def converted(file: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["validate", "--convert", str(file), *options])


def loaded(file: Path, *options: str) -> Mapping:
    made = file.with_suffix(".yaml")
    result = converted(file, "--write", str(made), *options)
    assert result.exit_code == 0, result.output
    mapping = read(made, Terms(RESERVED, NEEDED))
    assert isinstance(mapping, Mapping), mapping
    return mapping


def opened(mapping: Mapping, one: Episode, operation: str = "open") -> dict[str, Any]:
    fields = render(mapping, operation, context_of(one))
    assert isinstance(fields, dict)
    return fields


def test_the_same_fields_have_the_same_values(brought: Path) -> None:
    fields = opened(loaded(brought, "--severity-rules"), FAILED)
    assert fields.pop("short_description") == "FailedMount: " + "m" * 99 + "…"
    assert fields.pop("description") == (
        "Kubernetes Event Details:\n\nNamespace: shop\nObject: Pod/api-0\nReason: FailedMount\nMessage: "
        + "m" * 150
        + "\nFirst Seen: 2026-03-01T08:00:00Z\nLast Seen: 2026-03-01T08:01:00Z\nCount: 1"
    )
    assert fields == {**CONSTANT, "urgency": "2", "impact": "2"}


def test_its_severity_rules_are_kept_where_that_is_asked_for_and_else_the_severity_decides(brought: Path) -> None:
    kept, ours = loaded(brought, "--severity-rules"), loaded(brought)
    for operation in ("open", "update"):
        theirs = opened(kept, NORMAL, operation)
        assert (theirs["urgency"], theirs["impact"]) == ("3", "3"), "by type and by a word in the reason"
        fields = opened(ours, NORMAL, operation)
        assert (fields["urgency"], fields["impact"]) == ("1", "1"), "a node that is gone is critical"


def test_what_happens_later_is_the_shipped_mappings(brought: Path) -> None:
    mapping = loaded(brought)
    shipped = read(MAPPING)
    assert isinstance(shipped, Mapping)
    for operation in ("resolve", "update", "reopen"):
        assert opened(mapping, resolved(), operation) == opened(shipped, resolved(), operation)


def test_what_is_said_in_another_way_is_told_with_its_line(brought: Path) -> None:
    result = converted(brought)
    assert result.exit_code == 0
    assert f"{brought}:7: field `urgency` follows the severity, not the rule" in result.stderr
    assert f"{brought}:8: field `impact` follows the severity" in result.stderr
    assert f"{brought}:15: table `change_request` is not converted" in result.stderr
    assert "servicenow_change makes them" in result.stderr
    assert "operations:\n  open:\n    short_description:" in result.stdout


def test_every_construct_that_cannot_be_converted_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(
        '{\n "incident": {\n  "short_description": "{{ .reason }}",\n  "state": "2",\n'
        '  "u_a": "{{ range .items }}x{{ end }}{{ .spec.x }}",\n  "u_b": ["no text"],\n  "u_c": 7\n }\n}'
    )
    result = converted(file, "--output", "json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [(one["line"], one["message"].split(":")[0]) for one in told["problems"]] == [
        (4, "field `state` is no mapping's to set"),
        (5, "field `u_a`"),
        (5, "field `u_a`"),
        (6, "field `u_b` is no text"),
    ]
    assert "{{ range .items }}" in told["problems"][1]["message"]
    assert 'u_c: "7"' in told["mapping"], "what can be is there all the same"
    assert "    # u_a (line 5) is not converted" in told["mapping"]


def test_another_table_is_converted_by_its_name(brought: Path) -> None:
    result = converted(brought, "--table", "change_request")
    assert result.exit_code == 1
    assert ":22: field `priority` is no mapping's to set" in result.stderr
    assert "Infrastructure Change: {{ episode.reason }}" in result.stdout
    assert ":15: change requests are made of roll-outs" in result.stderr


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("{", (), ":1: this is not JSON"),
        ("[]", (), "no JSON object of tables"),
        ('{"incident": "x"}', (), "no JSON object of tables"),
        ('{"incidents": {}}', (), 'there is no table `incident` - did you mean "incidents"?'),
        ('{"incident": {}}', ("--write", "/no/such/folder/x"), "cannot be written"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, options: tuple[str, ...], told: str) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(text)
    result = converted(file, *options)
    assert result.exit_code == 1
    assert told in result.stderr
    assert converted(tmp_path / "none.json").exit_code == 2


def test_tabs_and_escapes_are_read_as_json_has_them(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('{\n\t"incident": {\n\t\t"u_a": "a\\tb\\/c \\u00e9 \\ud83d\\ude00",\n"a: \\n#": "x"\n\t}\n}')
    fields = opened(loaded(file), FAILED)
    assert (fields["u_a"], fields["a: \n#"]) == ("a\tb/c é 😀", "x")

"""What a mapping may set and may begin with follows from its operation; what cannot work is said before any event."""

from pathlib import Path

import pytest

from functions.servicenow_incident.handler import new as new_incident
from functions.siem_forwarder.handler import new as new_forwarder
from shared.cli.checked import check
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics

TICKET = "operations:\n  open:\n    "
RECORD = "operations:\n  record:\n    "
OURS = "field `{}` is set by Tidings or by the system alone"
CASES = [
    (TICKET + "state: '6'", OURS.format("state"), "remove it"),
    (TICKET + "priority: '1'", OURS.format("priority"), "remove it"),
    (TICKET + "correlation_id: a", OURS.format("correlation_id"), "remove it"),
    (TICKET + "correlation_display: a", OURS.format("correlation_display"), "remove it"),
    (TICKET + "u_rule: '{{ verdict.rule }}'", "there is no `verdict` here", "use one of: episode"),
    (TICKET + "u_rule: {from: observation.reason}", "there is no `observation` here", "use one of: episode"),
    (TICKET + "u_rule: {value: x, when: verdict.rule}", "there is no `verdict` here", "use one of: episode"),
    (RECORD + "event: {fields: {event_id: a}}", OURS.format("event.event_id"), "remove it"),
    (RECORD + "fields: {fields: {event_id: a}}", OURS.format("fields.event_id"), "remove it"),
    (RECORD + "event: '{{ episode.id }}'", "there is no `episode` here", "use one of: observation, verdict"),
]
SERVICENOW = {"SERVICENOW_INSTANCE": "https://sn.example", "SERVICENOW_TOKEN": "t"}
SPLUNK = {"SPLUNK_HEC_URL": "https://splunk.example", "SPLUNK_TOKEN": "t"}


@pytest.mark.parametrize(("text", "message", "suggestion"), CASES)
def test_a_mapping_that_cannot_work_is_refused_at_the_start_and_by_validate(
    tmp_path: Path, text: str, message: str, suggestion: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    (problem,) = check([file]).problems
    assert (problem.line, problem.message, problem.suggestion) == (3, message, suggestion)
    with pytest.raises(SettingsError) as raised:
        start(file, text)
    assert f"_MAPPING: {file}:3: {message}" in str(raised.value)


def start(file: Path, text: str) -> None:
    if text.startswith(TICKET):
        new_incident({**SERVICENOW, "SERVICENOW_MAPPING": str(file)}, Metrics())
    else:
        new_forwarder({**SPLUNK, "SPLUNK_MAPPING": str(file)}, Metrics())


def test_names_that_only_one_destination_keeps_are_free_for_the_other(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        RECORD + "event: {fields: {state: open, priority: a}}\n  open:\n    event_id: a\n", encoding="utf-8"
    )
    assert check([file]).problems == []

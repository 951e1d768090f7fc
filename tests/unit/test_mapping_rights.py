"""What a mapping may set and may begin with follows from its operation; what cannot work is said before any event."""

import asyncio
import re
from pathlib import Path

import pytest

from functions.servicenow_incident.handler import new as new_incident
from functions.siem_forwarder.handler import new as new_forwarder
from shared.cli import configured
from shared.cli.checked import check
from shared.cli.diagnosis import diagnose
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
    (TICKET + "u_rule: '{{ verdict.rule }}'", "there is no `verdict` here", "use one of: episode, news, links, change"),
    (
        TICKET + "u_rule: {from: observation.reason}",
        "there is no `observation` here",
        "use one of: episode, news, links, change",
    ),
    (
        TICKET + "u_rule: {value: x, when: verdict.rule}",
        "there is no `verdict` here",
        "use one of: episode, news, links, change",
    ),
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


LACKING = [
    ("SPLUNK_MAPPING", TICKET + "a: b", "2: no operation `record`"),
    ("SPLUNK_MAPPING", "operations:\n  record: {}", "2: no operation `record`"),
    ("SERVICENOW_MAPPING", RECORD + "a: b", "2: no operation `open`"),
    ("SERVICENOW_MAPPING", "operations:\n  resolve: {close_notes: over}", "2: no operation `open`"),
    ("SERVICENOW_MAPPING", "operations: {}", "1: no operation `open`"),
]


@pytest.mark.parametrize(("variable", "text", "told"), LACKING)
def test_a_mapping_without_what_its_destination_sends_is_refused_wherever_a_setting_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str, told: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert check([file]).problems == [], "by itself it may be for another destination"
    monkeypatch.setenv(variable, str(file))
    (problem,) = check(list(configured.files().values())).problems
    assert f"own.yaml:{told}, " in str(problem)
    with pytest.raises(SettingsError, match=re.escape(f"{variable}: {file}:{told}")):
        (new_forwarder if variable.startswith("SPLUNK") else new_incident)(
            {**SERVICENOW, **SPLUNK, variable: str(file)}, Metrics()
        )


def test_a_mapping_that_lacks_an_operation_is_told_by_doctor_also_where_a_stand_in_would_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(TICKET + "a: b", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPLUNK_MAPPING", str(file))
    rows = {row["system"]: row for row in asyncio.run(diagnose(tmp_path, lambda _names: None))}
    assert rows["siem_forwarder"]["state"] == "bad"
    assert "no operation `record`" in rows["siem_forwarder"]["finding"]
    assert rows["servicenow_incident"]["state"] == "absent"


def test_a_misspelt_operation_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("operations:\n  recrod: {a: b}", encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        new_forwarder({**SPLUNK, "SPLUNK_MAPPING": str(file)}, Metrics())
    (problem,) = raised.value.problems
    assert 'did you mean "record"?' in problem


def test_a_ticket_may_do_without_every_operation_but_the_first(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(TICKET + "a: b", encoding="utf-8")
    new_incident({**SERVICENOW, "SERVICENOW_MAPPING": str(file)}, Metrics())


def test_names_that_only_one_destination_keeps_are_free_for_the_other(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        RECORD + "event: {fields: {state: open, priority: a}}\n  open:\n    event_id: a\n", encoding="utf-8"
    )
    assert check([file]).problems == []

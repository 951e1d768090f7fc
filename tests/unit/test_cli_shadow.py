"""What the commands say of destinations in shadow: explain, doctor, validate."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.checked import check
from shared.local.standins import splunk
from tests.support.servers import serve


def test_explain_says_that_it_is_not_sent(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("SHADOW", "servicenow-incident")
    thing = {"kind": "Pod", "name": "a"}
    happened = {"kind": "Event", "type": "Warning", "reason": "FailedMount", "count": 500, "involvedObject": thing}
    page = CliRunner().invoke(app, ["explain", "--cluster", "prod"], input=json.dumps(happened)).stdout
    assert "servicenow_incident (in shadow: not sent): POST" in page
    assert "siem_forwarder: POST" in page
    shown = CliRunner().invoke(app, ["explain", "--cluster", "prod", "-o", "json"], input=json.dumps(happened)).stdout
    (one,) = json.loads(shown)
    assert {item["destination"]: item["shadow"] for item in one["sent"]} == {
        "servicenow_incident": True,
        "siem_forwarder": False,
    }


def test_doctor_says_it_and_still_looks_whether_the_system_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    standin = splunk.new_app(database=":memory:")
    with serve(standin) as url:
        monkeypatch.setenv("SPLUNK_HEC_URL", url)
        monkeypatch.setenv("SPLUNK_TOKEN", splunk.TOKENS[0].value)
        monkeypatch.setenv("SHADOW", "siem-forwarder")
        rows = json.loads(CliRunner().invoke(app, ["doctor", "-o", "json"]).stdout)
    standin.close()
    found = [row for row in rows if row["system"] == "siem_forwarder"]
    assert found[0]["finding"] == "in shadow: nothing is sent, what would be sent is reported"
    assert len(found) > 1
    assert {row["state"] for row in found} <= {"good", "unseen"}


def test_doctor_names_a_wrong_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHADOW", "sien-forwarder")
    ended = CliRunner().invoke(app, ["doctor", "-o", "json"])
    assert ended.exit_code == 1
    wrong = [row for row in json.loads(ended.stdout) if row["system"] == "settings"]
    assert "did you mean siem_forwarder?" in wrong[0]["finding"]


def test_validate_finds_a_wrong_name_in_a_services_manifest(root: Path, tmp_path: Path) -> None:
    shipped = (root / "knative/base/servicenow-incident.yaml").read_text(encoding="utf-8")
    for value, found in (("servicenow-incident", []), ("servicenow-incidents", ["did you mean servicenow_incident?"])):
        manifest = tmp_path / "service.yaml"
        name = "            - name: LOG_LEVEL"
        assert name in shipped
        manifest.write_text(shipped.replace(name, f"            - {{name: SHADOW, value: {value}}}\n{name}", 1))
        problems = check([manifest]).problems
        assert [one.message.split(": ")[-1] for one in problems] == found
        assert all("name: SHADOW" in manifest.read_text().splitlines()[one.line - 1] for one in problems)

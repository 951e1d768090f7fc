"""Doctor asks all systems at the same time, and says meanwhile which ones it waits for."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.diagnosis import diagnose
from shared.local.standins import splunk
from shared.runtime.registry import FUNCTIONS
from tests.conftest import ROOT
from tests.support.servers import serve

_SECONDS = 2.0
_ASKED = ("servicenow_incident", "siem_forwarder", "elastic_forwarder", "qradar_forwarder", "webhook", "glpi_ticket")


def hanging(port: int) -> dict[str, str]:
    """Return settings of six systems at a port that takes connections and never says a word."""
    url = f"http://127.0.0.1:{port}"
    return {
        "SERVICENOW_INSTANCE": url,
        "SERVICENOW_TOKEN": "t",
        "SERVICENOW_TIMEOUT": str(_SECONDS),
        "SPLUNK_HEC_URL": url,
        "SPLUNK_TOKEN": "t",
        "ELASTIC_URL": url,
        "ELASTIC_API_KEY": "t",
        "QRADAR_ADDRESS": f"tls://127.0.0.1:{port}",
        "QRADAR_TIMEOUT": str(_SECONDS),
        "WEBHOOK_URL": url,
        "GLPI_URL": url,
        "GLPI_USER_TOKEN": "t",
        "GLPI_TIMEOUT": str(_SECONDS),
    }


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wait for two seconds where ten are waited, in a folder without settings."""
    monkeypatch.chdir(tmp_path)
    for system in ("splunk", "elastic", "webhook"):
        monkeypatch.setattr(f"shared.destinations.{system}.check._SECONDS", _SECONDS)


def test_systems_that_hang_are_waited_for_together_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []

    def tell(names: Collection[str]) -> None:
        told.append(list(names))

    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as silent:
        for name, value in hanging(silent.getsockname()[1]).items():
            monkeypatch.setenv(name, value)
        began = time.monotonic()
        rows = asyncio.run(diagnose(Path("nowhere"), tell))
        took = time.monotonic() - began
    assert took < (len(_ASKED) - 1) * _SECONDS, "one after the other they take six times as long"
    bad = [row for row in rows if row["state"] == "bad"]
    assert [row["system"] for row in bad] == [name for name in FUNCTIONS if name in _ASKED], "in the registry's order"
    assert all("in time" in row["finding"] for row in bad), bad
    asked = [name for name in told[0] if name != "archive"]  # which is asked whether a bus is configured
    assert asked == ["senders", "store", *(name for name in FUNCTIONS if name in _ASKED)]
    assert [len(names) for names in told] == list(range(len(told), 0, -1))


def test_a_kubeconfig_that_is_not_there_is_wrong_usage_and_one_that_cannot_be_used_a_finding(tmp_path: Path) -> None:
    knative = str(ROOT / "knative")
    missing = CliRunner().invoke(app, ["doctor", "--kubeconfig", "none", "--knative", knative])
    assert (missing.exit_code, "--kubeconfig: there is no none" in missing.stderr) == (2, True)
    (tmp_path / "config").write_text("contexts: []\n", encoding="utf-8")
    useless = CliRunner().invoke(app, ["doctor", "--kubeconfig", "config", "--knative", knative])
    assert useless.exit_code == 1
    assert "has no current-context" in useless.stdout


def test_an_api_server_that_does_not_answer_is_told_by_its_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = """
        clusters: [{name: one, cluster: {server: "https://127.0.0.1:1"}}]
        users: [{name: one, user: {token: x}}]
        contexts: [{name: one, context: {cluster: one, user: one}}]
        current-context: one
    """
    (tmp_path / "config").write_text(config, encoding="utf-8")
    ended = CliRunner().invoke(
        app, ["doctor", "--kubeconfig", "config", "--knative", str(ROOT / "knative"), "-o", "json"]
    )
    (row,) = json.loads(ended.stdout)
    assert (ended.exit_code, row["state"]) == (1, "bad")
    assert row["finding"].startswith("https://127.0.0.1:1 is unreachable: cannot connect")
    assert [record for record in caplog.records if record.name == "tidings.destinations"] == [], "the row says it all"


def test_what_cannot_be_seen_is_neither_good_nor_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(splunk.new_app()) as standin, serve(standin) as url:
        monkeypatch.setenv("SPLUNK_HEC_URL", url)
        monkeypatch.setenv("SPLUNK_TOKEN", splunk.TOKENS[0].value)
        result = CliRunner().invoke(app, ["doctor", "--output", "json"])
    rows = [row for row in json.loads(result.stdout) if row["system"] == "siem_forwarder"]
    assert [row["state"] for row in rows] == ["good", "good", "unseen", "good"]
    assert rows[2]["finding"] == "whether the token may write to the indexes shows with the first event"
    assert result.exit_code == 0, result.output


def test_own_rules_and_policies_with_a_mistake_are_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text("pack: shop\nrules: []\n", encoding="utf-8")
    (tmp_path / "policy.yaml").write_text("routes: []\n", encoding="utf-8")
    monkeypatch.setenv("CLASSIFIER_RULES", "rules")
    monkeypatch.setenv("CORRELATOR_POLICY", "policy.yaml")
    monkeypatch.setenv("INTAKE_LAYOUTS", "none.yaml")
    rows = asyncio.run(diagnose(Path("nowhere"), lambda _: None))
    found = {row["system"]: (row["state"], row["finding"]) for row in rows}
    assert found["CLASSIFIER_RULES"][0] == "bad"
    assert found["CLASSIFIER_RULES"][1].endswith("tidings validate rules")
    assert found["CORRELATOR_POLICY"] == ("good", "policy.yaml")
    assert found["settings"][0] == "bad", "a file that is not there is a matter of the settings"
    assert "INTAKE_LAYOUTS" not in found


def test_the_archive_is_as_good_as_its_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:1")
    rows = asyncio.run(diagnose(Path("nowhere"), lambda _: None))
    found = {row["system"]: (row["state"], row["finding"]) for row in rows}
    assert found["bus nats"][0] == "bad"
    assert found["archive"] == ("bad", "cannot keep events: the bus nats is bad")

"""F43 through the whole system and the command line: what an event says is printed as it stands, wherever it goes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from tests.support.whole import run_whole

HOSTILE = "<{{7*7}}|{% for x in [1,2] %}x{% endfor %}|${HOME}|${7*7}|{{ episode.id }}|{# gone #}|%(x)s>"
EVENT: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "shop", "uid": "u"},
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "api-0"}, "reason": "FailedMount",
    "type": "Warning", "count": 9, "message": HOSTILE,
}  # fmt: skip


def test_f43_a_message_reaches_the_ticket_and_the_siem_as_it_stands(root: Path, tmp_path: Path) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    left = run_whole(root, tmp_path, [EVENT])
    (ticket,) = left.tickets
    assert ticket["description"].startswith(f"{HOSTILE} ")
    (record,) = left.records
    assert record["all"]["message"] == record["all"]["original"]["message"] == HOSTILE
    assert json.loads(record["text"])["message"] == HOSTILE


@pytest.mark.parametrize("output", ["json", "table"])
def test_f43_explain_prints_a_message_as_it_stands(root: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "200")
    ended = CliRunner().invoke(app, ["explain", "-o", output], input=json.dumps(EVENT))
    assert ended.exit_code == 0, ended.output
    text = json.dumps(json.loads(ended.stdout), ensure_ascii=False) if output == "json" else ended.stdout
    assert text.count(HOSTILE) >= 2, "of the observation, and of what would be sent"
    assert "<49|" not in text

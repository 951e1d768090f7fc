"""Plays Events through `tidings explain --follow` under a few rules and a policy, and reads what it tells."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shared.cli.app import app

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
RULES = """\
pack: own
description: Two problems and their end
defaults: {category: infrastructure, subcategory: pod, why: A test.}
rules:
  - {name: bad, match: {reason: Bad}, severity: high, phase: problem, condition: trouble, ended_by: [good],
     ticket: true, summary: '{name} is bad'}
  - {name: worse, match: {reason: Worse}, severity: critical, phase: problem, condition: trouble, ended_by: [good],
     ticket: true, summary: '{name} is worse'}
  - {name: often, match: {reason: Often}, severity: medium, phase: problem, condition: trouble, ended_by: [good],
     ticket: {after: 3}, summary: '{name} is often bad'}
  - {name: never, match: {reason: Never}, severity: low, phase: problem, condition: trouble, ended_by: [good],
     ticket: false, summary: '{name} is a bit bad'}
  - {name: brief, match: {reason: Brief}, severity: high, phase: problem, condition: trouble, ended_by: [good],
     expires: 10m, ticket: true, summary: '{name} is bad for a while'}
  - {name: good, match: {reason: Good}, severity: info, phase: recovery}
"""

Follow = Callable[..., list[dict[str, Any]]]
Event = tuple[float, str, str] | tuple[float, str, str, float]


def sent(second: float, thing: str, reason: str, happened: float | None = None) -> str:
    """Return a CloudEvent of an Event about `Kind/namespace/name`, sent when it happened, or some other time."""
    kind, namespace, name = thing.split("/")
    at = (START + timedelta(seconds=second if happened is None else happened)).isoformat()
    uid = f"{thing}-{reason}-{second}".lower().replace("/", "-")
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": uid, "namespace": namespace, "uid": uid},
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name}, "reason": reason, "message": reason,
        "type": "Normal" if reason == "Good" else "Warning", "count": 1, "firstTimestamp": at, "lastTimestamp": at,
    }  # fmt: skip
    return json.dumps({
        "specversion": "1.0", "id": uid, "source": "s", "type": "dev.knative.apiserver.resource.add", "cluster": "c",
        "time": (START + timedelta(seconds=second)).isoformat(), "data": event,
    })  # fmt: skip


def run(root: Path, given: str = "", *arguments: str) -> Result:
    knative = ("--knative", str(root / "knative"))
    return CliRunner().invoke(app, ["explain", "--follow", *knative, *arguments], input=given)


@pytest.fixture
def follow(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Return what plays events under a policy, and returns the lines."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("CLASSIFIER_RULES", str(tmp_path / "rules"))

    def play(policy: str, *events: Event) -> list[dict[str, Any]]:
        (tmp_path / "policy.yaml").write_text(policy, encoding="utf-8")
        monkeypatch.setenv("CORRELATOR_POLICY", str(tmp_path / "policy.yaml"))
        done = run(root, "\n".join(sent(*one) for one in events), "-", "--output", "jsonl")
        assert done.exit_code == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return play


def told(lines: list[dict[str, Any]], thing: str = "") -> list[tuple[float, str, str]]:
    """Return when what was decided, and by what, of an object; a group's decisions are marked."""
    return [
        (
            (datetime.fromisoformat(line["time"]) - START).total_seconds(),
            line["what"] + (" group" if line["group"] else ""),
            line["by"],
        )
        for line in lines
        if "what" in line and line["object"].startswith(thing)
    ]


ALONE = "defaults: {ticket_limit: off}\nroutes: [{name: workload, enabled: false, match: {}}]\n"
WEB = "Pod/shop/web"

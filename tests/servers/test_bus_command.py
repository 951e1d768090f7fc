"""`tidings bus` and doctor's lines of it, against the real servers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.bus.topology import TOPOLOGY

NAMES = [row.topic.name for row in TOPOLOGY]


def tidings(*arguments: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    ours = {"PATH": os.environ["PATH"], "COLUMNS": "200", **environment}
    command = [sys.executable, "-m", "shared.cli", *arguments, "--output", "json"]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        command, cwd=folder, env={**ours, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )


def test_apply_makes_what_is_missing_once_and_says_what_it_would_do(rig: Any, tmp_path: Path) -> None:
    def rows(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
        ended = tidings("bus", *arguments, environment=rig.environment(), folder=tmp_path)
        assert ended.returncode == code, ended.stderr
        found: list[dict[str, Any]] = json.loads(ended.stdout)
        return found

    assert [row["state"] for row in rows("status", code=1)] == ["missing"] * len(NAMES)
    assert [row["done"] for row in rows("apply", "--dry-run")] == ["to be made"] * len(NAMES)
    assert [row["done"] for row in rows("apply")] == ["made"] * len(NAMES)
    assert [row["done"] for row in rows("apply")] == ["as it should be"] * len(NAMES)
    assert [(row["topic"], row["state"], row["events"]) for row in rows("status")] == [
        (name, "there", 0) for name in NAMES
    ]
    ended = tidings("doctor", environment=rig.environment(), folder=tmp_path)
    (line,) = [row for row in json.loads(ended.stdout) if row["system"] == f"bus {rig.name}"]
    assert line["state"] == "good", line


def test_a_bus_that_is_away_is_one_line_and_exit_1(tmp_path: Path) -> None:
    environment = {"NATS_URL": "nats://127.0.0.1:1"}
    ended = tidings("bus", "status", environment=environment, folder=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("NATS cannot be reached")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("environment", "arguments", "code", "text"),
    [
        ({}, (), 1, "no bus is configured"),
        ({"NATS_URL": "nats://a", "KAFKA_BROKERS": "a:1"}, (), 1, "BUS is not set"),
        ({}, ("--bus", "pigeons"), 2, "there is no bus pigeons"),
    ],
)
def test_which_bus_is_meant_must_be_clear(
    environment: dict[str, str], arguments: tuple[str, ...], code: int, text: str, tmp_path: Path
) -> None:
    ended = tidings("bus", "status", *arguments, environment=environment, folder=tmp_path)
    assert (ended.returncode, text in ended.stderr) == (code, True), ended.stderr

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
_AWAY = "NATS cannot be reached at nats://127.0.0.1:1: see NATS_URL"


def tidings(*arguments: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    ours = {"PATH": os.environ["PATH"], "COLUMNS": "200", **environment}
    command = [sys.executable, "-m", "shared.cli", *arguments, "--output", "json"]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        command, cwd=folder, env={**ours, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )


def test_apply_makes_what_is_missing_once_and_says_what_it_would_do(rig: Any, tmp_path: Path) -> None:
    # Other tests make topics of Tidings in the file that they share; on the servers none does.
    environment = {"EMBEDDED_BUS": str(tmp_path / "bus.db")} if rig.name == "embedded" else rig.environment()

    def rows(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
        ended = tidings("bus", *arguments, environment=environment, folder=tmp_path)
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
    ended = tidings("doctor", environment=environment, folder=tmp_path)
    (line,) = [row for row in json.loads(ended.stdout) if row["system"] == f"bus {rig.name}"]
    assert line["state"] == "good", line


def test_a_bus_that_is_away_is_one_line_and_exit_1(tmp_path: Path) -> None:
    environment = {"NATS_URL": "nats://127.0.0.1:1"}
    ended = tidings("bus", "status", environment=environment, folder=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(_AWAY)
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


def test_a_folder_whose_tidings_up_kept_no_events_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / ".tidings").mkdir()
    (tmp_path / ".tidings" / "state.db").touch()
    ended = tidings("trail", "INC0010001", environment={}, folder=tmp_path)
    assert ended.returncode == 1
    assert "the `tidings up` of .tidings kept no events: start it by `tidings up --with archive`" in ended.stderr
    assert "--data" not in ended.stderr, "it was found"


@pytest.mark.parametrize(
    "arguments",
    [
        ("bus", "status"),
        ("bus", "apply", "--dry-run"),
        ("trail", "INC0000001"),
        ("replay", "--source", "embedded", "--target", "broker", "--dry-run"),
        ("archive", "export", "--to", "archive"),
        ("archive", "list", "--at", "archive"),
        ("doctor",),
    ],
)
def test_who_only_looks_makes_no_file(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = tidings(*arguments, environment={"EMBEDDED_BUS": "nowhere/bus.db"}, folder=tmp_path)
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("bus", "status"),
        ("trail", "INC0000001"),
        ("archive", "export", "--to", "archive"),
        ("replay", "--source", "embedded", "--target", "broker", "--dry-run"),
        ("replay", "--source", "dead-letters", "--target", "broker", "--dry-run"),
    ],
)
def test_what_reads_a_bus_takes_that_of_the_folder_and_says_how_to_name_it(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    ended = tidings(*arguments, environment={}, folder=tmp_path)
    assert (ended.returncode, "by --data" in ended.stderr) == (1, True), ended.stderr
    made = tidings("bus", "apply", environment={"EMBEDDED_BUS": str(tmp_path / "own" / "bus.db")}, folder=tmp_path)
    assert made.returncode == 0, made.stderr
    ended = tidings(*arguments, "--data", "own", environment={}, folder=tmp_path)
    assert "--data" not in ended.stderr
    assert "no bus" not in ended.stderr
    assert ended.returncode == (1 if arguments[0] == "trail" else 0), ended.stderr


def test_who_names_the_embedded_bus_gets_that_of_the_folder_whatever_other_bus_is_set(tmp_path: Path) -> None:
    elsewhere = {"NATS_URL": "nats://127.0.0.1:1"}
    wanted = ("replay", "--source", "embedded", "--target", "nats", "--dry-run", "--data", "own")
    ended = tidings(*wanted, environment=elsewhere, folder=tmp_path)
    assert (ended.returncode, "by --data" in ended.stderr) == (1, True), ended.stderr
    made = tidings("bus", "apply", environment={"EMBEDDED_BUS": str(tmp_path / "own" / "bus.db")}, folder=tmp_path)
    assert made.returncode == 0, made.stderr
    ended = tidings(*wanted, environment=elsewhere, folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = tidings("bus", "status", "--data", "own", environment=elsewhere, folder=tmp_path)
    assert ended.stderr.strip().endswith(_AWAY), "who names none means the one that is set"

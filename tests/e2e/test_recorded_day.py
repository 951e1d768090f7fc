"""The recorded day through the whole embedded system, against what someone on call expects of it."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.events.cloudevent import PROBLEM_PREFIX, CloudEvent
from shared.events.codec import decode as decode_http
from shared.events.model import path_of
from shared.local.broker.broker import Broker
from shared.local.broker.records import Stored
from shared.local.broker.topology import Topology
from shared.local.recorded.player import EXPECTED, requests
from shared.local.standins import servicenow, splunk
from shared.sources.registry import decode as decode_source
from shared.telemetry.metrics import Metrics

_SECONDS = 120


def up(data: Path, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "shared.cli", "up", "--once", "--speed", "0", "--listen", "127.0.0.1:0"),
        *("--data", str(data), "--output", "json", *arguments),
    ]


def run(root: Path, data: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(up(data, *arguments), cwd=root, capture_output=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def episodes(data: Path) -> dict[str, dict[str, Any]]:
    """Return the last snapshot of every episode that the broker's log holds."""

    async def read() -> list[Stored]:
        broker = Broker(Topology(), {}, data / "broker.db", Metrics())
        await broker.start()
        try:
            found: list[Stored] = []
            while page := await broker.events(1000, found[-1].offset if found else None):
                found += page
            return found
        finally:
            await broker.stop()

    snapshots = [item.event.data for item in asyncio.run(read()) if item.event.type.startswith(PROBLEM_PREFIX)]
    return {snapshot["id"]: snapshot for snapshot in sorted(snapshots, key=lambda snapshot: snapshot["revision"])}


def incidents(data: Path) -> list[dict[str, str]]:
    app = servicenow.new_app(str(data / "servicenow.db"))
    try:
        groups = {row["sys_id"]: row["name"] for row in app.records("sys_user_group")}
        return [{**row, "group": groups.get(row["assignment_group"], "")} for row in app.records("incident")]
    finally:
        app.close()


def siem_ids(data: Path) -> list[str]:
    app = splunk.new_app(str(data / "splunk.db"))
    try:
        return app.event_ids()
    finally:
        app.close()


def sent_identities() -> set[str]:
    """Return the identity of every observation that the recording sends, but those of Events that merely expired."""
    found: set[str] = set()
    now = datetime.now(UTC)
    for request in requests():
        event = decode_http(request.headers, request.body)
        assert isinstance(event, CloudEvent)
        observations = decode_source(event, cluster="", now=now)
        assert isinstance(observations, list)
        found |= {item.identity for item in observations if not (item.reason and item.operation == "delete")}
    return found


def fingerprint(rows: list[dict[str, str]]) -> Counter[tuple[str, ...]]:
    return Counter((row["correlation_id"], row["state"], row["short_description"], row["group"]) for row in rows)


@pytest.fixture(scope="module")
def played(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    data = tmp_path_factory.mktemp("up") / "data"
    return data, run(root, data)


def test_every_event_is_in_the_siem_exactly_once(played: tuple[Path, dict[str, Any]]) -> None:
    data, summary = played
    ids = siem_ids(data)
    assert summary["events"] >= 400
    assert (summary["waiting"], summary["dead_letters"]) == (0, 0)
    assert len(ids) == len(set(ids))
    assert set(ids) == sent_identities()


def test_the_tickets_are_the_expected_ones_one_to_one(played: tuple[Path, dict[str, Any]]) -> None:
    data, _ = played
    tickets = {row["correlation_id"]: row for row in incidents(data) if row["state"] != "8"}
    known = episodes(data)
    expected = [item for item in yaml.safe_load(EXPECTED.read_text())["problems"] if item["ticket"]]
    wanted = Counter(_wanted(item) for item in expected)
    got = Counter(_got(known[episode], ticket) for episode, ticket in tickets.items())
    assert got == wanted


def _wanted(item: dict[str, Any]) -> tuple[Any, ...]:
    closed = "open" if item["closed_at"] == "open" else item["closed_by"]
    return item["object"], item.get("part", ""), closed, item["group"], item["count"], item.get("reopened", 0)


def _got(episode: dict[str, Any], ticket: dict[str, str]) -> tuple[Any, ...]:
    thing = episode["object"]
    path = path_of(thing["kind"], thing["namespace"], thing["name"])
    ended = {"object-deleted": "deleted", "": "open"}.get(episode["ended_by"], episode["ended_by"])
    assert (ticket["state"] == "6") == (episode["state"] == "resolved"), ticket["short_description"]
    return path, episode["part"], ended, ticket["group"], episode["count"], episode["reopened"]


def test_playing_the_recording_again_makes_no_second_ticket(root: Path, played: tuple[Path, dict[str, Any]]) -> None:
    data, _ = played
    before = fingerprint(incidents(data))
    run(root, data, "--again")
    assert fingerprint(incidents(data)) == before


def test_killed_in_the_middle_and_started_again_the_tickets_are_the_same(
    root: Path, played: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    reference = fingerprint(incidents(played[0]))
    data = tmp_path / "killed"
    for _ in range(3):
        with subprocess.Popen(up(data), cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(2.0)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    run(root, data)
    assert fingerprint(incidents(data)) == reference
    assert set(siem_ids(data)) == sent_identities()

"""`tidings up --with archive` over the recorded day, and the trail of each of its tickets."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.topology import TOPOLOGY, TRAIL
from shared.events.cloudevent import CloudEvent
from shared.local.standins import servicenow, splunk
from tests.conftest import ROOT

_SECONDS = 180
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of a day that was played and archived."""
    folder = tmp_path_factory.mktemp("day") / ".tidings"
    command = [sys.executable, "-m", "shared.cli", "up", "--once", "--speed", "0", "--listen", "127.0.0.1:0"]
    options = ["--data", str(folder), "--feed", "recorded", "--with", "archive", "--output", "json"]
    ended = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, timeout=_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    return folder


@pytest.fixture(scope="module")
def incidents(data: Path) -> list[dict[str, str]]:
    """Return the day's incidents as ServiceNow has them."""
    app = servicenow.new_app(str(data / "servicenow.db"))
    try:
        return list(app.records("incident"))
    finally:
        app.close()


def kept(data: Path) -> dict[str, list[CloudEvent]]:
    async def read() -> dict[str, list[CloudEvent]]:
        bus = EmbeddedBus(data / "bus.db")
        try:
            names = [row.topic.name for row in TOPOLOGY]
            found = {name: [record.event async for record in bus.read(name)] for name in names}
        finally:
            await bus.close()
        return {name: [one for one in events if isinstance(one, CloudEvent)] for name, events in found.items()}

    return asyncio.run(read())


def trail(data: Path, wanted: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "shared.cli", "trail", wanted, "--data", str(data), *arguments]
    return subprocess.run(command, cwd=data.parent, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def entries(data: Path, wanted: str, *arguments: str) -> list[dict[str, Any]]:
    ended = trail(data, wanted, "--output", "jsonl", *arguments)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_the_bus_has_each_observation_that_splunk_has_and_each_ticket_that_servicenow_has(
    data: Path, incidents: list[dict[str, str]]
) -> None:
    found = kept(data)
    observed = [
        one.data["observation"]["identity"] for events in found.values() for one in events if "verdict" in one.data
    ]
    records = splunk.new_app(str(data / "splunk.db"))
    try:
        assert sorted(observed) == sorted(set(records.event_ids()))
    finally:
        records.close()
    assert {one.data["number"] for one in found[TRAIL]} == {row["number"] for row in incidents} != set()


def test_a_tickets_trail_tells_what_caused_it_by_which_rule_what_was_sent_and_what_came_back(
    data: Path, incidents: list[dict[str, str]]
) -> None:
    incident = next(row for row in incidents if row["state"] in {"6", "7"})
    found = entries(data, incident["number"])
    first, told = found[0], [one for one in found if one["by"] == "servicenow_incident"]
    assert first["what"] == "observed"
    assert first["rule"]
    assert first["rule_source"].startswith(f"{first['rule_source'].partition(':')[0]}:")
    assert len(first["rule_version"]) == 8
    assert [one["operation"] for one in told][:: len(told) - 1] == ["open", "resolve"]
    assert told[0]["fields"]["short_description"] == incident["short_description"]
    assert told[-1]["fields"]["close_notes"] == incident["close_notes"]
    assert all(one["fields"] for one in told), "of each it says what was written"
    assert {(one["number"], one["record"]) for one in told} == {(incident["number"], incident["sys_id"])}
    assert all(incident["sys_id"] in one["link"] for one in told)
    (episode,) = {one["key"] for one in told}
    made = [one for one in found if one["by"] == "correlator"]
    assert {one["id"] for one in made} == {episode}
    assert [one["revision"] for one in made] == sorted({one["revision"] for one in made})
    assert {one["revision"] for one in told} <= {one["revision"] for one in made}
    observed = [one for one in found if one["what"] == "observed"]
    assert {one["problem_key"] for one in observed} <= {made[0]["problem_key"], ""}
    assert entries(data, episode) == found, "by its episode, and by the record's id, it is the same"
    assert entries(data, incident["sys_id"]) == found
    assert {one["event"] for one in found} <= {one["event"] for one in entries(data, made[0]["problem_key"])}


def test_every_ticket_of_the_day_has_its_trail(data: Path, incidents: list[dict[str, str]]) -> None:
    events = kept(data)[TRAIL]
    for incident in incidents:
        found = [one for one in events if one.data["number"] == incident["number"]]
        assert found
        assert incident["correlation_id"] in {one.data["key"] for one in found}


def test_a_table_has_a_line_for_each_and_what_is_not_known_is_one_sentence(
    data: Path, incidents: list[dict[str, str]]
) -> None:
    number = incidents[0]["number"]
    ended = trail(data, number)
    assert ended.returncode == 0
    head, *lines = ended.stdout.splitlines()
    assert head.split() == ["time", "what", "by", "said"]
    assert len(lines) == len(entries(data, number))
    assert any(number in line and "told: open" in line for line in lines)
    unknown = trail(data, "INC9999999")
    assert (unknown.returncode, unknown.stderr) == (1, "tidings: nothing is kept of INC9999999\n")
    wrong = trail(data, number, "--since", "yesterday")
    assert wrong.returncode == 2
    assert "--since: 'yesterday' is no time" in wrong.stderr
    nowhere = trail(data.parent / "empty", number)
    assert nowhere.returncode == 1
    assert "no bus is configured" in nowhere.stderr

"""`tidings up --with NAME`: a destination beyond the base, by its component's Trigger, into a stand-in of its own."""

import asyncio
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

from shared.bus.embedded import EmbeddedBus
from shared.bus.topology import TOPOLOGY
from shared.events.attributes import of_change
from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary
from shared.local.recorded.player import requests
from shared.local.standins import elastic, servicenow, splunk
from tests.support.changes import completed, running
from tests.support.rigs.place import event_of

_EVENTS = 60


def up(root: Path, data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    feed = data.parent / "feed.jsonl"
    lines = [{"headers": one.headers, "body": json.loads(one.body)} for one in islice(requests(), _EVENTS)]
    feed.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "shared.cli", "up", "--once", "--speed", "0", "--listen", "127.0.0.1:0"]
    options = ["--data", str(data), "--feed", str(feed), "--output", "json", *arguments]
    return subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, timeout=60, check=False)


def test_what_splunk_gets_elastic_gets_as_well(root: Path, tmp_path: Path) -> None:
    ended = up(root, tmp_path / "data", "--with", "elastic-forwarder")
    assert ended.returncode == 0, ended.stderr
    documents, events = (
        elastic.new_app(str(tmp_path / "data" / "elastic.db")),
        splunk.new_app(str(tmp_path / "data" / "splunk.db")),
    )
    try:
        assert sorted(documents.ids()) == sorted(set(events.event_ids()))
        assert len(documents.ids()) > _EVENTS / 2
        assert documents.streams() == ["logs-k8s.events-default"]
    finally:
        documents.close()
        events.close()


def test_a_roll_out_becomes_a_change_request_and_ends_it(root: Path, tmp_path: Path) -> None:
    feed = tmp_path / "changes.jsonl"
    events = [event_of(one)._replace(time=one.last_seen, extensions=of_change(one)) for one in (running(), completed())]
    lines = [(dict(headers), json.loads(body)) for headers, body in map(encode_binary, events)]
    feed.write_text("\n".join(json.dumps({"headers": headers, "body": body}) for headers, body in lines))
    ended = up(root, tmp_path / "data", "--with", "servicenow-change", "--feed", str(feed))
    assert ended.returncode == 0, ended.stderr
    instance = servicenow.new_app(str(tmp_path / "data" / "servicenow.db"))
    try:
        (row,) = instance.records("change_request")
        assert (row["type"], row["state"], row["close_code"]) == ("standard", "3", "successful")
        assert instance.records("incident") == []
    finally:
        instance.close()


def test_without_it_no_stand_in_of_it_is_opened(root: Path, tmp_path: Path) -> None:
    assert up(root, tmp_path / "data").returncode == 0
    assert not (tmp_path / "data" / "elastic.db").exists()


def test_archive_keeps_on_the_embedded_bus_what_splunk_and_servicenow_were_told(root: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    ended = up(root, data, "--with", "archive")
    assert ended.returncode == 0, ended.stderr

    async def kept() -> dict[str, list[CloudEvent]]:
        bus = EmbeddedBus(data / "bus.db")
        try:
            topics = [row.topic.name for row in TOPOLOGY]
            found = {topic: [record.event async for record in bus.read(topic)] for topic in topics}
        finally:
            await bus.close()
        return {topic: [one for one in events if isinstance(one, CloudEvent)] for topic, events in found.items()}

    found = asyncio.run(kept())
    observed = [one.data["observation"]["identity"] for events in found.values() for one in events if has_verdict(one)]
    events = splunk.new_app(str(data / "splunk.db"))
    instance = servicenow.new_app(str(data / "servicenow.db"))
    try:
        assert sorted(observed) == sorted(set(events.event_ids()))
        numbers = {row["number"] for row in instance.records("incident")}
        assert {one.data["number"] for one in found["audit-trail"]} == numbers != set()
    finally:
        events.close()
        instance.close()


def has_verdict(event: CloudEvent) -> bool:
    return isinstance(event.data, dict) and "verdict" in event.data

"""`tidings up --with NAME`: a destination beyond the base, by its component's Trigger, into a stand-in of its own."""

import json
import shlex
import subprocess
import sys
from itertools import islice
from pathlib import Path

from shared.events.attributes import of_change
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


def test_up_says_how_other_commands_reach_its_stand_ins(root: Path, tmp_path: Path) -> None:
    ended = up(root, tmp_path / "data", "--output", "table")
    assert ended.returncode == 0, ended.stderr
    told = [word for line in ended.stdout.splitlines() if "SPLUNK_HEC_URL=" in line for word in shlex.split(line)]
    assert f"SPLUNK_TOKEN={splunk.TOKENS[0].value}" in told
    assert any(word.startswith("SPLUNK_HEC_URL=http://127.0.0.1:") and "/stand-ins/splunk" in word for word in told)

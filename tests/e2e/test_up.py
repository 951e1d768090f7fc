"""`tidings up` as a person starts it: where its state lies, what it feeds, what it says of a target that is down."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.processes import free_port
from tests.support.at_once import AT_ONCE

EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "type": "Normal",
    "reason": "NodeNotReady",
    "count": 1,
    "message": "Node worker-3 status is now: NodeNotReady",
    "metadata": {"name": "worker-3.17f1", "namespace": "default", "uid": "7d0c9f52-8f3f-4f0e-9a55-1c1f6a1d2b3c"},
    "involvedObject": {"kind": "Node", "name": "worker-3"},
}
HEADERS = {
    "ce-specversion": "1.0",
    "ce-type": "dev.knative.apiserver.resource.add",
    "ce-source": "https://10.96.0.1:443",
    "ce-id": "5a3e",
    "ce-cluster": "prod",
    "content-type": "application/json",
}


@contextmanager
def running(root: Path, folder: Path, **settings: str) -> Iterator[str]:
    command = [sys.executable, "-m", "shared.cli", "up", "--listen", "127.0.0.1:0", "--data", "state", "-o", "jsonl"]
    environ = {**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1", **AT_ONCE, **settings}
    with subprocess.Popen(
        [*command, "--knative", str(root / "knative")], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()
            process.wait(20)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def post(url: str, uid: str = "") -> int:
    event = {**EVENT, "metadata": {**EVENT["metadata"], "uid": uid}} if uid else EVENT  # type: ignore[dict-item]
    request = urllib.request.Request(url, json.dumps(event).encode(), HEADERS, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return int(answer.status)


def until(condition: Any, seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail("it did not happen in time")


def test_an_event_becomes_a_ticket_that_one_can_read_in_two_seconds(root: Path, tmp_path: Path) -> None:
    with running(root, tmp_path) as address:
        assert post(f"{address}/") == 202
        reports = until(lambda: get(f"{address}/api/v1/deliveries?cluster=prod")["items"], 2.0)
        with urllib.request.urlopen(reports[0]["link"], timeout=10) as answer:  # noqa: S310
            page = answer.read().decode()
    assert reports[0]["number"] in page
    assert "Node worker-3 is not ready" in page


def test_state_lies_in_the_folder_that_was_named_also_by_a_relative_path(root: Path, tmp_path: Path) -> None:
    with running(root, tmp_path) as address:
        post(f"{address}/")
        until(lambda: get(f"{address}/api/v1/episodes")["items"])
    assert {"broker.db", "state.db", "servicenow.db", "splunk.db"} <= {
        file.name for file in (tmp_path / "state").iterdir()
    }


def test_a_real_target_is_not_fed_the_recorded_day_and_its_trouble_is_shown(root: Path, tmp_path: Path) -> None:
    settings = {
        "SERVICENOW_INSTANCE": "https://127.0.0.1:9",  # the discard port: nobody listens
        "SERVICENOW_USERNAME": "tidings",
        "SERVICENOW_PASSWORD": "not-a-real-one",
    }
    with running(root, tmp_path, **settings) as address:
        assert post(f"{address}/") == 202
        assert post(f"{address}/", "another") == 202

        def trouble() -> Any:
            rows = {row["name"]: row for row in get(f"{address}/api/v1/destinations")["items"]}
            return rows if rows["servicenow_incident"]["retries"] and rows["siem_forwarder"]["done"] else None

        rows = until(trouble)
        events = get(f"{address}/api/v1/events?type=dev.knative.apiserver.resource.add")["items"]
    assert not rows["servicenow_incident"]["stand_in"]
    assert rows["siem_forwarder"]["stand_in"]
    assert rows["servicenow_incident"]["waiting"] >= 1, "what cannot be told yet is counted"
    assert "cannot connect" in " ".join(rows["servicenow_incident"]["retries"])
    assert len(events) == 2, "only what was posted came in"


def test_everything_that_is_listed_can_be_opened(root: Path, tmp_path: Path) -> None:
    with running(root, tmp_path) as address:
        post(f"{address}/")
        index = get(f"{address}/")
        for path in (*index["lists"], "/ready", "/openapi.json"):
            get(f"{address}{path}")
        for path in (*index["stand_ins"], *(path.rstrip("/") for path in index["stand_ins"]), "/metrics"):
            with urllib.request.urlopen(f"{address}{path}", timeout=10) as answer:  # noqa: S310
                assert answer.status == 200


def send(url: str, body: object) -> int:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return int(answer.status)


def test_what_a_producer_posts_becomes_a_ticket_and_what_nobody_reads_a_dead_letter(root: Path, tmp_path: Path) -> None:
    bare = {key: value for key, value in EVENT.items() if key not in {"kind", "apiVersion"}}
    with running(root, tmp_path) as address:
        assert send(f"{address}/events", [{**bare, "clusterName": "prod"}, {"clusterName": "x"}]) == 202
        assert send(f"{address}/botkube/s3cr3t?cluster=prod", {**bare, "metadata": {"uid": "another"}}) == 200
        until(lambda: get(f"{address}/api/v1/deliveries?cluster=prod")["items"])
        (letter,) = until(lambda: get(f"{address}/api/v1/dead-letters")["items"])
        assert (letter["trigger"], letter["code"], letter["stage"]) == ("classifier", 422, "decode")
        assert "closest is event-exporter: it has clusterName, but no involvedObject" in letter["reason"]
        events = get(f"{address}/api/v1/events?type=dev.tidings.observed.v1")["items"]
        assert len([event for event in events if event["source"] == "tidings/intake"]) == 2
        assert "intake" in {row["name"] for row in get(f"{address}/api/v1/functions")["items"]}


def test_a_setting_that_leads_to_its_own_stand_in_keeps_it_from_starting(root: Path, tmp_path: Path) -> None:
    here = f"127.0.0.1:{free_port()}"
    leads = f"http://{here}/stand-ins/splunk"
    ended = subprocess.run(
        [sys.executable, "-m", "shared.cli", "up", "--listen", here, "--knative", str(root / "knative")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "SPLUNK_HEC_URL": leads, "SPLUNK_TOKEN": "tidings-hec-token"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "SPLUNK_HEC_URL leads to a stand-in of this very start" in " ".join(ended.stderr.split())

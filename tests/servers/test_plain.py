"""The component `plain`, as it is written: its commands and settings as processes, on a real NATS, without Knative."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.local.standins import servicenow, splunk
from tests.conftest import ROOT
from tests.support.functions import TIDINGS, Served, environment, serving
from tests.support.nats import nats
from tests.support.servers import serve

FOLDER = ROOT / "knative" / "components" / "plain"
EVENT = {
    "metadata": {"name": "web-0.1", "namespace": "shop", "uid": "e-1", "resourceVersion": "7"},
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "p-1"},
    "reason": "FailedMount",
    "message": "MountVolume.SetUp failed for volume data: timed out waiting for the condition",
    "type": "Warning",
    "count": 9,
    "clusterName": "prod-eu1",
}


def workloads(kind: str) -> dict[str, Any]:
    """Return the container of each workload, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for item in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if item["kind"] == kind:
                (found[item["metadata"]["name"]],) = item["spec"]["template"]["spec"]["containers"]
    return found


class Place:
    """Where the manifests' addresses lead on this machine."""

    def __init__(self, folder: Path, bus: str, values: dict[str, str]) -> None:
        self.folder = folder
        self.values = values
        self.replaced = {"nats://nats:4222": bus, "replicas=3": "replicas=1"}
        for name, text in {
            "servicenow/password": servicenow.USERS[0].password,
            "splunk/token": splunk.TOKENS[0].value,
        }.items():
            (folder / name).parent.mkdir()
            (folder / name).write_text(text)
        self.replaced["/etc/tidings"] = str(folder)

    def settings(self, container: Any) -> dict[str, str]:
        found = {}
        for one in container["env"]:
            value = one.get("value")
            if value is None:
                (reference,) = one["valueFrom"].values()
                value = self.values.get(f"{reference['name']}/{reference['key']}")
            if value is not None:
                for there, here in self.replaced.items():
                    value = value.replace(there, here)
                found[one["name"]] = value
        return {**found, "HOST": "127.0.0.1"}

    def arguments(self, container: Any) -> list[str]:
        return [word.replace("replicas=3", "replicas=1") for word in container["command"]]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Served], Any, Any]]:
    folder = tmp_path_factory.mktemp("plain")
    deployments = workloads("Deployment")
    with ExitStack() as stack:
        server = stack.enter_context(nats(folder / "nats"))
        tickets, records = servicenow.new_app(), splunk.new_app()
        values = {
            "servicenow/instance": stack.enter_context(serve(tickets)),
            "servicenow/username": servicenow.USERS[0].name,
            "splunk/url": stack.enter_context(serve(records)),
            "tidings-installation/cluster": "prod-eu1",
        }
        bus = server.url().partition("/tidings")[0]
        place = Place(folder, bus, values)
        (topics,) = workloads("Job").values()
        made = [str(TIDINGS), *place.arguments(topics)[1:]]
        subprocess.run(made, env=environment(place.settings(topics)), check=True, capture_output=True, timeout=60)
        running: dict[str, Served] = {}
        # In the order in which each knows the address of the one before.
        for name in ("bus-writer", "classifier", "correlator", "servicenow-incident", "siem-forwarder", "event-router"):
            container = deployments[name]
            program, verb, function, *rest = place.arguments(container)
            assert (program, verb) == ("tidings", "serve")
            log = folder / f"{name}.log"
            running[name] = stack.enter_context(serving(function, log, place.settings(container), rest))
            place.replaced[f"http://{name}:8080"] = running[name].url
        yield running, tickets, records


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_event_that_an_exporter_posts_becomes_a_ticket_and_a_siem_record(
    system: tuple[dict[str, Served], Any, Any],
) -> None:
    running, tickets, records = system
    answer = running["event-router"].request(
        "POST",
        "/events",
        {"content-type": "application/json", "x-source": "kubernetes-events"},
        json.dumps(EVENT).encode(),
    )
    assert (answer[0], answer[2]) == (202, b"")
    until(lambda: tickets.records("incident") and records.events())
    (incident,) = tickets.records("incident")
    assert "web-0" in incident["short_description"]
    assert [one["event"]["reason"] for one in records.events()] == ["FailedMount"]


def test_every_pod_answers_its_probes(system: tuple[dict[str, Served], Any, Any]) -> None:
    containers = workloads("Deployment")
    for name, served in system[0].items():
        for probe in ("readinessProbe", "livenessProbe"):
            assert served.request("GET", containers[name][probe]["httpGet"]["path"])[0] == 200


def test_all_but_watch_was_run_here(system: tuple[dict[str, Served], Any, Any]) -> None:
    assert set(workloads("Deployment")) == {*system[0], "watch"}

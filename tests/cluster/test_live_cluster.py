"""A live cluster: the real API server's watch and audit log feed `tidings up`, and what its stand-ins then hold.

Nothing is posted by the test. It does in the cluster what people, controllers and kubelets do, and reads the end.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.local.standins import servicenow, splunk
from tests.bench.processes import free_port
from tests.conftest import ROOT, could_not_run
from tests.e2e.test_up_watches import get
from tests.support.apiserver.playing import ALICE, CONTROLLERS, NODE, PIN, SPACE, Played
from tests.support.apiserver.server import ApiServer, missing, running

Row = dict[str, Any]
_SECONDS = 90.0
_ITEMS = {"Node": (NODE, ""), "PersistentVolumeClaim": ("data", SPACE), "Deployment": ("web", SPACE)}
_CLOSED = "3"
_RESOLVED = "6"


@dataclass(frozen=True, slots=True)
class End:
    """What the stand-ins held in the end; `items` are the sys_ids of configuration items by kind."""

    incidents: list[Row]
    changes: list[Row]
    records: list[Row]
    letters: list[Row]
    items: dict[str, str]
    uids: dict[str, str]

    def tickets(self, summary: str) -> list[Row]:
        """Return the incidents of one summary."""
        return [one for one in self.incidents if one["short_description"] == f"[lab] {summary}"]

    def told(self, kind: str, **values: str) -> list[Row]:
        """Return the SIEM's records about a kind of object with these values."""
        found = [one for one in self.records if one["kind"] == kind]
        return [one for one in found if all(one.get(name) == value for name, value in values.items())]


@pytest.fixture(scope="module")
def end(tmp_path_factory: pytest.TempPathFactory) -> End:
    """Play everything once, each part when the one before it has arrived."""
    why = missing()
    if why:
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    folder, port = tmp_path_factory.mktemp("live"), free_port()
    with running(folder / "cluster", (ALICE, CONTROLLERS), audited(folder, port)) as server:
        cluster = Played(server)
        cluster.build()
        data = folder / "state"
        data.mkdir()
        items = known_items(data, cluster.uids)
        with up(data, server, port) as address:
            play(cluster, address)
            letters = listed(address, "dead-letters")
    return End(*kept(data), letters, items, cluster.uids)


def audited(folder: Path, port: int) -> tuple[str, ...]:
    """Return the flags by which the API server sends its audit log to Tidings, by the policy of the documentation."""
    webhook = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tidings", "cluster": {"server": f"http://127.0.0.1:{port}/audit"}}],
        "contexts": [{"name": "tidings", "context": {"cluster": "tidings", "user": ""}}],
        "current-context": "tidings",
    }
    (folder / "audit.kubeconfig").write_text(yaml.safe_dump(webhook))
    return (
        f"--audit-policy-file={ROOT / 'docs' / 'sources' / 'audit-policy.yaml'}",
        f"--audit-webhook-config-file={folder / 'audit.kubeconfig'}",
        "--audit-webhook-mode=batch",
        "--audit-webhook-batch-max-wait=1s",
    )


def known_items(data: Path, uids: dict[str, str]) -> dict[str, str]:
    """Let the CMDB know the objects by their uids, under names of its own."""
    instance = servicenow.new_app(str(data / "servicenow.db"))
    try:
        table = "cmdb_ci_kubernetes_component"
        return {
            kind: instance.insert(table, {"name": f"item of {name}", "namespace": space, "k8s_uid": uids[kind]})
            for kind, (name, space) in _ITEMS.items()
        }
    finally:
        instance.close()


@contextmanager
def up(data: Path, server: ApiServer, port: int) -> Iterator[str]:
    """Run `tidings up` on the cluster, as shipped: with all kinds, and the policy that people get."""
    command = [sys.executable, "-m", "shared.cli", "up", "--listen", f"127.0.0.1:{port}", "--data", str(data)]
    command += ["--kubeconfig", str(server.kubeconfig()), "--with", "servicenow-change", "--output", "jsonl"]
    environ = {**os.environ, "CLUSTER": "lab", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = str(json.loads(process.stdout.readline())["address"])
            until("ready", lambda: get(f"{address}/ready")["ready"])
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def play(cluster: Played, address: str) -> None:
    """Do everything in the cluster, and wait until it has arrived."""

    def episodes(state: str) -> set[str]:
        return {one["object"]["kind"] for one in listed(address, f"episodes?state={state}") if one["ticket"]}

    def delivered(operation: str) -> int:
        return sum(one["operation"] == operation for one in listed(address, "deliveries?limit=1000"))

    cluster.lose_node()
    cluster.refuse_claim(3)
    cluster.roll_out()
    cluster.remove_policy()
    cluster.read_secret()
    cluster.steal_secret()
    until("tickets", lambda: delivered("open") >= 4)
    cluster.find_node()
    cluster.bind_claim()
    until("the ends of them", lambda: {"Node", "PersistentVolumeClaim"} <= episodes("resolved"))
    until("resolved", lambda: delivered("resolve") >= 3)
    until("the rest", lambda: not any(one["waiting"] for one in listed(address, "destinations")))


def kept(data: Path) -> tuple[list[Row], list[Row], list[Row]]:
    """Return incidents, change requests and SIEM records as their systems have them."""
    instance, siem = servicenow.new_app(str(data / "servicenow.db")), splunk.new_app(str(data / "splunk.db"))
    try:
        return (
            instance.records("incident"),
            instance.records("change_request"),
            [one["event"] for one in siem.events()],
        )
    finally:
        instance.close()
        siem.close()


def listed(address: str, name: str) -> list[Row]:
    items: list[Row] = get(f"{address}/api/v1/{name}")["items"]
    return items


def until(what: str, condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.2)


def test_a_node_that_is_not_ready_is_one_ticket_that_ends_when_it_is(end: End) -> None:
    (ticket,) = end.tickets(f"Node {NODE} is not ready")
    assert (ticket["impact"], ticket["urgency"], ticket["cmdb_ci"]) == ("1", "1", end.items["Node"])
    assert ticket["state"] == _RESOLVED
    assert "ended by NodeReady" in ticket["close_notes"]
    seen = {(one["dialect"], one["severity"]) for one in end.told("Node", signature_id="node-not-ready")}
    assert seen == {("kubernetes-event", "critical"), ("apiserver-resource", "critical")}, "an Event and the status"
    ends = {(one["dialect"], one["phase"]) for one in end.told("Node", signature_id="node-is-ready")}
    assert ends == {("kubernetes-event", "recovery"), ("apiserver-resource", "recovery")}


def test_a_claim_that_gets_no_volume_is_one_ticket_that_ends_with_it(end: End) -> None:
    (ticket,) = end.tickets(f"Claim {SPACE}/data gets no volume")
    assert (ticket["impact"], ticket["urgency"]) == ("2", "2")
    assert ticket["cmdb_ci"] == end.items["PersistentVolumeClaim"]
    assert 'storageclass.storage.k8s.io "fast" not found' in ticket["description"]
    assert ticket["state"] == _RESOLVED
    assert "3 occurrences; ended by ProvisioningSucceeded" in ticket["close_notes"]
    tries = end.told("PersistentVolumeClaim", signature_id="claim-not-provisioned")
    assert [(one["count"], one["severity"]) for one in tries] == [(1, "high"), (2, "high"), (3, "high")]


def test_a_roll_out_is_one_change_request_and_no_incident(end: End) -> None:
    (change,) = end.changes
    assert change["short_description"] == f"[lab] Roll-out of Deployment/{SPACE}/web"
    assert "spec.template.spec.containers[web].image shop/web:1.4 → shop/web:1.5" in change["description"]
    assert "By: kubectl-set" in change["description"]
    assert (change["state"], change["close_code"]) == (_CLOSED, "successful")
    assert change["cmdb_ci"] == end.items["Deployment"]
    (told,) = end.told("Deployment", component="kubectl-set", phase="change")
    assert told["object_id"] == end.uids["Deployment"]
    assert len(end.told("Deployment", signature_id="rollout-completed")) == 1


def test_a_network_policy_that_was_removed_is_told_with_who_did_it(end: End) -> None:
    (gone,) = end.told("NetworkPolicy", action="deleted")
    assert (gone["phase"], gone["namespace"], gone["name"]) == ("recovery", SPACE, "deny-all")
    told = [one for one in end.told("NetworkPolicy", dialect="audit") if "delete" in one["description"]]
    assert [(one["signature_id"], one["severity"], one["category"]) for one in told] == [
        ("audit-network-policy-changed", "medium", "security")
    ]
    assert told[0]["description"] == f"alice changed who may talk to whom: delete networkpolicies {SPACE}/deny-all"


def test_a_secret_that_was_read_is_told_and_a_ticket_only_where_a_stolen_token_read_it(end: End) -> None:
    (read,) = end.told("Secret", signature_id="audit-secret-read")
    assert (read["description"], read["severity"]) == (f"alice read Secrets: get secrets {SPACE}/db", "low")
    (stolen,) = end.told("Secret", signature_id="audit-secret-read-with-borrowed-account")
    assert (stolen["severity"], stolen["phase"], stolen["category"]) == ("medium", "problem", "security")
    (ticket,) = end.tickets(stolen["description"])
    assert "system:serviceaccount:web-shop-front:front" in ticket["short_description"]
    assert (ticket["impact"], ticket["state"]) == ("2", "1")


def test_nothing_else_became_a_ticket_and_no_value_of_a_secret_left(end: End) -> None:
    assert len(end.incidents) == 3
    assert end.letters == []
    assert PIN not in json.dumps([end.incidents, end.changes, end.records])
    identities = [one["event_id"] for one in end.records]
    assert len(identities) == len(set(identities))

"""Objects through the whole embedded system: what is wrong with them becomes tickets, what changed becomes records."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from shared.local.settings import UpSettings
from shared.local.system import System
from tests.support.at_once import AT_ONCE
from tests.support.objects import Object, manager, thing


class Cluster:
    """A cluster that sends to the system, with and without an Event beside the object."""

    def __init__(self, system: System, client: httpx2.AsyncClient) -> None:
        self.system = system
        self._client = client
        self._sent = 0

    async def send(self, data: Object, operation: str = "update") -> None:
        self._sent += 1
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        headers = {
            "ce-specversion": "1.0", "ce-type": f"dev.knative.apiserver.resource.{operation}", "ce-source": "api",
            "ce-id": str(self._sent), "ce-cluster": "prod", "ce-time": now, "ce-kind": data["kind"],
            "content-type": "application/json",
        }  # fmt: skip
        answer = await self._client.post("/", json=data, headers=headers)
        assert answer.status_code == 202
        assert await self.system.broker.idle(15)

    def tickets(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.system.standins.apps["servicenow"].records("incident")
        return rows

    def records(self) -> list[dict[str, Any]]:
        return [event["event"] for event in self.system.standins.apps["splunk"].events()]


@asynccontextmanager
async def cluster(root: Path, folder: Path) -> AsyncIterator[Cluster]:
    system = System(UpSettings(data=folder, knative=root / "knative", port=0, feed="none", environ=AT_ONCE))
    await system.start()
    try:
        async with httpx2.AsyncClient(base_url=system.address) as client:
            yield Cluster(system, client)
    finally:
        await system.stop()


def node(version: int, ready: str) -> Object:
    condition = {"type": "Ready", "status": ready, "message": "Kubelet stopped posting node status."}
    names = {"name": "worker-3", "namespace": ""}
    return thing("Node", version, names, spec={"taints": []}, status={"conditions": [condition]})


def event(reason: str) -> Object:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    involved = {"kind": "Node", "name": "worker-3"}
    return thing("Event", 1, {"uid": reason}, involvedObject=involved, reason=reason, lastTimestamp=now, count=1)


def test_a_node_that_is_lost_without_an_event_has_a_ticket_that_ends_with_its_return(
    root: Path, tmp_path: Path
) -> None:
    async def work() -> None:
        async with cluster(root, tmp_path) as sender:
            await sender.send(node(1, "True"), "add")
            assert sender.tickets() == []
            await sender.send(node(2, "Unknown"))
            (ticket,) = sender.tickets()
            assert (ticket["state"], ticket["short_description"]) == ("1", "[prod] Node worker-3 is not ready")
            await sender.send(event("NodeNotReady"))
            assert len(sender.tickets()) == 1, "the Event about it is the same problem"
            await sender.send(node(3, "True"))
            assert [ticket["state"] for ticket in sender.tickets()] == ["6"]

    asyncio.run(work())


def test_the_deletion_of_an_object_still_ends_every_problem_of_it(root: Path, tmp_path: Path) -> None:
    async def work() -> None:
        async with cluster(root, tmp_path) as sender:
            await sender.send(event("NodeNotReady"))
            await sender.send(node(2, "Unknown"), "delete")
            assert [ticket["state"] for ticket in sender.tickets()] == ["6"]

    asyncio.run(work())


def test_a_change_is_one_record_that_says_what_and_by_whom_and_no_change_is_none(root: Path, tmp_path: Path) -> None:
    def web(version: int, replicas: int) -> Object:
        fields = {"managedFields": [manager("kubectl-scale", "spec")]}
        return thing("Deployment", version, fields, spec={"replicas": replicas}, status={"readyReplicas": version})

    async def work() -> None:
        async with cluster(root, tmp_path) as sender:
            for version, replicas in ((1, 3), (2, 3), (3, 5), (4, 5), (3, 5)):
                await sender.send(web(version, replicas))
            said = [(record["message"], record["type"], record["component"]) for record in sender.records()]
            assert said == [
                (
                    "Deployment/shop/web was changed by kubectl-scale: what it was before is not known",
                    "event",
                    "kubectl-scale",
                ),
                ("Deployment/shop/web was changed by kubectl-scale: spec.replicas 3 → 5", "event", "kubectl-scale"),
            ]
            assert {record["phase"] for record in sender.records()} == {"change"}

    asyncio.run(work())


def test_f41_of_a_secret_that_changes_no_value_comes_out(root: Path, tmp_path: Path) -> None:
    """F41: no value leaves the process; key names kept. Here by way of changes, twice, with another value."""

    def secret(version: int, **data: str) -> Object:
        fields = {"managedFields": [manager("vault", "data", time=f"2026-11-24T10:00:0{version}Z")]}
        return thing("Secret", version, fields, type="Opaque", data=data)

    async def work() -> None:
        async with cluster(root, tmp_path) as sender:
            for version, data in enumerate(
                ({"pin": "aHVudGVy"}, {"pin": "c2VjcmV0"}, {"pin": "c2VjcmV0", "key": "eA=="}), 1
            ):
                await sender.send(secret(version, **data))
            messages = [record["message"] for record in sender.records()]
            assert [message.rpartition(": ")[2] for message in messages[1:]] == ["data changed", "data.key added"]
            assert {record["masked"]["data"] for record in sender.records()} == {"secret"}
            stored = [json.dumps(item.event.data) for item in await sender.system.broker.events(1000)]
            ours = [text for text in stored if '"identity"' in text]
            kept = [entry.value async for entry in sender.system.store.scan("")]
            everything = json.dumps([sender.records(), ours]) + repr(kept)
            assert "aHVudGVy" not in everything
            assert "c2VjcmV0" not in everything

    asyncio.run(work())

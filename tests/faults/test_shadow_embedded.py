"""F60 in the embedded system: `tidings up` with its destinations in shadow, and what comes once they are let loose."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from shared.cli.live import live
from shared.cli.output import show
from shared.local.settings import UpSettings
from shared.local.snapshot import look
from shared.local.system import System
from tests.support.at_once import AT_ONCE

HEADERS = {
    "ce-specversion": "1.0",
    "ce-type": "dev.knative.apiserver.resource.update",
    "ce-source": "test",
    "ce-cluster": "prod",
    "content-type": "application/json",
}


class Seen(NamedTuple):
    """What a run left to see."""

    deliveries: list[dict[str, Any]]
    destinations: dict[str, dict[str, Any]]
    functions: dict[str, dict[str, Any]]
    asked: int
    tickets: dict[str, int] | None


def node_event(count: int) -> dict[str, Any]:
    """Return the Event of a node that is not ready, which comes again with a higher count."""
    now = datetime.now(UTC)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "type": "Normal",
        "reason": "NodeNotReady",
        "count": count,
        "message": "Node worker-3 status is now: NodeNotReady",
        "firstTimestamp": (now - timedelta(minutes=5)).isoformat(timespec="seconds"),
        "lastTimestamp": now.isoformat(timespec="seconds"),
        "metadata": {"name": "worker-3.17f1", "namespace": "default", "uid": "7d0c9f52-8f3f-4f0e-9a55-1c1f6a1d2b3c"},
        "involvedObject": {"kind": "Node", "name": "worker-3"},
    }


async def up(root: Path, folder: Path, count: int, environ: Mapping[str, str]) -> Seen:
    """Run the embedded system for one Event, and show its table."""
    system = System(
        UpSettings(data=folder, knative=root / "knative", port=0, feed="none", environ={**AT_ONCE, **environ})
    )
    await system.start()
    try:
        async with httpx2.AsyncClient(base_url=system.address) as client:

            async def items(name: str) -> list[dict[str, Any]]:
                found: list[dict[str, Any]] = (await client.get(f"/api/v1/{name}")).json()["items"]
                return found

            headers = {**HEADERS, "ce-id": f"e-{count}"}
            answer = await client.post("/", json=node_event(count), headers=headers)
            assert answer.status_code == 202
            await asyncio.wait_for(system.wait(until_idle=True), 20)
            shot = await look(system)
            show(live(shot))
            return Seen(
                await items("deliveries"),
                {row["name"]: row for row in await items("destinations")},
                {row["name"]: row for row in await items("functions")},
                sum(len(one.faults.requests) for one in system.standins.apps.values()),
                shot.tickets,
            )
    finally:
        await system.stop()


def test_f60_in_shadow_the_embedded_system_shows_what_it_would_send_and_sends_it_once_it_may(
    root: Path, tmp_path: Path, capsys: Any
) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Or, with destinations in shadow: rendered and archived, not sent. Here for one condition that outlasts the shadow.
    """
    seen = asyncio.run(up(root, tmp_path, 1, {"SHADOW": "all"}))
    assert {(one["destination"], one["operation"], one["result"]) for one in seen.deliveries} == {
        ("servicenow_incident", "open", "shadow"),
        ("siem_forwarder", "record", "shadow"),
    }
    assert all("worker-3" in str(one["requests"]) for one in seen.deliveries)
    assert seen.asked == 0, "no stand-in was asked anything"
    incidents = seen.destinations["servicenow_incident"]
    assert (incidents["in_shadow"], incidents["shadow"], incidents["done"]) == (True, 1, 0)
    assert "in shadow" in seen.functions["siem_forwarder"]["notes"][0]
    assert seen.functions["correlator"]["notes"] == []
    table = capsys.readouterr().out
    assert "in shadow: 1 not sent" in table
    assert "shadow: open" in table

    loose = asyncio.run(up(root, tmp_path, 64, {}))
    assert loose.tickets == {"open": 1}, "the next snapshot of what is open makes its ticket"
    done = [one for one in loose.deliveries if one["result"] == "done"]
    assert [(one["destination"], one["operation"]) for one in done] == [("servicenow_incident", "open")]
    assert not loose.destinations["servicenow_incident"]["in_shadow"]

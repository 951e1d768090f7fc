"""F60 in the embedded system: what `tidings up` does with old conditions, and what it shows of them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.local.broker.loader import load_topology
from shared.local.settings import UpSettings
from shared.local.system import System
from tests.support.at_once import AT_ONCE

HEADERS = {
    "ce-specversion": "1.0",
    "ce-type": "dev.knative.apiserver.resource.update",
    "ce-source": "test",
    "ce-id": "1",
    "ce-cluster": "prod",
    "content-type": "application/json",
}


def old_event() -> dict[str, Any]:
    """Return an Event that goes on since yesterday."""
    now = datetime.now(UTC)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "type": "Normal",
        "reason": "NodeNotReady",
        "count": 99,
        "message": "Node worker-3 status is now: NodeNotReady",
        "firstTimestamp": (now - timedelta(days=1)).isoformat(timespec="seconds"),
        "lastTimestamp": now.isoformat(timespec="seconds"),
        "metadata": {"name": "worker-3.17f1", "namespace": "default", "uid": "7d0c9f52-8f3f-4f0e-9a55-1c1f6a1d2b3c"},
        "involvedObject": {"kind": "Node", "name": "worker-3"},
    }


async def one_old_event(root: Path, folder: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Any], str]:
    """Return the episode that an old Event makes, the reports of tickets, and the metrics."""
    system = System(
        UpSettings(data=folder, knative=root / "knative", port=0, feed="none", environ={**AT_ONCE, **environ})
    )
    await system.start()
    try:
        async with httpx2.AsyncClient(base_url=system.address) as client:
            answer = await client.post("/", json=old_event(), headers=HEADERS)
            assert answer.status_code == 202
            await asyncio.wait_for(system.wait(until_idle=True), 20)
            episodes = (await client.get("/api/v1/episodes")).json()["items"]
            deliveries = (await client.get("/api/v1/deliveries")).json()["items"]
            metrics = (await client.get("/metrics")).text
    finally:
        await system.stop()
    (episode,) = episodes
    return episode, deliveries, metrics


def listed(root: Path, folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "shared.cli", "episodes", "list", "--data", str(folder), "-o", "json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_f60_the_embedded_system_with_a_baseline_knows_an_old_condition_and_shows_it(
    root: Path, tmp_path: Path
) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Here for one old condition, through all of `tidings up`.
    """
    episode, tickets, metrics = asyncio.run(one_old_event(root, tmp_path, {"FIRST_CONTACT": "baseline"}))
    assert (episode["state"], episode["baseline"], episode["ticket"]) == ("open", True, False)  # known
    assert [(one["baseline"], one["ticket"]) for one in listed(root, tmp_path)] == [(True, False)]
    assert tickets == []  # not ticketed
    assert "tidings_baseline_episodes_total 1.0" in metrics  # said


@pytest.mark.parametrize("environ", [{}, {"FIRST_CONTACT": "ticket"}], ids=["not said", "ticket"])
def test_f60_without_it_the_embedded_system_tickets_it_whatever_the_manifests_set(
    root: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Baseline is a choice: the embedded system makes it only where its own environment says so.
    """
    services = load_topology(root / "knative").services
    assert services["correlator"].environment["FIRST_CONTACT"] == "baseline"
    episode, tickets, _ = asyncio.run(one_old_event(root, tmp_path, environ))
    assert (episode["baseline"], episode["ticket"]) == (False, True)
    assert [(one["destination"], one["operation"]) for one in tickets] == [("servicenow_incident", "open")]

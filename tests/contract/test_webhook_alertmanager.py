"""A real Alertmanager is told by us: alerts fire while a problem lasts, change with its severity, and end with it."""

import asyncio
import http.client
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.events.episode import Episode
from shared.events.outcome import Done, Rejected
from shared.runtime.function import Call
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics
from tests.contract.test_real_alertmanager import program, running  # noqa: F401 - a fixture
from tests.support.rigs.place import event_of
from tests.support.tickets import episode, resolved


@pytest.fixture
def address(program: str, tmp_path: Path) -> Iterator[str]:  # noqa: F811 - the fixture
    """Run an Alertmanager whose own notifications lead nowhere, and yield its host and port."""
    with running(program, tmp_path, "http://127.0.0.1:9") as place:
        yield place


def asked(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def told(address: str, *snapshots: Episode, mapping: str = "alertmanager") -> list[Any]:
    async def main() -> list[Any]:
        environ = {"WEBHOOK_URL": f"http://{address}", "WEBHOOK_MAPPING": mapping}
        function: Any = load("webhook", environ, Metrics())
        await function.start()
        try:
            deadline = asyncio.get_running_loop().time() + 10
            return [(await function.handle(event_of(one), Call(deadline))).outcome for one in snapshots]
        finally:
            await function.stop()

    return asyncio.run(main())


def firing(address: str) -> list[dict[str, Any]]:
    """Return the alerts that fire, as Alertmanager's own API lists them."""
    status, body = asked(address, "/api/v2/alerts?active=true")
    assert status == HTTPStatus.OK
    found: list[dict[str, Any]] = orjson.loads(body)
    return found


def test_a_real_alertmanager_fires_and_ends_with_the_episode_and_its_severity(address: str) -> None:
    worse = episode(2, transition="updated", severity="critical", summary='"quoted" {{ $labels }} \\ text')
    assert told(address, episode()) == [Done()]
    (alert,) = firing(address)
    assert alert["labels"]["alertname"] == episode().condition
    assert alert["labels"]["severity"] == "warning"
    assert (alert["labels"]["cluster"], alert["labels"]["name"]) == ("prod-1", "api-0")
    assert "part" not in alert["labels"], "what is empty is none of its labels"
    assert alert["startsAt"].startswith(f"{episode().started:%Y-%m-%dT%H:%M:%S}")

    assert told(address, worse) == [Done()]
    (alert,) = firing(address)
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == worse.summary

    # Without its own memory it begins with an open; the end is told all the same once that was.
    assert told(address, worse, resolved(3, severity="critical")) == [Done(), Done()]
    assert firing(address) == []


def test_f11_what_a_real_alertmanager_refuses_is_rejected(address: str, tmp_path: Path) -> None:
    """F11: sink 400/422 for one field: Rejected, DLQ extension names stage+field; no retry storm."""
    own = tmp_path / "own.yaml"
    own.write_text("operations: {open: {url: /api/v2/alerts, body: {items: [{fields: {labels: none}}]}}}")
    assert told(address, episode(), mapping=str(own)) == [Rejected("webhook", "the target refuses the request")]

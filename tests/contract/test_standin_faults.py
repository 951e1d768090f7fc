"""Both stand-ins fail as they are told to, by Python and over HTTP."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.local.standins import servicenow, splunk
from shared.local.standins.faults import Do, Faults, Rule
from tests.support.servers import serve, standin

TRUST = ssl.create_default_context()  # costs 20 ms each time that it is built


@dataclass
class Target:
    """One stand-in, one request that stores something, and how often it was stored."""

    app: Any
    path: str
    operation: str
    content: bytes
    headers: dict[str, str]
    stored: Callable[[], int]

    def send(self, url: str, seconds: float = 1.0) -> httpx2.Response:
        return httpx2.post(url + self.path, content=self.content, headers=self.headers, timeout=seconds, verify=TRUST)


@pytest.fixture(params=["servicenow", "splunk"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "splunk":
        hec = splunk.new_app()
        headers = {"Authorization": "Splunk tidings-hec-token"}
        yield Target(hec, "/services/collector/event", "event", b'{"event":"x"}', headers, hec.count)
        hec.close()
        return
    instance = servicenow.new_app()
    headers = {
        "Authorization": "Bearer tidings-token",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    path = "/api/now/table/incident?sysparm_fields=number"
    yield Target(instance, path, "create", b"{}", headers, lambda: len(instance.records("incident")))
    instance.close()


def test_a_status_strikes_the_nth_matching_request_so_many_times(target: Target) -> None:
    target.app.faults.set([Rule("status", operation=target.operation, nth=2, count=2, headers={"Retry-After": "7"})])
    with serve(target.app) as url:
        answers = [target.send(url) for _ in range(4)]
    assert [answer.status_code == 503 for answer in answers] == [False, True, True, False]
    assert answers[1].headers["retry-after"] == "7"
    assert target.stored() == 2
    assert [entry.fault for entry in target.app.faults.requests] == ["", "status", "status", ""]


def test_a_page_instead_of_the_answer_stores_nothing(target: Target) -> None:
    target.app.faults.add(Rule("html"))
    with serve(target.app) as url:
        answer = target.send(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert target.stored() == 0


def test_a_body_of_ones_own_comes_with_status_200(target: Target) -> None:
    target.app.faults.add(Rule("body", body='{"other": true}'))
    with serve(target.app) as url:
        answer = target.send(url)
    assert (answer.status_code, answer.json()) == (200, {"other": True})


def test_a_delay_is_kept_and_then_it_is_served(target: Target) -> None:
    target.app.faults.add(Rule("delay", seconds=0.3))
    with serve(target.app) as url:
        before = time.monotonic()
        assert target.send(url).is_success
    assert time.monotonic() - before >= 0.3
    assert target.stored() == 1


def test_a_delay_may_come_after_it_was_done(target: Target) -> None:
    target.app.faults.add(Rule("commit-then-delay", seconds=0.3))
    with serve(target.app) as url:
        with pytest.raises(httpx2.ReadTimeout):
            target.send(url, seconds=0.1)
        assert target.stored() == 1
        target.app.faults.set([Rule("commit-then-delay", seconds=0.3)])
        before = time.monotonic()
        assert target.send(url).is_success
    assert time.monotonic() - before >= 0.3


def test_a_delayed_request_is_done_even_after_its_client_has_gone(target: Target) -> None:
    target.app.faults.add(Rule("delay", operation=target.operation, seconds=0.4))
    with serve(target.app) as url:
        with pytest.raises(httpx2.ReadTimeout):
            target.send(url, seconds=0.1)
        assert target.stored() == 0
        limit = time.monotonic() + 5
        while not target.stored() and time.monotonic() < limit:
            time.sleep(0.02)
    assert target.stored() == 1


@pytest.mark.parametrize(
    ("do", "error", "stored"),
    [
        ("hang", httpx2.ReadTimeout, 0),
        ("commit-then-time-out", httpx2.ReadTimeout, 1),
        ("reset", httpx2.ReadError, 0),
        ("commit-then-reset", httpx2.ReadError, 1),
    ],
)
def test_no_answer_comes_and_what_was_done_stays_done(
    target: Target, do: Do, error: type[Exception], stored: int
) -> None:
    target.app.faults.add(Rule(do))
    with serve(target.app) as url:
        with pytest.raises(error):
            target.send(url, seconds=0.3)
        assert target.stored() == stored
        assert target.send(url).is_success
    assert target.app.faults.requests[0].status == 0


def test_something_done_can_be_denied_by_a_status(target: Target) -> None:
    target.app.faults.add(Rule("commit-then-status", status=502))
    with serve(target.app) as url:
        assert target.send(url).status_code == 502
    assert target.stored() == 1


def test_slow_bytes_never_stop_coming_for_a_per_read_time_out(target: Target) -> None:
    target.app.faults.add(Rule("slow-bytes", seconds=0.02))
    with serve(target.app) as url:
        before = time.monotonic()
        answer = target.send(url, seconds=0.5)
    assert answer.is_success
    assert time.monotonic() - before > 0.02 * len(answer.content) * 0.9


def test_script_and_log_can_be_had_over_http(target: Target) -> None:
    with serve(target.app) as url:
        rules = [{"do": "status", "status": 500, "path": "incident|collector", "count": 0}]
        assert httpx2.put(f"{url}/_standin/faults", json=rules).status_code == 204
        assert target.send(url).status_code == 500
        assert httpx2.get(f"{url}/_standin/faults").json()[0]["do"] == "status"
        assert httpx2.put(f"{url}/_standin/faults", json=[{"do": "explode"}]).status_code == 400
        assert httpx2.put(f"{url}/_standin/faults", content=b"{").status_code == 400
        assert httpx2.delete(f"{url}/_standin/faults").status_code == 204
        assert target.send(url).is_success
        log = httpx2.get(f"{url}/_standin/requests").json()
        assert [(entry["operation"], entry["status"] == 500) for entry in log] == [
            (target.operation, True),
            (target.operation, False),
        ]
        assert log[0]["body"] == target.content.decode()
        assert httpx2.delete(f"{url}/_standin/requests").status_code == 204
        assert json.loads(httpx2.get(f"{url}/_standin/requests").content) == []
    assert target.app.faults.count() == 0


def test_of_two_rules_the_first_strikes_and_both_count() -> None:
    faults = Faults([Rule("status", method="POST", status=500), Rule("html", method="POST", nth=2)])
    struck = [faults.take("POST", "/x", "create") for _ in range(3)]
    assert [rule.do if rule else "" for rule in struck] == ["status", "html", ""]
    assert faults.take("GET", "/x", "get") is None


def test_in_process_a_reset_is_an_error_of_the_connection() -> None:
    app = splunk.new_app(faults=Faults([Rule("reset")]))

    async def ask() -> None:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://standin", verify=TRUST) as client:
            await client.get("/services/collector/health")

    with pytest.raises(ConnectionResetError):
        asyncio.run(ask())
    app.close()


def test_what_servicenow_answered_survives_a_kill_of_its_process(tmp_path: Path) -> None:
    database = tmp_path / "servicenow.db"
    with standin("servicenow", database) as first:
        for number in range(3):
            answer = httpx2.post(
                f"{first.url}/api/now/table/incident",
                json={"correlation_id": f"k8s-{number}", "work_notes": "kept"},
                headers={"Accept": "application/json"},
                auth=("tidings", "tidings"),
            )
            assert answer.status_code == 201
        first.kill()
    again = servicenow.new_app(str(database))
    assert [row["correlation_id"] for row in again.records("incident")] == ["k8s-0", "k8s-1", "k8s-2"]
    assert len(again.records("sys_journal_field")) == 3
    again.close()


def test_a_stand_in_that_runs_for_long_keeps_the_bodies_of_the_latest_requests_only() -> None:
    faults = Faults()
    for number in range(3000):
        faults.log("POST", "/x", "event", b"%d" % number * 1000)
    bodies = [entry.body for entry in faults.requests]
    assert len(bodies) == 3000
    assert not any(bodies[:2000])
    assert all(bodies[2000:])


def test_a_stand_in_keeps_four_mebibytes_of_what_it_was_asked_for_and_no_more() -> None:
    faults = Faults()
    for number in range(300):
        faults.log("GET", f"/{number}?" + "q" * 60_000, "find", b"")
    kept = faults.requests
    assert sum(len(entry.path) for entry in kept) <= 4 * 1024 * 1024
    assert [entry.number for entry in kept] == list(range(300 - len(kept) + 1, 301))
    assert len(kept) > 60
    faults.forget()
    faults.log("GET", "/", "find", b"")
    assert len(faults.requests) == 1

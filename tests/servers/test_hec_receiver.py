"""siem_forwarder against a HEC receiver that is not ours: that of the OpenTelemetry collector, strict in the protocol.

It looks at no token and at no index; what those answer is the stand-in's to say.
"""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from functions.siem_forwarder.handler import new
from shared.destinations.finding import Finding
from shared.events.model import Classified
from shared.events.outcome import Done, Outcome, Retry
from shared.telemetry.metrics import Metrics
from tests.conftest import could_not_run
from tests.support.forwarded import forwarded
from tests.support.golang import missing
from tests.support.hec.build import binary, build
from tests.support.hec.server import running
from tests.support.records import AUDIT, TIME, audited, classified


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    why = missing(binary())
    if why:
        could_not_run(why, "install Go 1.26")
    try:
        build()
    except subprocess.CalledProcessError:
        could_not_run("Go could not build the HEC receiver", "let Go reach its module proxy")


def forward(url: str, *subjects: Classified, **settings: str) -> list[Outcome]:
    """Forward observations that come at the same time; return what became of each."""
    environ = {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "t", "SPLUNK_TIMEOUT": "5", **settings}
    return forwarded(environ, *subjects, seconds=8)


def test_it_understands_an_event_as_it_is_meant(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        assert forward(receiver.url, classified("id-1"), SPLUNK_INDEX="k8s") == [Done()]
    (one,) = receiver.arrived()
    assert (one.host, one.source, one.sourcetype, one.index) == ("prod", "tidings", "k8s:infrastructure", "k8s")
    assert one.event["event_id"] == one.fields["event_id"] == "id-1"
    assert (one.event["severity"], one.fields["cluster"]) == ("high", "prod")
    assert one.event["message"] == "Back-off restarting failed container"
    assert abs(one.time - TIME.timestamp()) < 0.001


def test_hundreds_at_once_are_there_once_though_they_share_compressed_calls(tmp_path: Path) -> None:
    names = [f"id-{number}" for number in range(300)]
    with running(tmp_path) as receiver:
        assert forward(receiver.url, *(classified(name, message="m" * 500) for name in names)) == [Done()] * 300
    assert sorted(one.event["event_id"] for one in receiver.arrived()) == sorted(names)


def test_f19_acknowledged_events_are_done_only_then(tmp_path: Path) -> None:
    """F19: Splunk ack stays false 5 min: resend with same event_id; counter `unconfirmed`; no unbounded memory."""
    with running(tmp_path, acknowledges=True) as receiver:
        assert forward(receiver.url, classified("a"), classified("b"), SPLUNK_ACK="true") == [Done(), Done()]
    assert sorted(one.event["event_id"] for one in receiver.arrived()) == ["a", "b"]


def test_f19_who_promises_no_acknowledgement_is_not_believed(tmp_path: Path) -> None:
    """F19: Splunk ack stays false 5 min: resend with same event_id; counter `unconfirmed`; no unbounded memory."""
    with running(tmp_path) as receiver:
        (held,) = forward(receiver.url, classified("a"), SPLUNK_ACK="true")
    assert isinstance(held, Retry)
    assert "promises no acknowledgement" in held.reason


def test_audit_records_are_lines_of_their_own(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        found = forward(receiver.url, audited("a"), audited("b", verb="delete"), SPLUNK_AUDIT="raw", SPLUNK_INDEX="k8s")
        assert found == [Done(), Done()]
    arrived = receiver.arrived()
    assert {(one.host, one.source, one.sourcetype, one.index) for one in arrived} == {
        ("prod", "tidings", "kube:apiserver:audit", "k8s")
    }
    lines = {one["annotations"]["tidings.dev/event-id"]: one for one in (json.loads(each.event) for each in arrived)}
    assert {name: line["verb"] for name, line in lines.items()} == {"a": "create", "b": "delete"}
    assert lines["a"]["user"] == AUDIT["user"]


def test_f10_what_came_while_it_was_away_arrives_afterwards(tmp_path: Path) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    with running(tmp_path) as receiver:
        receiver.stop()
        (away,) = forward(receiver.url, classified("a"))
        assert isinstance(away, Retry)
        receiver.start()
        assert forward(receiver.url, classified("a")) == [Done()]
    assert [one.event["event_id"] for one in receiver.arrived()] == ["a"]


def test_doctor_finds_it_well(tmp_path: Path) -> None:
    async def check(url: str) -> list[Finding]:
        function: Any = new({"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "t"}, Metrics())
        found: list[Finding] = await function.check()
        return found

    with running(tmp_path) as receiver:
        found = asyncio.run(check(receiver.url))
    assert [text for good, text in found if good is False] == []
    assert receiver.arrived() == []

"""siem_forwarder hands audit records over as their own lines, by the raw endpoint, where SPLUNK_AUDIT says so."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.siem_forwarder.handler import new
from shared.events.model import Classified
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.local.standins import splunk
from shared.local.standins.splunk import Options, Splunk
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.forwarded import forwarded
from tests.support.records import AUDIT, audited, classified
from tests.support.servers import serve

_LINE = {**AUDIT, "annotations": {**AUDIT["annotations"], "tidings.dev/event-id": "id-1"}}


@pytest.fixture
def app() -> Iterator[Splunk]:
    made = splunk.new_app()
    yield made
    made.close()


@pytest.fixture
def url(app: Splunk) -> Iterator[str]:
    with serve(app) as base:
        yield base


def environ(url: str, **more: str) -> dict[str, str]:
    return {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token", "SPLUNK_AUDIT": "raw", **more}


def forward(url: str, *subjects: Classified, **settings: str) -> list[Outcome]:
    """Forward observations that come at the same time; return what became of each."""
    return forwarded(environ(url, **settings), *subjects)


def lines(app: Splunk) -> list[Any]:
    return [json.loads(stored["event"]) for stored in app.events() if stored["raw"]]


def test_an_audit_record_is_a_line_of_its_own_as_kubernetes_wrote_it(app: Splunk, url: str) -> None:
    assert forward(url, audited(), SPLUNK_INDEX="k8s") == [Done()]
    (stored,) = app.events()
    places = (stored["host"], stored["source"], stored["sourcetype"], stored["index"])
    assert places == ("prod", "tidings", "kube:apiserver:audit", "k8s")
    assert lines(app) == [_LINE]


def test_what_is_no_audit_record_goes_as_an_event_beside_it(app: Splunk, url: str) -> None:
    cut = classified("cut", dialect="audit", original={"verb": "create"})
    several = [audited("a"), classified("b"), audited("c"), cut, audited("d")]
    assert forward(url, *several, SPLUNK_CONNECTIONS="1") == [Done()] * 5
    assert sorted(line["annotations"]["tidings.dev/event-id"] for line in lines(app)) == ["a", "c", "d"]
    assert sorted(filter(None, app.event_ids())) == ["b", "cut"]
    assert app.faults.count(operation="raw") < 3, "lines that belong to the same place share a call"


def test_without_the_setting_an_audit_record_is_an_event_like_all_else(app: Splunk, url: str) -> None:
    assert forward(url, audited(), SPLUNK_AUDIT="event") == [Done()]
    assert app.event_ids() == ["id-1"]


def test_the_mapping_says_where_lines_belong(app: Splunk, url: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "extends: shipped\ndestination: siem-forwarder\noperations:\n  audit:\n"
        "    index: {from: observation.object.namespace, lookup: index, default: main}\n"
        "    sourcetype: {value: 'k8s:audit'}\nlookups:\n  index: {shop: k8s}\n"
    )
    away = audited("b").observation.model_copy(update={"object": classified().observation.object.model_copy()})
    other = away.object.model_copy(update={"namespace": "till"})
    elsewhere = Classified(observation=away.model_copy(update={"object": other}), verdict=classified().verdict)
    assert forward(url, audited("a"), elsewhere, SPLUNK_MAPPING=str(mapping)) == [Done(), Done()]
    assert sorted((stored["index"], stored["sourcetype"]) for stored in app.events()) == [
        ("k8s", "k8s:audit"),
        ("main", "k8s:audit"),
    ]


def test_a_wrong_index_holds_back_the_lines_of_that_request_alone(app: Splunk, url: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("extends: shipped\ndestination: siem-forwarder\noperations:\n  audit:\n    index: secret\n")
    found = forward(url, audited("a"), audited("b"), classified("c"), SPLUNK_MAPPING=str(mapping))
    assert found == [Retry("the token may not write to the index")] * 2 + [Done()]
    assert app.faults.count(operation="raw") <= 2


def test_lines_are_acknowledged_as_events_are(app: Splunk, url: str) -> None:
    app.options = Options(ack_after=0.1)
    settings = {"SPLUNK_TOKEN": "tidings-ack-token", "SPLUNK_ACK": "true"}
    assert forward(url, audited("a"), classified("b"), **settings) == [Done(), Done()]
    assert app.faults.count(operation="ack") >= 2


def test_f41_a_line_that_never_passed_our_edge_is_masked(app: Splunk, url: str) -> None:
    """F41: Secret object event, incl. `stringData`: no value leaves the process: ticket, SIEM, log; key names kept."""
    secret = {"kind": "Secret", "apiVersion": "v1", "stringData": {"password": "hunter2-in-plain-sight"}}
    assert forward(url, audited(requestObject=secret)) == [Done()]
    assert "hunter2" not in json.dumps(lines(app))
    assert lines(app)[0]["requestObject"]["kind"] == "Secret"


def test_minimise_counts_for_lines_too(app: Splunk, url: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("extends: shipped\ndestination: siem-forwarder\nminimise: {users: drop}\n")
    assert forward(url, audited(), SPLUNK_MAPPING=str(mapping)) == [Done()]
    assert "jane" not in json.dumps(lines(app))


def test_a_line_that_json_cannot_hold_is_rejected_alone(app: Splunk, url: str) -> None:
    found = forward(url, audited("a", requestObject={"large": 2**70}), audited("b"))
    assert found == [Rejected("mapping", "the event cannot be written as JSON"), Done()]
    assert len(lines(app)) == 1


def test_the_preview_is_what_is_sent(app: Splunk, url: str) -> None:
    forward(url, audited())
    (preview,) = new(environ(url), Metrics()).preview(audited()) or []
    assert isinstance(preview.body, str)
    assert json.loads(preview.body) == _LINE
    parts = urlsplit(preview.url)
    assert parts.path == "/services/collector/raw"
    assert parse_qs(parts.query) == {"host": ["prod"], "source": ["tidings"], "sourcetype": ["kube:apiserver:audit"]}
    assert app.faults.requests[0].body == preview.body


def test_the_check_asks_the_raw_endpoint_as_well(app: Splunk, url: str) -> None:
    said = asyncio.run(new(environ(url), Metrics()).check())
    assert said[2] == (True, "the raw endpoint takes audit records")
    assert app.count() == 0


def test_a_mapping_that_cannot_say_where_lines_belong_is_named(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("operations:\n  record:\n    host: {from: observation.cluster}\n")
    with pytest.raises(SettingsError, match="SPLUNK_MAPPING has no operation `audit`"):
        new(environ("https://splunk.example", SPLUNK_MAPPING=str(mapping)), Metrics())
    mapping.write_text("extends: shipped\noperations:\n  audit:\n    fields: {value: x}\n")
    with pytest.raises(SettingsError, match="field `fields` is none of `audit`"):
        new(environ("https://splunk.example", SPLUNK_MAPPING=str(mapping)), Metrics())

"""The Splunk stand-in behaves as the reference says, driven by a foreign client, by http.client and by plain HTTP."""

import gzip
import http.client
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from splunk_hec_handler import SplunkHecHandler

from shared.local.standins import splunk
from shared.local.standins.splunk import Options, Splunk
from tests.support.servers import serve, standin

EVENT = "/services/collector/event"
CHANNEL = {"X-Splunk-Request-Channel": "00000000-0000-4000-8000-000000000001"}


@pytest.fixture
def app() -> Iterator[Splunk]:
    made = splunk.new_app()
    yield made
    made.close()


@pytest.fixture
def client(app: Splunk) -> Iterator[httpx2.Client]:
    with serve(app) as url, httpx2.Client(base_url=url, headers=token("tidings-hec-token")) as made:
        yield made


def token(value: str) -> dict[str, str]:
    return {"Authorization": f"Splunk {value}"}


def event(event_id: str, **members: object) -> bytes:
    return json.dumps({"event": {"event_id": event_id}, **members}).encode()


def test_a_foreign_logging_handler_delivers_its_records(app: Splunk) -> None:
    with serve(app) as url:
        parts = urlsplit(url)
        handler = SplunkHecHandler(parts.hostname, "tidings-hec-token", port=parts.port, proto="http", source="test")
        logger = logging.getLogger("tests.foreign")
        logger.addHandler(handler)
        logger.propagate = False
        logger.warning({"message": "disk is full", "fields": {"cluster": "prod", "node": 7, "index": "k8s"}})
        logger.removeHandler(handler)
        handler.r.close()
    (stored,) = app.events()
    assert stored["event"]["message"] == "disk is full"
    assert (stored["index"], stored["source"], stored["fields"]) == ("k8s", "test", {"cluster": "prod", "node": "7"})


def test_a_script_of_http_client_posts_what_a_collector_takes(app: Splunk) -> None:
    with serve(app) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        body = gzip.compress(event("a", time=1735787045.123, host="prod") + event("b"))
        connection.request("POST", EVENT, body, {**token("tidings-hec-token"), "Content-Encoding": "gzip"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"text": "Success", "code": 0})
        connection.close()
    assert app.event_ids() == ["a", "b"]
    assert app.events()[0]["time"] == "1735787045.123"


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({}, EVENT, 401, 2),
        ({"Authorization": "Bearer x"}, EVENT, 401, 3),
        (token("none"), EVENT, 403, 4),
        (token("tidings-disabled-token"), EVENT, 403, 1),
        ({}, f"{EVENT}?token=tidings-hec-token", 400, 16),
        (token("tidings-ack-token"), EVENT, 400, 10),
        ({**token("tidings-ack-token"), "X-Splunk-Request-Channel": "no"}, EVENT, 400, 11),
        (token("tidings-hec-token"), f"/services/collector/ack?channel={CHANNEL['X-Splunk-Request-Channel']}", 400, 14),
    ],
)
def test_a_request_that_may_not_is_refused_by_its_code(
    app: Splunk, headers: dict[str, str], path: str, status: int, code: int
) -> None:
    with serve(app) as url:
        answer = httpx2.post(f"{url}{path}", content=event("a"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert app.count() == 0


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"{nonsense", 6),
        (b'"text"', 6),
        (b'{"event":"x","host":7}', 6),
        (b'{"time":1}', 12),
        (b'{"event":""}', 13),
        (b'{"event":"x","fields":{"a":{"b":"c"}}}', 15),
        (b'{"event":"x","fields":{"a":7}}', 15),
        (b'{"event":"x","time":1.7e9}', 15),
        (b'{"event":"x","time":"yesterday"}', 15),
        (b'{"event":"x","index":"secret"}', 7),
    ],
)
def test_processing_stops_at_a_bad_event_and_what_came_before_is_stored(
    app: Splunk, client: httpx2.Client, bad: bytes, code: int
) -> None:
    answer = client.post(EVENT, content=b"\n".join([event("a"), event("b"), bad, event("c")]))
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["invalid-event-number"] == 2
    assert app.event_ids() == ["a", "b"]


def test_an_empty_body_is_no_data_and_a_large_one_is_413(app: Splunk, client: httpx2.Client) -> None:
    assert client.post(EVENT, content=b"").json()["code"] == 5
    app.options = Options(max_content_length=10)
    assert client.post(EVENT, content=event("a")).status_code == 413


def test_objects_may_follow_each_other_without_any_break_and_stand_at_the_short_path(
    app: Splunk, client: httpx2.Client
) -> None:
    body = event("a", fields={"x": ["1", "2"]}) + b' {"event":\n"text"}' + event("c")
    assert client.post("/services/collector", content=body).json()["code"] == 0
    assert [stored["event"] for stored in app.events()] == [{"event_id": "a"}, "text", {"event_id": "c"}]


def test_the_raw_path_takes_lines_of_a_channel(app: Splunk, client: httpx2.Client) -> None:
    path, lines = "/services/collector/raw?index=k8s&sourcetype=audit", "one\r\n\ntwo\u2028still two\n".encode()
    assert client.post(path, content=lines).json()["code"] == 10
    assert client.post(path, content=lines, headers=CHANNEL).json() == {"text": "Success", "code": 0}
    assert client.post(f"{path}&channel={CHANNEL['X-Splunk-Request-Channel']}", content=b"three").status_code == 200
    assert client.post("/services/collector/raw?index=secret", content=b"x", headers=CHANNEL).json()["code"] == 7
    assert [(stored["event"], stored["index"], stored["sourcetype"], stored["raw"]) for stored in app.events()] == [
        ("one", "k8s", "audit", True),
        ("two\u2028still two", "k8s", "audit", True),
        ("three", "k8s", "audit", True),
    ]


def test_acknowledgement_is_told_once_and_not_before_its_time(app: Splunk, client: httpx2.Client) -> None:
    headers = {**token("tidings-ack-token"), **CHANNEL}

    def ask(*numbers: int) -> dict[str, bool]:
        answer = client.post("/services/collector/ack", json={"acks": numbers}, headers=headers)
        acks: dict[str, bool] = answer.json()["acks"]
        return acks

    app.options = Options(ack_after=None)
    assert client.post(EVENT, content=event("a"), headers=headers).json()["ackId"] == 0
    assert client.post(EVENT, content=event("b"), headers=headers).json()["ackId"] == 1
    assert ask(0, 1, 9) == {"0": False, "1": False, "9": False}
    app.options = Options(ack_after=0.0)
    assert ask(0) == {"0": True}
    assert ask(0, 1) == {"0": False, "1": True}
    client.post(EVENT, content=event("c"), headers=headers)
    app.lose_acknowledgements()
    assert ask(2) == {"2": False}


def test_health_says_whether_events_are_taken_and_whether_the_token_is_good(app: Splunk, client: httpx2.Client) -> None:
    health = "/services/collector/health"
    assert client.get(health).json()["code"] == 17
    assert client.get(health, headers=token("none")).json()["code"] == 21
    assert client.get(health, headers=token("tidings-disabled-token")).json()["code"] == 22
    app.options = replace(app.options, unhealthy=18)
    assert client.get(health).status_code == 503
    busy = client.post(EVENT, content=event("a"))
    assert (busy.status_code, busy.json()["code"], app.count()) == (503, 9, 0)


def test_a_nearly_full_queue_warns_and_stores(app: Splunk, client: httpx2.Client) -> None:
    app.options = Options(warn=24)
    answer = client.post(EVENT, content=event("a"))
    assert (answer.status_code, answer.json()["code"], app.event_ids()) == (200, 24, ["a"])


def test_stored_events_can_be_looked_at(client: httpx2.Client) -> None:
    client.post(EVENT, content=event("a") + event("b"))
    page = client.get("/_standin/events?after=1&limit=5").json()
    assert page["count"] == 2
    assert [stored["event"]["event_id"] for stored in page["events"]] == ["b"]


def test_what_was_answered_survives_a_kill_of_its_process(tmp_path: Path) -> None:
    database = tmp_path / "splunk.db"
    with standin("splunk", database) as first:
        for number in range(5):
            answer = httpx2.post(first.url + EVENT, content=event(str(number)), headers=token("tidings-hec-token"))
            assert answer.status_code == 200
        first.kill()
    again = splunk.new_app(str(database))
    assert again.event_ids() == ["0", "1", "2", "3", "4"]
    again.close()

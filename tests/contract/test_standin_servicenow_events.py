"""The stand-in's Event Management behaves as the reference says (§1.7), looked at by ServiceNow's own client too."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pysnc
import pytest

from shared.local.standins import servicenow
from shared.local.standins.servicenow import ServiceNow
from tests.support.servers import new_certificate, serve

PATH = "/api/global/em/jsonv2"
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
EVENT = {"source": "k8s", "node": "n1", "type": "Pod", "resource": "api", "metric_name": "up", "severity": "1"}


@pytest.fixture
def app() -> Iterator[ServiceNow]:
    made = servicenow.new_app()
    yield made
    made.close()


@pytest.fixture
def client(app: ServiceNow) -> Iterator[httpx2.Client]:
    with serve(app) as url, httpx2.Client(base_url=url, auth=("tidings", "tidings"), headers=JSON) as made:
        yield made


def post(client: httpx2.Client, *records: Any) -> Any:
    answer = client.post(PATH, json={"records": records})
    assert answer.status_code == 200
    return answer.json()


def alerts(app: ServiceNow) -> list[tuple[str, str, str]]:
    return [(row["message_key"], row["state"], row["event_count"]) for row in app.records("em_alert")]


def test_one_message_key_has_one_alert_that_a_clear_closes_and_a_new_event_reopens(
    client: httpx2.Client, app: ServiceNow
) -> None:
    assert post(client, {**EVENT, "message_key": "a"}) == {
        "result": {"Default Bulk Endpoint": "1 events were inserted"}
    }
    post(client, {**EVENT, "message_key": "a", "severity": "2"}, {**EVENT, "message_key": "b"})
    assert alerts(app) == [("a", "Open", "2"), ("b", "Open", "1")]
    post(client, {**EVENT, "message_key": "a", "severity": "0"})
    post(client, {**EVENT, "message_key": "b", "resolution_state": "Closing"})
    assert [state for _, state, _ in alerts(app)] == ["Closed", "Closed"]
    post(client, {**EVENT, "message_key": "a"})
    assert alerts(app)[0] == ("a", "Reopen", "4")
    assert app.records("em_alert")[0]["number"].startswith("Alert00")


def test_the_first_page_shows_alerts_and_security_incidents_too(client: httpx2.Client, app: ServiceNow) -> None:
    assert "Alerts" not in client.get("/").text
    post(client, {**EVENT, "message_key": "a", "description": "<b>full</b>\nmore"})
    app.insert("sn_si_incident", {"short_description": "a shell"})
    text = client.get("/").text
    assert "<td>Open</td><td>&lt;b&gt;full&lt;/b&gt;</td>" in text
    assert "<td>a shell</td>" in text


def test_the_link_to_an_alert_opens_its_page_and_no_other_ones(client: httpx2.Client) -> None:
    post(client, {**EVENT, "message_key": "a", "description": "<b>full</b>"}, {**EVENT, "message_key": "b"})
    shown = client.get("/em_alert_list.do", params={"sysparm_query": "message_key=a"})
    assert shown.headers["content-type"].startswith("text/html")
    assert "<th>message key</th><td>a</td>" in shown.text
    assert "<pre>&lt;b&gt;full&lt;/b&gt;</pre>" in shown.text
    assert "<td>b</td>" not in shown.text
    assert "No records" in client.get("/em_alert_list.do?sysparm_query=message_key%3Dnone").text
    every = client.get("/em_alert_list.do").text
    assert "<td>a</td>" in every
    assert "<td>b</td>" in every


@pytest.mark.parametrize("query", ["^OR" * 3000, "message_keyLIKEa^" * 3000, "^NQmessage_key=a" * 2000, "\0", "%"])
def test_a_query_for_alerts_that_nobody_would_write_is_answered_too(client: httpx2.Client, query: str) -> None:
    assert client.get("/em_alert_list.do", params={"sysparm_query": query}).status_code in {200, 431, 500}


def test_without_a_message_key_what_is_affected_makes_one(client: httpx2.Client, app: ServiceNow) -> None:
    post(client, EVENT, EVENT, {**EVENT, "resource": "db"})
    assert [key for key, _, _ in alerts(app)] == ["k8sn1Podapiup", "k8sn1Poddbup"]


def test_a_clear_of_what_is_not_known_makes_no_alert(client: httpx2.Client, app: ServiceNow) -> None:
    post(client, {**EVENT, "severity": "0"})
    assert alerts(app) == []
    assert len(app.records("em_event")) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {**EVENT, "additional_info": {"a": "b"}},
        {**EVENT, "additional_info": "no JSON"},
        {**EVENT, "additional_info": '{"a": 1}'},
        {**EVENT, "severity": "9"},
        {**EVENT, "resolution_state": "Closed"},
        {**EVENT, "time_of_event": "2026-03-01T08:01:00Z"},
        {"node": "n", "severity": "1"},
        {"source": "s", "severity": "1"},
        "text",
    ],
)
def test_a_record_that_fails_does_so_alone_under_status_200(
    client: httpx2.Client, app: ServiceNow, broken: Any
) -> None:
    records = post(client, {**EVENT, "message_key": "a"}, broken, {**EVENT, "message_key": "c"})["records"]
    assert [one["__status"] for one in records] == ["success", "failure", "success"]
    assert [key for key, _, _ in alerts(app)] == ["a", "c"]


def test_unknown_fields_fall_away_and_long_ones_are_cut(client: httpx2.Client, app: ServiceNow) -> None:
    post(client, {**EVENT, "u_mine": "x", "node": "n" * 200, "description": "d" * 5000})
    (row,) = app.records("em_event")
    assert "u_mine" not in row
    assert (len(row["node"]), len(row["description"])) == (100, 4000)


def test_gzip_is_taken_and_who_has_no_role_is_refused(client: httpx2.Client, app: ServiceNow) -> None:
    body = gzip.compress(json.dumps({"records": [EVENT]}).encode())
    assert client.post(PATH, content=body, headers={"Content-Encoding": "gzip"}).status_code == 200
    assert len(alerts(app)) == 1
    assert client.post(PATH, json={"records": [EVENT]}, auth=("viewer", "viewer")).status_code == 403
    assert client.post(PATH, json={"records": []}).status_code == 400
    assert client.get(PATH).status_code == 405


def test_servicenows_own_client_reads_the_alert(
    app: ServiceNow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(app) as url:
        httpx2.post(url + PATH, json={"records": [{**EVENT, "message_key": "a"}]}, auth=("tidings", "tidings"))
    certificate = new_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # pysnc takes https only
    with serve(app, certificate) as url:
        session = pysnc.ServiceNowClient(url, ("tidings", "tidings"), auto_retry=False)
        record = session.GlideRecord("em_alert")
        record.add_query("message_key", "a")
        record.query()
        assert record.next()
        assert (record.get_value("severity"), record.get_value("state")) == ("1", "Open")
        session.session.close()

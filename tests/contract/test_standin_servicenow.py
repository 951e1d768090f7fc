"""The ServiceNow stand-in behaves as the reference says, driven by ServiceNow's own client and by plain HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pysnc
import pytest
from pysnc.auth import ServiceNowClientCredentialsFlow

from shared.local.standins import servicenow
from shared.local.standins.servicenow import Options, ServiceNow
from tests.support.servers import new_certificate, serve

JSON = {"Accept": "application/json", "Content-Type": "application/json"}


@pytest.fixture
def app() -> Iterator[ServiceNow]:
    made = servicenow.new_app()
    yield made
    made.close()


@pytest.fixture
def client(app: ServiceNow) -> Iterator[httpx2.Client]:
    with serve(app) as url, httpx2.Client(base_url=url, auth=("tidings", "tidings"), headers=JSON) as made:
        yield made


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = new_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made))  # pysnc takes https only, and its OAuth flow no `verify`
    return made


def create(client: httpx2.Client, **values: object) -> dict[str, Any]:
    answer = client.post("/api/now/table/incident", json=values)
    assert answer.status_code == 201
    result: dict[str, Any] = answer.json()["result"]
    return result


def find(client: httpx2.Client, query: str, **parameters: str) -> list[dict[str, Any]]:
    answer = client.get("/api/now/table/incident", params={"sysparm_query": query, **parameters})
    assert answer.status_code == 200
    result: list[dict[str, Any]] = answer.json()["result"]
    return result


def test_servicenows_own_client_creates_finds_and_updates_an_incident(app: ServiceNow, certificate: Path) -> None:
    with serve(app, certificate) as url:
        client = pysnc.ServiceNowClient(url, ("tidings", "tidings"), auto_retry=False)
        record = client.GlideRecord("incident")
        record.initialize()
        record.short_description = "Deployment shop/api is unavailable"
        record.correlation_id = "k8s-1"
        record.impact = "1"
        record.urgency = "2"
        sys_id = record.insert()
        assert sys_id
        assert record.get_value("priority") == "2"

        found = client.GlideRecord("incident")
        found.add_query("correlation_id", "k8s-1")
        found.add_query("state", "!=", "7").add_or_condition("state", "1")
        found.query()
        assert found.get_row_count() == 1
        assert found.next()
        assert found.get_display_value("state") == "New"
        found.state = "2"
        found.work_notes = "looking into it"
        assert found.update()

        again = client.GlideRecord("incident")
        assert again.get(sys_id)
        assert again.get_value("state") == "2"
        missing = client.GlideRecord("incident")
        assert not missing.get("correlation_id", "k8s-none")
        client.session.close()
    assert [entry["value"] for entry in app.journal(sys_id)] == ["looking into it"]


def test_servicenows_own_client_takes_an_oauth_token_by_client_credentials(app: ServiceNow, certificate: Path) -> None:
    with serve(app, certificate) as url:
        flow = ServiceNowClientCredentialsFlow("tidings-client", "tidings-secret")
        client = pysnc.ServiceNowClient(url, flow, auto_retry=False)
        record = client.GlideRecord("sys_user_group")
        record.add_query("name", "Network")
        record.query()
        assert record.get_row_count() == 1
        client.session.close()


def test_a_created_record_has_number_location_and_computed_priority(client: httpx2.Client) -> None:
    answer = client.post("/api/now/table/incident", json={"impact": "2", "urgency": 1, "nonsense": "x", "sys_id": "me"})
    result = answer.json()["result"]
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(f"/api/now/table/incident/{result['sys_id']}")
    assert result["number"].startswith("INC00")
    assert (result["priority"], result["state"], result["active"]) == ("2", "1", "true")
    assert "nonsense" not in result
    assert result["sys_id"] != "me"
    assert result["opened_by"]["link"].endswith(result["opened_by"]["value"])
    assert all(isinstance(value, str | dict) for value in result.values())


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [("1", "1", "1"), ("1", "3", "3"), ("2", "2", "3"), ("3", "1", "3"), ("2", "3", "4"), ("3", "3", "5")],
)
def test_priority_follows_the_matrix(client: httpx2.Client, impact: str, urgency: str, priority: str) -> None:
    assert create(client, impact=impact, urgency=urgency, priority="1")["priority"] == priority


def test_encoded_queries_select_order_and_page(client: httpx2.Client) -> None:
    for number in range(5):
        create(client, correlation_id=f"k8s-{number}", short_description=f"Pod {number} fails", state="2")
    create(client, correlation_id="other", short_description="Something else")
    ids = [row["correlation_id"] for row in find(client, "correlation_idSTARTSWITHk8s-^ORDERBYDESCcorrelation_id")]
    assert ids == ["k8s-4", "k8s-3", "k8s-2", "k8s-1", "k8s-0"]
    assert len(find(client, "correlation_idINk8s-1,k8s-2^ORcorrelation_id=other")) == 3
    assert len(find(client, "correlation_id=k8s-1^NQcorrelation_id=other^state=1")) == 2
    assert len(find(client, "short_descriptionLIKEFAILS^correlation_id!=k8s-0")) == 4
    assert len(find(client, "stateNOT IN6,7,8^state=2")) == 5
    answer = client.get(
        "/api/now/table/incident",
        params={
            "sysparm_query": "ORDERBYnumber",
            "sysparm_limit": "2",
            "sysparm_offset": "2",
            "sysparm_fields": "number,x",
        },
    )
    assert answer.headers["x-total-count"] == "6"
    assert 'rel="next"' in answer.headers["link"]
    assert [set(row) for row in answer.json()["result"]] == [{"number"}, {"number"}]


def test_an_unknown_field_or_operator_is_dropped_in_silence_and_unrelated_rows_come_back(
    app: ServiceNow, client: httpx2.Client
) -> None:
    create(client, correlation_id="a")
    create(client, correlation_id="b")
    assert len(find(client, "corelation_id=a")) == 2
    assert len(find(client, "correlation_id~a^state=1")) == 2
    app.options = replace(app.options, invalid_query_returns_no_rows=True)
    assert find(client, "corelation_id=a") == []


def test_no_match_is_an_empty_list_and_in_version_1_a_404(client: httpx2.Client) -> None:
    parameters = {"sysparm_query": "correlation_id=none"}
    assert client.get("/api/now/v2/table/incident", params=parameters).json() == {"result": []}
    old = client.get("/api/now/v1/table/incident", params=parameters)
    assert (old.status_code, old.json()["status"]) == (404, "failure")


def test_resolving_needs_a_close_code_and_notes(client: httpx2.Client) -> None:
    sys_id = create(client, correlation_id="a")["sys_id"]
    refused = client.patch(f"/api/now/table/incident/{sys_id}", json={"state": "6"})
    assert refused.status_code == 403
    assert refused.json()["error"]["message"] == "Operation Failed"
    assert "Close code" in refused.json()["error"]["detail"]
    done = client.patch(
        f"/api/now/table/incident/{sys_id}",
        json={"state": "6", "close_code": "Solution provided", "close_notes": "over"},
    )
    assert done.status_code == 200
    assert done.json()["result"]["resolved_at"]
    reopened = client.patch(f"/api/now/table/incident/{sys_id}", json={"state": "2"}).json()["result"]
    assert (reopened["resolved_at"], reopened["reopen_count"]) == ("", "1")
    closing = {"state": "7", "close_code": "Solution provided", "close_notes": "over"}
    assert client.patch(f"/api/now/table/incident/{sys_id}", json=closing).status_code == 403


def test_journal_fields_append_and_read_back_empty(app: ServiceNow, client: httpx2.Client) -> None:
    record = create(client, work_notes="first")
    client.patch(f"/api/now/table/incident/{record['sys_id']}", json={"work_notes": "again"})
    client.patch(f"/api/now/table/incident/{record['sys_id']}", json={"work_notes": "again"})
    assert client.get(f"/api/now/table/incident/{record['sys_id']}").json()["result"]["work_notes"] == ""
    assert [entry["value"] for entry in app.journal(record["sys_id"])] == ["first", "again", "again"]


def test_a_correlation_id_may_repeat_unless_an_administrator_made_it_unique(
    app: ServiceNow, client: httpx2.Client
) -> None:
    create(client, correlation_id="a")
    create(client, correlation_id="a")
    app.options = Options(unique_correlation_id=True)
    refused = client.post("/api/now/table/incident", json={"correlation_id": "a"})
    assert refused.status_code == 403
    assert "Unique Key violation" in refused.json()["error"]["detail"]


def test_references_show_as_link_plain_or_display_value(client: httpx2.Client) -> None:
    group = client.get("/api/now/table/sys_user_group", params={"sysparm_query": "name=Network"}).json()["result"][0]
    sys_id = create(client, assignment_group=group["sys_id"])["sys_id"]
    path = f"/api/now/table/incident/{sys_id}"

    def shown(**parameters: str) -> object:
        return client.get(path, params=parameters).json()["result"]["assignment_group"]

    assert shown(sysparm_exclude_reference_link="true") == group["sys_id"]
    assert shown(sysparm_display_value="true", sysparm_exclude_reference_link="true") == "Network"
    linked = shown()
    assert isinstance(linked, dict)
    assert linked["value"] == group["sys_id"]
    assert len(find(client, "assignment_group.name=Network")) == 1


def test_who_may_do_what(app: ServiceNow, client: httpx2.Client) -> None:
    path = "/api/now/table/incident"
    bare = httpx2.Client(base_url=client.base_url, headers=JSON)
    with bare:
        assert bare.get(path).json() == {
            "error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"},
            "status": "failure",
        }
        assert bare.get(path).status_code == 401
        assert bare.get(path, auth=("tidings", "wrong")).status_code == 401
        assert bare.post(path, json={}, auth=("viewer", "viewer")).status_code == 403
        assert bare.get(path, auth=("viewer", "viewer")).status_code == 200
        assert bare.get(path, headers={"Authorization": "Bearer tidings-token"}).status_code == 200
        assert bare.get(path, headers={"x-sn-apikey": "tidings-api-key"}).status_code == 200
        assert bare.get(path, headers={"x-sn-apikey": "tidings-token"}).status_code == 401
        assert bare.get(path, headers={"Authorization": "Bearer tidings-api-key"}).status_code == 401
        form = {"grant_type": "password", "client_id": "tidings-client", "client_secret": "tidings-secret"}
        encoded = {"Content-Type": "application/x-www-form-urlencoded"}
        good = bare.post(
            "/oauth_token.do", data={**form, "username": "tidings", "password": "tidings"}, headers=encoded
        )
        assert (good.json()["token_type"], good.json()["expires_in"]) == ("Bearer", 1800)
        bearer = {"Authorization": f"Bearer {good.json()['access_token']}"}
        assert bare.get(path, headers=bearer).status_code == 200
        app.revoke_tokens()
        assert bare.get(path, headers=bearer).status_code == 401
        assert bare.post("/oauth_token.do", data={**form, "username": "x"}, headers=encoded).status_code == 401


def test_unfit_requests_get_the_documented_status(client: httpx2.Client) -> None:
    path = "/api/now/table/incident"
    assert client.post(path, content=b"{", headers=JSON).status_code == 400
    assert client.post(path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.get(path, headers={"Accept": "text/csv"}).status_code == 406
    assert client.put(path, json={}).status_code == 405
    assert client.get("/api/now/table/u_none").status_code == 400
    assert client.get(f"{path}/{'0' * 32}").json()["error"]["message"] == "No Record found"
    assert client.patch(f"{path}/{'0' * 32}", json={}).status_code == 404
    del client.headers["accept"]
    assert client.get(path, headers={"Accept": ""}).status_code == 400


def test_the_hourly_limit_answers_429_with_reset_and_retry_after(app: ServiceNow, client: httpx2.Client) -> None:
    app.options = Options(requests_per_hour=2)
    first = client.get("/api/now/table/incident")
    assert (first.status_code, first.headers["x-ratelimit-limit"]) == (200, "2")
    client.get("/api/now/table/incident")
    over = client.get("/api/now/table/incident")
    assert over.status_code == 429
    assert 0 < int(over.headers["retry-after"]) <= 3600
    assert int(over.headers["x-ratelimit-reset"]) % 3600 == 0
    assert over.json()["error"]["message"] == "Rate limit exceeded"


def test_a_hibernating_instance_answers_200_with_a_page(app: ServiceNow, client: httpx2.Client) -> None:
    app.options = Options(hibernating=True)
    answer = client.get("/api/now/table/incident")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_a_ticket_can_be_read_in_a_browser_and_nothing_in_it_is_markup(client: httpx2.Client) -> None:
    record = create(client, short_description="<script>alert(1)</script>", work_notes="a <b> note")
    page = client.get(f"/nav_to.do?uri=incident.do%3Fsys_id%3D{record['sys_id']}")
    assert page.status_code == 200
    assert record["number"] in page.text
    assert "<script>" not in page.text
    assert "a &lt;b&gt; note" in page.text
    assert record["number"] in client.get("/").text


def test_it_works_below_a_path_prefix(app: ServiceNow) -> None:
    with serve({"/standins/servicenow": app}) as url:
        base = f"{url}/standins/servicenow"
        answer = httpx2.post(f"{base}/api/now/table/incident", json={}, headers=JSON, auth=("tidings", "tidings"))
        assert answer.headers["location"].startswith(f"{base}/api/now/table/incident/")

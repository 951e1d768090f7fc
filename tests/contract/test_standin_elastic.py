"""The stand-in of Elasticsearch and OpenSearch behaves as the reference says, driven by both products' own clients.

What a real OpenSearch answers to the same requests is compared in tests/servers.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from elasticsearch import ApiError, AuthenticationException, ConflictError, Elasticsearch, UnsupportedProductError
from elasticsearch import helpers as elastic_helpers
from opensearchpy import OpenSearch
from opensearchpy import exceptions as opensearch_errors
from opensearchpy import helpers as opensearch_helpers

from shared.local.standins import elastic
from shared.local.standins.elastic import ACCOUNTS, Elastic, Options
from shared.local.standins.faults import Rule
from tests.support.documents import INDEX, KEY, line
from tests.support.servers import serve, standin

LOGIN = ("elastic", "changeme")
LINES = {"content-type": "application/x-ndjson", "authorization": f"ApiKey {KEY}"}
SETUP = Path(__file__).parents[2] / "functions" / "elastic_forwarder" / "setup"


@pytest.fixture
def app() -> Iterator[Elastic]:
    made = elastic.new_app()
    yield made
    made.close()


@pytest.fixture
def url(app: Elastic) -> Iterator[str]:
    with serve(app) as base:
        yield base


@pytest.fixture
def theirs(url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(url, basic_auth=LOGIN, retry_on_timeout=False, max_retries=0) as client:
        yield client


@pytest.fixture
def opensearch(app: Elastic, url: str) -> Iterator[OpenSearch]:
    app.options = Options(product="opensearch")
    client = OpenSearch(url, http_auth=LOGIN, max_retries=0)
    yield client
    client.close()


def actions(*names: str, **members: Any) -> list[dict[str, Any]]:
    source = {"@timestamp": "2026-03-01T12:00:00Z", "message": "a", **members}
    return [{"_op_type": "create", "_index": INDEX, "_id": name, **source} for name in names]


def test_elasticsearchs_bulk_helper_creates_documents_and_tells_of_those_that_failed(
    app: Elastic, theirs: Elasticsearch
) -> None:
    assert elastic_helpers.bulk(theirs, actions("a", "b")) == (2, [])
    app.failures = {"d": [429], "e": [400]}
    created, failed = elastic_helpers.bulk(theirs, actions("b", "c", "d", "e"), raise_on_error=False)
    assert created == 1
    assert isinstance(failed, list)
    assert [(one["create"]["_id"], one["create"]["status"]) for one in failed] == [("b", 409), ("d", 429), ("e", 400)]
    assert [one["create"]["error"]["type"] for one in failed] == [
        "version_conflict_engine_exception",
        "es_rejected_execution_exception",
        "document_parsing_exception",
    ]
    assert app.ids() == ["a", "b", "c"]


def test_elasticsearchs_streaming_helper_sends_again_only_what_was_refused_for_now(
    app: Elastic, theirs: Elasticsearch
) -> None:
    app.failures = {"b": [429], "d": [429]}
    told = elastic_helpers.streaming_bulk(
        theirs, actions("a", "b", "c", "d"), max_retries=2, initial_backoff=0.01, raise_on_error=False
    )
    assert [good for good, _ in told] == [True] * 4
    assert sorted(app.ids()) == ["a", "b", "c", "d"]
    assert app.faults.count(operation="bulk") == 2


def test_elasticsearchs_client_finds_what_it_made(theirs: Elasticsearch) -> None:
    assert theirs.info()["version"]["number"] == "8.17.0"
    theirs.create(index=INDEX, id="a", document={"@timestamp": "2026-03-01T12:00:00Z", "event": {"kind": "alert"}})
    with pytest.raises(ConflictError):
        theirs.create(index=INDEX, id="a", document={"@timestamp": "2026-03-01T12:00:00Z"})
    theirs.indices.refresh(index=INDEX)
    assert theirs.count(index=INDEX)["count"] == 1
    assert theirs.count(index=INDEX, query={"term": {"event.kind": "event"}})["count"] == 0
    (hit,) = theirs.search(index=INDEX, query={"term": {"event.kind": "alert"}})["hits"]["hits"]
    assert hit["_id"] == "a"
    with pytest.raises(ApiError, match="unknown query"):
        theirs.search(index=INDEX, query={"fuzzy": {"message": "a"}})


def test_elasticsearchs_client_puts_the_shipped_files_and_rolls_over(app: Elastic, theirs: Elasticsearch) -> None:
    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((SETUP / name).read_text(encoding="utf-8"))
        return found

    theirs.ilm.put_lifecycle(name="tidings", policy=read("ilm-policy.json")["policy"])
    assert "tidings" in theirs.ilm.get_lifecycle(name="tidings")
    template = read("index-template.json")
    with pytest.raises(ApiError, match="do not exist"):
        theirs.indices.put_index_template(name="tidings", **template_arguments(template))
    for name, file in (("tidings-mappings", "mappings.json"), ("tidings-settings", "settings-elasticsearch.json")):
        theirs.cluster.put_component_template(name=name, template=read(file)["template"])
    theirs.indices.put_index_template(name="tidings", **template_arguments(template))
    theirs.indices.create_data_stream(name=INDEX)
    assert elastic_helpers.bulk(theirs, actions("a"))[0] == 1
    assert theirs.indices.rollover(alias=INDEX)["rolled_over"]
    assert elastic_helpers.bulk(theirs, actions("a"))[0] == 1
    (stream,) = theirs.indices.get_data_stream(name=INDEX)["data_streams"]
    assert len(stream["indices"]) == 2
    assert app.ids() == ["a", "a"], "unique within one backing index"


def template_arguments(template: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in template.items() if name != "_meta"}


def test_elasticsearchs_client_refuses_what_does_not_say_that_it_is_elasticsearch(app: Elastic, url: str) -> None:
    app.options = Options(product="opensearch")
    with Elasticsearch(url, basic_auth=LOGIN) as client, pytest.raises(UnsupportedProductError):
        client.info()


def test_a_key_serves_and_a_wrong_one_does_not(app: Elastic, url: str) -> None:
    with Elasticsearch(url, api_key=KEY) as client:
        assert elastic_helpers.bulk(client, actions("a")) == (1, [])
        assert client.security.has_privileges(index=[{"names": [INDEX], "privileges": ["create_doc", "delete"]}])[
            "index"
        ][INDEX] == {"create_doc": True, "delete": False}
        with pytest.raises(ApiError, match="unauthorized"):
            client.search(index=INDEX)
    for wrong in (("tidings", "wrong"), ("nobody", "tidings-api-key"), ("elastic", "changeme")):
        with Elasticsearch(url, api_key=wrong) as client, pytest.raises(AuthenticationException):
            client.info()
    assert app.ids() == ["a"]


def test_opensearchs_bulk_helper_creates_documents_and_tells_of_those_that_failed(
    app: Elastic, opensearch: OpenSearch
) -> None:
    assert opensearch.info()["version"]["distribution"] == "opensearch"
    opensearch.indices.put_index_template("logs", {"index_patterns": ["logs-*"], "data_stream": {}})
    assert opensearch_helpers.bulk(opensearch, actions("a", "b")) == (2, [])
    created, failed = opensearch_helpers.bulk(opensearch, actions("b", "c"), raise_on_error=False)
    assert (created, len(failed)) == (1, 1)
    streamed = opensearch_helpers.streaming_bulk(opensearch, actions("d", "e"))
    assert all(good is not False for good, _ in streamed)
    assert app.streams() == [INDEX]
    assert opensearch.count(index=INDEX)["count"] == 5
    with pytest.raises(opensearch_errors.RequestError):
        opensearch.index(index=INDEX, body={"@timestamp": "2026-03-01T12:00:00Z"})
    with pytest.raises(opensearch_errors.NotFoundError):
        opensearch.indices.get_data_stream("nothing")


def test_opensearch_has_no_template_of_its_own_and_makes_an_index(app: Elastic, opensearch: OpenSearch) -> None:
    assert opensearch_helpers.bulk(opensearch, actions("a")) == (1, [])
    assert app.streams() == []
    assert app.documents()[0].index == INDEX


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer x"}, 401),
        ({"authorization": "ApiKey %%%"}, 401),
        ({"authorization": f"ApiKey {ACCOUNTS[2].encoded}"}, 403),
        ({"authorization": f"ApiKey {KEY}"}, 200),
    ],
)
def test_who_may_not_is_told_in_the_products_own_form(url: str, headers: dict[str, str], status: int) -> None:
    answer = httpx2.get(url, headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"]["type"] == "security_exception"
        assert answer.json()["status"] == status
    assert answer.headers["x-elastic-product"] == "Elasticsearch"


def test_a_body_may_be_compressed_must_name_its_form_and_be_small_enough(app: Elastic, url: str) -> None:
    body = line("a") + b"\n"
    good = httpx2.post(f"{url}/_bulk", content=gzip.compress(body), headers={**LINES, "content-encoding": "gzip"})
    assert (good.status_code, app.ids()) == (200, ["a"])
    broken = httpx2.post(f"{url}/_bulk", content=body, headers={**LINES, "content-encoding": "gzip"})
    assert broken.status_code == 400
    nameless = httpx2.post(f"{url}/_bulk", content=body, headers={**LINES, "content-type": "text/plain"})
    assert nameless.status_code == 406
    app.options = replace(app.options, max_content_length=10)
    assert httpx2.post(f"{url}/_bulk", content=body, headers=LINES).status_code == 413
    app.options = replace(app.options, max_content_length=1000)
    long = gzip.compress(body * 100)
    assert len(long) < 1000 < len(body * 100)
    assert httpx2.post(f"{url}/_bulk", content=long, headers={**LINES, "content-encoding": "gzip"}).status_code == 413
    app.options = replace(app.options, max_content_length=1000, pressure=10)
    assert httpx2.post(f"{url}/_bulk", content=body, headers=LINES).status_code == 429


def test_stored_documents_and_failing_items_can_be_set_from_outside(app: Elastic, url: str) -> None:
    httpx2.put(f"{url}/_standin/failures", json={"a": [503]})
    told = httpx2.post(f"{url}/_bulk", content=line("a") + b"\n" + line("b") + b"\n", headers=LINES).json()
    assert [item["create"]["status"] for item in told["items"]] == [503, 201]
    assert httpx2.get(f"{url}/_standin/ids").json() == {"count": 1, "ids": ["b"]}
    page = httpx2.get(url, headers={"accept": "text/html"})
    assert "1 document" in page.text
    app.faults.add(Rule("html", operation="bulk"))
    assert "<html>" in httpx2.post(f"{url}/_bulk", content=b"", headers=LINES).text


def test_what_was_answered_survives_a_kill_of_its_process(tmp_path: Path) -> None:
    database = tmp_path / "elastic.db"
    with standin("elastic", database) as first:
        for number in range(5):
            body = line(str(number)) + b"\n"
            assert httpx2.post(f"{first.url}/_bulk", content=body, headers=LINES).json()["errors"] is False
        first.kill()
    again = elastic.new_app(str(database))
    assert again.ids() == ["0", "1", "2", "3", "4"]
    assert again.streams() == [INDEX]
    again.close()

"""elastic_forwarder's client against a real OpenSearch: what the reference says of `_bulk` is what happens."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from functions.elastic_forwarder.handler import new
from functions.elastic_forwarder.settings import MAPPING
from shared.delivery.mapping import Mapping, load_mapping
from shared.destinations.elastic.client import ElasticClient
from shared.destinations.elastic.record import Document, document, written
from shared.events.model import Classified
from shared.events.outcome import Done, Duplicate, Outcome, Rejected, Retry
from shared.local.standins.elastic.fields import flattened
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics
from tests.support.documents import INDEX, line, with_elastic
from tests.support.opensearch.server import PRESSURE, OpenSearch
from tests.support.opensearch.setup import put_templates
from tests.support.records import classified, classified_event
from tests.support.specimens import decoded, specimens

T = TypeVar("T")


@pytest.fixture(scope="module", autouse=True)
def _templates(opensearch: OpenSearch) -> None:
    put_templates(opensearch.url)


def send(opensearch: OpenSearch, *records: bytes) -> list[Outcome]:
    return with_elastic(opensearch.url, lambda client: client.send(records), seconds=10)


def use(opensearch: OpenSearch, work: Callable[[ElasticClient], Awaitable[T]]) -> T:
    return with_elastic(opensearch.url, work, seconds=10)


def test_a_document_is_there_once_however_often_it_comes(opensearch: OpenSearch) -> None:
    assert send(opensearch, line("once-a"), line("once-b")) == [Done(), Done()]
    assert send(opensearch, line("once-b"), line("once-c")) == [Duplicate(), Done()]
    assert [one for one in opensearch.ids(INDEX) if one.startswith("once")] == ["once-a", "once-b", "once-c"]


def test_a_copy_after_a_rollover_is_there_twice_with_the_same_event_id(opensearch: OpenSearch) -> None:
    """The limit that docs/destinations/elastic.md names."""
    index = "logs-k8s.rolled-default"
    assert send(opensearch, line("a", index)) == [Done()]
    told = opensearch.ask("POST", f"/{index}/_rollover")
    assert told["rolled_over"]
    assert send(opensearch, line("a", index), line("b", index)) == [Done(), Done()]
    assert opensearch.ids(index) == ["a", "a", "b"]
    (stream,) = opensearch.ask("GET", f"/_data_stream/{index}")["data_streams"]
    assert [one["index_name"][-6:] for one in stream["indices"]] == ["000001", "000002"]


def test_f18_f58_documents_that_do_not_parse_are_rejected_alone(opensearch: OpenSearch) -> None:
    """Both rows against the real thing.

    F18: bulk: 3 of 10 items fail (Elastic): only failed retried; poison item rejected alone. F58: one poison event in a
    bulk call shared by several requests; it alone is rejected.
    """
    index = "logs-k8s.poison-default"
    records = [line(f"p-{number}", index) for number in range(10)]
    records[2] = line("p-2", index, orchestrator="no object")
    records[5] = line("p-5", index, **{"@timestamp": "yesterday"})
    records[9] = line("p-9", "Logs-K8s")
    outcomes = send(opensearch, *records)
    assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)] == [2, 5, 9]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Rejected)] == [Done()] * 7
    assert len(opensearch.ids(index)) == 7


def test_a_number_or_address_that_is_none_does_not_cost_the_document(opensearch: OpenSearch) -> None:
    """The shipped template ignores what is malformed: the event is worth more than the field."""
    index = "logs-k8s.lenient-default"
    assert send(opensearch, line("a", index, source={"ip": "no address"}, tidings={"count": "many"})) == [Done()]
    (hit,) = opensearch_hits(opensearch, index)
    assert hit["_source"]["source"]["ip"] == "no address"


def opensearch_hits(opensearch: OpenSearch, index: str) -> list[dict[str, Any]]:
    opensearch.ask("POST", f"/{index}/_refresh")
    found: list[dict[str, Any]] = opensearch.ask("GET", f"/{index}/_search")["hits"]["hits"]
    return found


def test_f18_what_a_full_disk_keeps_out_is_held_back_and_arrives_afterwards(opensearch: OpenSearch) -> None:
    """F18: bulk: 3 of 10 items fail (Elastic): only failed retried; here: those of one data stream of two."""
    full = "logs-k8s.full-default"
    assert send(opensearch, line("a", full)) == [Done()]
    block = {"index.blocks.read_only_allow_delete": True}
    opensearch.ask("PUT", f"/{full}/_settings", block)
    busy = Retry("the cluster is busy")
    assert send(opensearch, line("b", full), line("free"), line("c", full)) == [busy, Done(), busy]
    opensearch.ask("PUT", f"/{full}/_settings", dict.fromkeys(block))
    assert send(opensearch, line("b", full), line("free"), line("c", full)) == [Done(), Duplicate(), Done()]
    assert opensearch.ids(full) == ["a", "b", "c"]


def test_a_request_that_presses_too_much_goes_again_in_halves(opensearch: OpenSearch) -> None:
    index = "logs-k8s.pressed-default"
    records = [line(str(number), index, message="x" * (PRESSURE // 15)) for number in range(20)]
    assert sum(map(len, records)) > PRESSURE
    assert send(opensearch, *records) == [Done()] * 20
    assert len(opensearch.ids(index)) == 20


def test_a_document_that_presses_too_much_by_itself_is_held_back(opensearch: OpenSearch) -> None:
    outcomes = send(opensearch, line("big", message="x" * PRESSURE))
    assert outcomes == [Retry("the cluster is busy")]


def test_items_that_a_pipeline_answers_out_of_order_are_matched_by_their_identity(opensearch: OpenSearch) -> None:
    """Two pipelines in one request: those whose documents fail are answered in the order of the pipelines."""
    for name in ("piped-a", "piped-b"):
        processor = {"fail": {"if": "ctx.message == 'bad'", "message": "no"}}
        opensearch.ask("PUT", f"/_ingest/pipeline/{name}", {"processors": [processor]})
        opensearch.ask("PUT", f"/{name}", {"settings": {"index.default_pipeline": name}})
    bad = {1, 4}
    records = [
        line(f"p-{at}", "piped-b" if at % 2 else "piped-a", message="bad" if at in bad else "good") for at in range(10)
    ]

    async def work(client: ElasticClient) -> tuple[list[str], list[Outcome]]:
        content = b"\n".join(records) + b"\n"
        answer: Any = await client.request("POST", "/_bulk", content, seconds=10, documents=1)
        return [item["create"]["_id"] for item in answer.json["items"]], await client.send(records)

    order, outcomes = use(opensearch, work)
    assert order != [f"p-{at}" for at in range(10)], "else this shows nothing"
    assert {at for at, outcome in enumerate(outcomes) if outcome == Duplicate()} == set(range(10)) - bad
    assert {outcomes[at] for at in bad} == {Retry("the cluster is busy")}, "theirs to mend, and until then held"
    assert len(opensearch.ids("piped-a") + opensearch.ids("piped-b")) == 8


def test_a_body_that_is_refused_whole_keeps_its_error_whatever_the_answer_is_filtered_by(
    opensearch: OpenSearch,
) -> None:
    records = [line("w-1"), line("x" * 600), line("w-2")]
    outcomes = send(opensearch, *records)
    assert [type(outcome) for outcome in outcomes] == [Done, Rejected, Done]


def test_five_hundred_observations_at_once_are_five_hundred_documents(opensearch: OpenSearch) -> None:
    index = "logs-k8s.many-default"
    names = [f"id-{number}" for number in range(500)]

    async def work() -> list[Outcome]:
        environ = {"ELASTIC_URL": opensearch.url, "ELASTIC_API_KEY": "not:asked", "ELASTIC_INDEX": index}
        function = new(environ, Metrics())
        await function.start()
        try:
            deadline = asyncio.get_running_loop().time() + 20
            events = [classified_event(classified(name)) for name in names]
            results = await asyncio.gather(*(function.handle(event, Call(deadline)) for event in events))
            return [result.outcome for result in results]
        finally:
            await function.stop()

    assert asyncio.run(work()) == [Done()] * 500
    assert opensearch.ids(index) == sorted(names)


def test_doctor_finds_the_product_the_data_stream_and_what_makes_one(opensearch: OpenSearch) -> None:
    def lines(index: str) -> list[tuple[bool | None, str]]:
        environ = {"ELASTIC_URL": opensearch.url, "ELASTIC_API_KEY": "not:asked", "ELASTIC_INDEX": index}
        return asyncio.run(new(environ, Metrics()).check())

    send(opensearch, line("d", "logs-k8s.doctor-default"))
    first, second, third, clocks = lines("logs-k8s.doctor-default")
    assert first == (True, "OpenSearch 2.19.6; the credentials are accepted")
    assert second[0] is None
    assert clocks[0] is None, "it tells no time"
    assert "cannot be asked here" in second[1]
    assert third == (True, "the data stream logs-k8s.doctor-default is there")
    stream = "logs-k8s.later-default"
    assert lines(stream)[2] == (True, f"the first event makes the data stream {stream}, by the index template tidings")
    assert lines("k8s-nowhere")[2][0] is False
    assert json.dumps(opensearch.ask("GET", "/_data_stream")).find("later") == -1, "asking makes nothing"


def test_everything_that_is_rendered_is_taken_and_its_fields_have_the_types_of_the_template(
    opensearch: OpenSearch,
) -> None:
    """The specimens of every dialect, judged by the shipped rules: what is indexed is what the shipped files say."""
    index = "logs-k8s.specimens-default"
    rules, shipped = load_shipped(), load_mapping(MAPPING)
    assert isinstance(shipped, Mapping)
    records: list[bytes] = []
    for item in specimens():
        found = decoded(item.payload)
        for number, one in enumerate(found if isinstance(found, list) else ()):
            seen = one.model_copy(update={"identity": f"{item.dialect}-{item.file}-{number}"})
            made = document(Classified(observation=seen, verdict=classify(seen, rules)), shipped, index=index)
            assert isinstance(made, Document)
            records.append(written(made))  # type: ignore[arg-type] # all of them can be written
    assert len(records) > 80
    assert send(opensearch, *records) == [Done()] * len(records)
    (stored,) = opensearch.ask("GET", f"/{index}/_mapping").values()
    (wanted,) = opensearch.ask("GET", "/_component_template/tidings-mappings")["component_templates"]
    types = dict(flattened(wanted["component_template"]["template"]["mappings"]["properties"]))
    found_types = dict(flattened(stored["mappings"]["properties"]))
    added = {name: kind for name, kind in found_types.items() if name not in types}
    assert types.items() <= found_types.items()
    assert {name for name in added if not name.startswith("data_stream")} == set(), (
        "a field without a place in the template"
    )
    assert len(opensearch.ids(index)) == len(records)
    count = opensearch.ask("GET", f"/{index}/_search?size=0", {"query": {"term": {"event.kind": "alert"}}})
    assert count["hits"]["total"]["value"] > 10

"""What is special to elastic_forwarder: data streams, indices by mapping, keys, splitting, and what doctor finds."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from functions.elastic_forwarder.handler import new
from shared.destinations.answer import Answer
from shared.destinations.elastic.client import ElasticClient
from shared.destinations.elastic.settings import ElasticSettings
from shared.events.outcome import Done, Rejected, Retry
from shared.local.standins import elastic
from shared.local.standins.elastic import ACCOUNTS, Elastic
from shared.local.standins.faults import Rule
from shared.runtime.forwarding import Forwarder
from shared.runtime.function import Call, Result
from shared.settings.environment import SettingsError, read
from shared.telemetry.metrics import Metrics
from tests.support.documents import INDEX, KEY, line, with_elastic
from tests.support.exchanges import OK, request_of, server
from tests.support.opensearch.setup import ELASTICSEARCH, OPENSEARCH, STATE_MANAGEMENT, put_templates
from tests.support.records import classified, classified_event
from tests.support.servers import new_certificate, serve

T = TypeVar("T")
WRITE_ONLY = ACCOUNTS[2].encoded
ELSEWHERE = ACCOUNTS[3].encoded
BASIC = {"ELASTIC_API_KEY": "", "ELASTIC_USERNAME": "elastic", "ELASTIC_PASSWORD": "changeme"}
UNLICENSED = '{"error":{"type":"security_exception","reason":"current license is non-compliant for [security]"}}'


@pytest.fixture
def app() -> Iterator[Elastic]:
    made = elastic.new_app()
    yield made
    made.close()


@pytest.fixture
def url(app: Elastic) -> Iterator[str]:
    with serve(app) as base:
        yield base


def environ(url: str, **more: str) -> dict[str, str]:
    return {name: text for name, text in {"ELASTIC_URL": url, "ELASTIC_API_KEY": KEY, **more}.items() if text}


def run(url: str, use: Callable[[Forwarder], Awaitable[T]], **settings: str) -> T:
    async def inside() -> T:
        function = new(environ(url, **settings), Metrics())
        await function.start()
        try:
            return await use(function)
        finally:
            await function.stop()

    return asyncio.run(inside())


async def handle(function: Forwarder, identity: str = "id-1", **changes: object) -> Result:
    deadline = asyncio.get_running_loop().time() + 5
    return await function.handle(classified_event(classified(identity, **changes)), Call(deadline))


def test_a_document_lies_in_the_data_stream_under_the_identity_of_its_observation(app: Elastic, url: str) -> None:
    assert run(url, handle).outcome == Done()
    assert app.streams() == [INDEX]
    (kept,) = app.documents()
    assert kept.id == kept.source["event"]["id"] == "id-1"
    assert kept.index.startswith(f".ds-{INDEX}-")
    assert kept.source["@timestamp"] == "2026-03-01T12:00:00.250Z"
    assert kept.source["orchestrator"]["resource"] == {"type": "Pod", "name": "api-0", "id": "u-1"}
    assert "original" not in kept.source["event"]


def test_an_own_mapping_decides_the_index_and_every_field_but_the_identity(
    app: Elastic, url: str, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "lookups:\n  stream: {infrastructure: logs-k8s.nodes-prod}\n"
        "operations:\n  record:\n    _index: {from: verdict.category, lookup: stream}\n"
        "    event.kind: state\n    event.dataset: own\n"
        "    event.original: {from: observation.original, type: json-text}\n"
    )
    original = {"kind": "Event", "password": "hunter2"}
    done = run(url, lambda function: handle(function, original=original), ELASTIC_MAPPING=str(mapping))
    assert done.outcome == Done()
    assert app.streams() == ["logs-k8s.nodes-prod"]
    (kept,) = app.documents()
    assert kept.source == {
        "@timestamp": "2026-03-01T12:00:00.250Z",
        "data_stream": {"type": "logs", "dataset": "k8s.nodes", "namespace": "prod"},
        "event": {
            "dataset": "own",
            "kind": "state",
            "original": '{"kind":"Event","password":"[masked]"}',
            "id": "id-1",
        },
    }


@pytest.mark.parametrize("field", ["_id: a", "event.id: a", "event: {fields: {id: a}}", "data_stream.type: a"])
def test_the_identity_and_what_follows_from_the_index_cannot_be_mapped(tmp_path: Path, field: str) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(f"operations:\n  record:\n    message: a\n    {field}\n")
    with pytest.raises(SettingsError, match="is set by Tidings or by the system alone"):
        new(environ("https://elastic.example", ELASTIC_MAPPING=str(mapping)), Metrics())


def test_a_field_that_is_a_value_and_a_group_rejects_the_event_with_its_name(url: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("operations:\n  record:\n    user: a\n    user.name: b\n")
    outcome = run(url, handle, ELASTIC_MAPPING=str(mapping)).outcome
    assert isinstance(outcome, Rejected)
    assert (outcome.stage, "user.name" in outcome.reason) == ("mapping", True)


def test_the_setting_names_the_data_stream_where_the_mapping_is_silent(app: Elastic, url: str) -> None:
    assert run(url, handle, ELASTIC_INDEX="logs-k8s.security-eu").outcome == Done()
    assert app.streams() == ["logs-k8s.security-eu"]


@pytest.mark.parametrize("key", [KEY, "tidings:tidings-api-key"])
def test_an_api_key_may_be_a_pair_or_encoded(url: str, key: str) -> None:
    assert run(url, handle, ELASTIC_API_KEY=key).outcome == Done()


def test_a_user_and_a_password_serve_as_well_and_a_password_in_a_file_follows_the_file(
    url: str, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("before")
    settings = {"ELASTIC_API_KEY": "", "ELASTIC_USERNAME": "elastic", "ELASTIC_PASSWORD_FILE": str(secret)}

    async def use(function: Forwarder) -> list[Result]:
        refused = await handle(function)
        secret.write_text("changeme\n")
        return [refused, await handle(function)]

    refused, done = run(url, use, **settings)
    assert isinstance(refused.outcome, Retry)
    assert done.outcome == Done()


@pytest.mark.parametrize("key", [ELSEWHERE, WRITE_ONLY])
def test_what_the_credentials_may_not_write_is_held_back_and_no_other(app: Elastic, url: str, key: str) -> None:
    """The second key may write to a data stream, but not make one."""
    if key == WRITE_ONLY:
        run(url, handle)
    records = [line("a"), line("b", "logs-k8s.other-default")]
    outcomes = with_elastic(url, lambda client: client.send(records), ELASTIC_API_KEY=key)
    held = Retry("the credentials may not write to the index, or it is not there")
    assert outcomes == [Done() if key == WRITE_ONLY else held, held]
    assert app.ids() == (["id-1", "a"] if key == WRITE_ONLY else [])


def test_a_request_that_is_too_large_is_split_and_only_a_document_too_large_alone_is_rejected(
    app: Elastic, url: str
) -> None:
    app.options = replace(app.options, max_content_length=600)
    records = [line("a"), line("b", message="x" * 700), line("c"), line("d")]
    outcomes = with_elastic(url, lambda client: client.send(records))
    assert outcomes == [Done(), Rejected("elastic", "the event is larger than the cluster takes"), Done(), Done()]
    assert app.ids() == ["a", "c", "d"]


def test_a_large_request_travels_compressed(app: Elastic, url: str) -> None:
    records = [line(str(number), message="x" * 1000) for number in range(50)]
    assert with_elastic(url, lambda client: client.send(records)) == [Done()] * 50
    assert len(app.ids()) == 50
    assert "create" not in app.faults.requests[0].body


def test_the_answer_that_is_asked_for_says_no_more_than_is_read(url: str) -> None:
    async def use(client: Any) -> Answer:
        answers: list[Answer] = []
        exchange = client.request

        async def kept(*arguments: Any, **options: Any) -> Answer:
            answers.append(await exchange(*arguments, **options))
            return answers[-1]

        client.request = kept
        await client.send([line("a")])
        return answers[0]

    answer = with_elastic(url, use)
    assert answer.json == {"errors": False, "items": [{"create": {"_id": "a", "status": 201}}]}


def test_the_preview_is_what_is_sent(app: Elastic, url: str) -> None:
    async def use(function: Forwarder) -> Any:
        await handle(function)
        (preview,) = function.preview(classified())  # type: ignore[misc] # it is no Rejected
        return preview

    preview = run(url, use)
    assert preview.url == f"{url}/_bulk"
    sent = app.faults.requests[0].body
    assert preview.body == [orjson.loads(part) for part in sent.splitlines()]
    assert sent.endswith("\n")


def check(url: str, **settings: str) -> list[tuple[bool | None, str]]:
    return asyncio.run(new(environ(url, **settings), Metrics()).check())


def test_the_check_says_what_is_there_and_stores_nothing(app: Elastic, url: str) -> None:
    assert check(url) == [
        (True, "Elasticsearch 8.17.0; the credentials are accepted"),
        (True, f"the credentials may write to {INDEX}"),
        (True, f"the first event makes the data stream {INDEX}, by the index template logs"),
        (True, "the clocks agree"),
    ]
    assert app.ids() == app.streams() == []
    run(url, handle)
    assert check(url)[2] == (True, f"the data stream {INDEX} is there")


def test_the_check_names_what_is_missing(app: Elastic, url: str) -> None:
    refused = "the credentials are refused: look at"
    assert check(url, ELASTIC_API_KEY="tidings:wrong") == [(False, f"{refused} ELASTIC_API_KEY")]
    wrong = {**BASIC, "ELASTIC_PASSWORD": "wrong"}
    assert check(url, **wrong) == [(False, f"{refused} ELASTIC_USERNAME and ELASTIC_PASSWORD")]
    assert check(url, ELASTIC_API_KEY=ELSEWHERE)[1] == (
        False,
        f"the credentials lack create_doc and auto_configure on {INDEX}: give them to the role or the API key",
    )
    first, second, third, _ = check(url, ELASTIC_API_KEY=WRITE_ONLY)
    assert first == (True, "the credentials are accepted, and may not ask which version it is")
    assert second == (False, f"the credentials lack auto_configure on {INDEX}: give them to the role or the API key")
    assert third == (None, f"whether {INDEX} is or becomes a data stream cannot be seen with these credentials")
    missing = check(url, ELASTIC_INDEX="k8s-events", **BASIC)[2]
    assert missing[0] is False
    assert missing[1].startswith("nothing makes k8s-events a data stream: there is no index template for it")
    app.faults.set([Rule("status", status=403, body=UNLICENSED)])
    assert check(url) == [
        (False, "the cluster's licence does not allow it: renew it over there, GET /_license shows it")
    ]


def test_the_check_says_that_opensearch_tells_nobody_what_he_may_do(app: Elastic, url: str) -> None:
    app.options = replace(app.options, product="opensearch")
    first, second, third, _ = check(url, **BASIC)
    assert first == (True, "OpenSearch 2.19.6; the credentials are accepted")
    assert second == (
        None,
        f"whether the credentials may write to {INDEX} cannot be asked here: the first event shows it",
    )
    assert third[0] is False, "it has no template of its own"


def test_the_check_names_an_address_that_is_another_systems(app: Elastic, url: str, tmp_path: Path) -> None:
    wrong = (False, "this is no Elasticsearch and no OpenSearch: check ELASTIC_URL")
    for body in ("<html>", "[]", '{"version":"8"}', '{"version":{"number":8}}', '{"version":{}}'):
        app.faults.set([Rule("body", body=body)])
        assert check(url) == [wrong]
    certificate = new_certificate(tmp_path)
    with contextlib.closing(elastic.new_app()) as other, serve(other, certificate) as secure:
        untrusted = "its certificate is not trusted): set ELASTIC_CA_FILE to the authority that signed it"
        assert check(secure) == [(False, f"cannot be reached: cannot connect ({untrusted}")]
        assert check(secure, ELASTIC_CA_FILE=str(certificate))[0][0]


def test_an_index_that_is_no_data_stream_is_said_to_be_one(url: str) -> None:
    run(url, handle, ELASTIC_INDEX="k8s-events", **BASIC)
    assert check(url, ELASTIC_INDEX="k8s-events", **BASIC)[2] == (
        True,
        "k8s-events is an index and no data stream: it will not roll over",
    )


def test_what_the_page_has_put_into_elasticsearch_and_the_key_that_it_makes_are_enough(app: Elastic, url: str) -> None:
    encoded = put_templates(url, ELASTICSEARCH).rpartition('"encoded"')[2].split('"')[1]
    lines = check(url, ELASTIC_API_KEY=encoded)
    assert [good for good, _ in lines] == [True] * 4
    assert lines[2][1].endswith("by the index template tidings")
    assert run(url, handle, ELASTIC_API_KEY=encoded).outcome == Done()
    assert app.streams() == [INDEX]


def test_what_the_page_has_put_into_opensearch_is_taken_and_makes_the_data_stream(app: Elastic, url: str) -> None:
    app.options = replace(app.options, product="opensearch")
    put_templates(url, OPENSEARCH)
    put_templates(url, STATE_MANAGEMENT)
    assert run(url, handle, **BASIC).outcome == Done()
    assert app.streams() == [INDEX]


def test_settings_that_cannot_work_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        new({"ELASTIC_URL": "http://elastic.example", "ELASTIC_BATCH_EVENTS": "0", "ELASTIC_INDEX": "A"}, Metrics())
    assert all(name in str(caught.value) for name in ("ELASTIC_URL", "ELASTIC_BATCH_EVENTS", "ELASTIC_INDEX"))


def test_as_many_calls_go_at_a_time_as_the_settings_say() -> None:
    under_way = most = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        await request_of(reader)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.2)
        writer.write(OK + b"{}".ljust(11))
        under_way -= 1

    async def main() -> None:
        async with server(slow) as base:
            settings = read(ElasticSettings, environ(base, ELASTIC_CONNECTIONS="12"))
            client = ElasticClient(settings, Metrics())
            await asyncio.gather(*(client.send([line(str(number))]) for number in range(12)))
            await client.close()

    asyncio.run(main())
    assert most == 12

"""Fault matrix, rows F04, F10, F11, F12, F18, F36 and F58 for Elasticsearch and OpenSearch, over real connections."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.delivery.bulk import MOST_CALLS
from shared.destinations.elastic.client import ElasticClient
from shared.events.outcome import Done, Duplicate, Outcome, Rejected, Retry
from shared.local.standins import elastic
from shared.local.standins.elastic import Elastic
from shared.local.standins.faults import Rule
from shared.telemetry.metrics import Metrics
from tests.support.documents import KEY, ids_in, line, with_elastic
from tests.support.servers import Standin, serve, standin

TEN = [f"e-{number}" for number in range(10)]


@pytest.fixture
def app() -> Iterator[Elastic]:
    made = elastic.new_app()
    yield made
    made.close()


@pytest.fixture
def url(app: Elastic) -> Iterator[str]:
    with serve(app) as base:
        yield base


async def send(client: ElasticClient, *names: str) -> list[Outcome]:
    return await client.send([line(name) for name in names])


def asked(app: Elastic) -> list[list[str]]:
    """Return the identities of each bulk call, in order."""
    return [ids_in(entry.body) for entry in app.faults.requests]


@pytest.mark.parametrize("shuffled", [False, True])
def test_f18_of_ten_documents_the_three_that_failed_are_sent_again_and_no_other(
    app: Elastic, url: str, *, shuffled: bool
) -> None:
    """F18: bulk: 3 of 10 items fail (Elastic): only failed retried; poison item rejected alone."""
    app.options = replace(app.options, shuffled=shuffled)
    app.failures = {"e-2": [429], "e-5": [503], "e-9": [429]}
    assert with_elastic(url, lambda client: send(client, *TEN)) == [Done()] * 10
    assert asked(app) == [TEN, ["e-2", "e-5", "e-9"]]
    assert sorted(app.ids()) == TEN


def test_f18_what_fails_twice_comes_again_by_the_broker_alone(app: Elastic, url: str) -> None:
    """F18: bulk: 3 of 10 items fail (Elastic): only failed retried; poison item rejected alone."""
    metrics = Metrics()
    app.failures = {"e-2": [429, 429], "e-5": [429, 429], "e-9": [429]}
    outcomes = with_elastic(url, lambda client: send(client, *TEN), metrics=metrics)
    assert [place for place, outcome in enumerate(outcomes) if outcome == Retry("the cluster is busy")] == [2, 5]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Retry)] == [Done()] * 8
    assert metrics.value("tidings_retries_total", destination="elastic", reason="busy") == 1
    assert len(asked(app)) == 2, "one second try and no storm"


@pytest.mark.parametrize("shuffled", [False, True])
def test_f18_f58_a_poison_document_is_rejected_alone(app: Elastic, url: str, *, shuffled: bool) -> None:
    """Both rows, with the items in order and out of it.

    F18: bulk: 3 of 10 items fail (Elastic): only failed retried; poison item rejected alone. F58: one poison event in a
    bulk call shared by several requests; it alone is rejected.
    """
    app.options = replace(app.options, shuffled=shuffled)
    poison = [
        line("no-time", **{"@timestamp": {}}),
        line("bad-name", "Logs-K8s"),
        line("not-a-date", **{"@timestamp": "x"}),
    ]
    records = [line("a"), poison[0], line("b"), poison[1], poison[2], line("c")]
    outcomes = with_elastic(url, lambda client: client.send(records))
    assert [type(outcome) for outcome in outcomes] == [Done, Rejected, Done, Rejected, Rejected, Done]
    assert sorted(app.ids()) == ["a", "b", "c"]
    assert len(asked(app)) == 1


def test_f58_where_they_refuse_the_whole_request_the_poison_is_found_by_halving(app: Elastic, url: str) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    records = [line("a"), line("b"), line("x" * 600), line("c")]
    outcomes = with_elastic(url, lambda client: client.send(records))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Rejected, Done]
    assert sorted(app.ids()) == ["a", "b", "c"]


def test_f58_very_many_bad_events_cannot_keep_one_call_busy_without_end(app: Elastic, url: str) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    outcomes = with_elastic(url, lambda client: client.send([line("x" * 600)] * 200))
    assert {type(outcome) for outcome in outcomes} == {Rejected, Retry}
    assert app.faults.count(operation="bulk") == MOST_CALLS


def test_f04_a_document_that_was_committed_without_our_knowing_is_there_once(app: Elastic, url: str) -> None:
    """F04: SIGKILL after sink committed, before complete: find returns ref; Duplicate; one record."""
    app.faults.set([Rule("commit-then-time-out"), Rule("commit-then-reset", nth=2), Rule("commit-then-status", nth=3)])

    async def use(client: ElasticClient) -> list[Outcome]:
        return [
            *await send(client, "a"),
            *await send(client, "b"),
            *await send(client, "c"),
            *await send(client, "a", "b"),
        ]

    outcomes = with_elastic(url, use, seconds=0.5)
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry, Duplicate, Duplicate, Duplicate]
    assert app.ids() == ["a", "b", "c"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_f10_a_failing_cluster_is_tried_again_boundedly_and_drains_by_itself(
    app: Elastic, url: str, status: int
) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; after recovery drains without operator."""
    app.faults.add(Rule("status", operation="bulk", status=status, count=2))

    async def use(client: ElasticClient) -> tuple[list[Outcome], list[Outcome]]:
        return await send(client, "a", "b"), await send(client, "a", "b")

    during, after = with_elastic(url, use)
    assert during == [Retry("the cluster is busy")] * 2
    assert after == [Done(), Done()]
    assert len(asked(app)) == 3, "two tries while it failed, one after"


def test_f10_a_request_that_is_refused_whole_goes_again_in_halves(app: Elastic, url: str) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; here: 429 for the whole of a bulk request."""
    app.options = replace(app.options, pressure=700)
    assert with_elastic(url, lambda client: send(client, "a", "b", "c", "d", "e", "f")) == [Done()] * 6
    assert asked(app) == [["a", "b", "c", "d", "e", "f"], ["a", "b", "c"], ["d", "e", "f"]]


def test_f11_a_field_of_the_wrong_type_is_rejected_once(app: Elastic, url: str) -> None:
    """F11: sink 400/422 for one field; Rejected, DLQ extension names stage+field; no retry storm."""
    (outcome,) = with_elastic(url, lambda client: client.send([line("a", **{"@timestamp": "yesterday"})]))
    assert outcome == Rejected("elastic", "the event is not one that the index takes")
    assert len(asked(app)) == 1


@pytest.mark.parametrize(
    "body",
    [
        '{"errors":false}',
        '{"items":{}}',
        '{"items":[]}',
        '{"errors":false,"items":[{"create":{"_id":"b","status":201}}]}',
    ],
)
def test_f12_a_200_that_does_not_speak_of_the_document_is_a_failure(app: Elastic, url: str, body: str) -> None:
    """F12: sink 200 with HTML login page / empty body; treated as failure (content-type + shape check), not Done."""
    app.faults.add(Rule("body", operation="bulk", body=body))
    (outcome,) = with_elastic(url, lambda client: send(client, "a"))
    assert isinstance(outcome, Retry)


def test_f36_refused_credentials_hold_everything_back_and_are_not_hammered(
    app: Elastic, url: str, tmp_path: Path
) -> None:
    """F36: credential expired mid-run; then 503 + `auth_failures_total`; no lock-out; secret file re-read on change."""
    metrics = Metrics()
    secret = tmp_path / "key"
    secret.write_text("tidings:expired")

    async def use(client: ElasticClient) -> list[list[Outcome]]:
        refused = [await send(client, "a"), await send(client, "b"), await send(client, "c")]
        secret.write_text(KEY + "\n")
        return [*refused, await send(client, "a", "b", "c")]

    *refused, after = with_elastic(url, use, metrics=metrics, ELASTIC_API_KEY="", ELASTIC_API_KEY_FILE=str(secret))
    assert refused == [[Retry("the credentials are refused", refused=True)]] * 3
    assert metrics.value("tidings_auth_failures_total", destination="elastic") == 1
    assert len(asked(app)) == 2, "one try with the refused key, one with the new"
    assert after == [Done()] * 3


def test_every_document_arrives_once_although_the_cluster_is_killed_and_started_again(tmp_path: Path) -> None:
    """F04, F10, F13: held by the sender while it is down; what was committed before the kill is not doubled."""
    database = tmp_path / "elastic.db"
    names = [f"e-{number}" for number in range(60)]

    async def deliver(client: ElasticClient, first: Standin) -> None:
        async def until_done(name: str) -> None:
            while isinstance((await send(client, name))[0], Retry):  # noqa: ASYNC110 -- as a broker does
                await asyncio.sleep(0.05)

        begun = [asyncio.create_task(until_done(name)) for name in names[:40]]
        await asyncio.sleep(0.05)
        first.kill()
        begun += [asyncio.create_task(until_done(name)) for name in names[40:]]
        await asyncio.sleep(0.3)
        with standin("elastic", database, port=first.port):
            await asyncio.wait_for(asyncio.gather(*begun), 20)

    with standin("elastic", database) as first:
        with_elastic(first.url, lambda client: deliver(client, first))
    stored = elastic.new_app(str(database))
    assert sorted(stored.ids()) == sorted(names)
    stored.close()

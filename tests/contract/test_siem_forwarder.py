"""siem_forwarder delivers classified observations to a collector, each answered by what became of it."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from functions.siem_forwarder.handler import new
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Ignored, Rejected, Retry
from shared.local.standins import splunk
from shared.local.standins.faults import Rule
from shared.local.standins.splunk import Options, Splunk
from shared.runtime.forwarding import Forwarder
from shared.runtime.function import Call, Result
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.records import TIME, classified, classified_event, hec, with_splunk
from tests.support.servers import new_certificate, serve

T = TypeVar("T")


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
    return {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token", **more}


def run(url: str, use: Callable[[Forwarder], Awaitable[T]], metrics: Metrics | None = None, **settings: str) -> T:
    async def inside() -> T:
        function = new(environ(url, **settings), metrics or Metrics())
        await function.start()
        try:
            return await use(function)
        finally:
            await function.stop()

    return asyncio.run(inside())


async def handle(function: Forwarder, event: CloudEvent, seconds: float = 5.0) -> Result:
    return await function.handle(event, Call(asyncio.get_running_loop().time() + seconds))


def test_one_observation_becomes_one_event_with_its_identity(app: Splunk, url: str) -> None:
    metrics = Metrics()
    subject = classified(received=datetime.now(UTC), time=datetime.now(UTC))
    result = run(url, lambda function: handle(function, classified_event(subject)), metrics)
    assert result == Result(Done(), None)
    (stored,) = app.events()
    assert stored["event"]["event_id"] == stored["fields"]["event_id"] == "id-1"
    assert stored["event"]["severity"] == "high"
    assert stored["event"]["type"] == "alert"
    assert stored["event"]["signature"] == "BackOff"
    assert stored["event"]["dest"] == "Pod/shop/api-0"
    assert (stored["host"], stored["source"], stored["sourcetype"]) == ("prod", "tidings", "k8s:infrastructure")
    assert stored["fields"]["cluster"] == "prod"
    assert "original" not in stored["event"]
    assert metrics.value("tidings_deliveries_total", destination="splunk", operation="record", result="done") == 1
    assert b'tidings_end_to_end_lag_seconds_count{destination="splunk"} 1' in metrics.render()[0]


def test_what_waits_at_the_same_time_shares_calls_and_each_gets_its_own_answer(app: Splunk, url: str) -> None:
    async def use(function: Forwarder) -> list[Result]:
        events = [classified_event(classified(f"id-{number}")) for number in range(200)]
        return await asyncio.gather(*(handle(function, event) for event in events))

    results = run(url, use)
    assert all(result.outcome == Done() for result in results)
    assert sorted(app.event_ids()) == sorted(f"id-{number}" for number in range(200))
    assert app.faults.count(operation="event") < 20


def test_what_is_none_of_its_business_is_ignored_and_what_is_broken_rejected(app: Splunk, url: str) -> None:
    async def use(function: Forwarder) -> tuple[Result, Result]:
        other = CloudEvent(id="1", source="s", type="dev.tidings.problem.opened.v1", data={})
        broken = CloudEvent(id="1", source="s", type="dev.tidings.security.v1", data={"observation": 1})
        return await handle(function, other), await handle(function, broken)

    ignored, broken = run(url, use)
    assert isinstance(ignored.outcome, Ignored)
    assert isinstance(broken.outcome, Rejected)
    assert app.count() == 0


def test_an_own_mapping_decides_every_member_but_the_identity(app: Splunk, url: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "operations:\n  record:\n    index: k8s\n    time: {value: '1735787045.5', type: number}\n"
        "    event:\n      fields:\n        text: '{{ verdict.summary | upper }}'\n"
        "    fields:\n      fields:\n        count: {from: observation.count}\n"
    )
    run(url, lambda function: handle(function, classified_event(classified())), SPLUNK_MAPPING=str(mapping))
    (stored,) = app.events()
    assert stored["event"] == {"event_id": "id-1", "text": "POD SHOP/API-0 KEEPS CRASHING"}
    assert stored["fields"] == {"event_id": "id-1", "count": "1"}
    assert (stored["index"], stored["time"]) == ("k8s", "1735787045.5")


def test_an_event_of_which_the_mapping_says_nothing_has_its_identity_and_no_empty_member(
    app: Splunk, url: str, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("operations:\n  record:\n    event: {value: x, when: verdict.severity == 'none'}\n")
    run(url, lambda function: handle(function, classified_event(classified())), SPLUNK_MAPPING=str(mapping))
    (stored,) = app.events()
    assert stored["event"] == {"event_id": "id-1"}


def test_settings_give_the_index_where_the_mapping_is_silent_and_the_source_type_always(app: Splunk, url: str) -> None:
    async def use(function: Forwarder) -> Result:
        return await handle(function, classified_event(classified()))

    run(url, use, SPLUNK_INDEX="k8s", SPLUNK_SOURCETYPE="own")
    (stored,) = app.events()
    assert (stored["index"], stored["sourcetype"]) == ("k8s", "own")


@pytest.mark.parametrize("year", [1970, 2300])
def test_a_time_that_cannot_be_right_is_replaced_by_that_of_the_sending(app: Splunk, url: str, year: int) -> None:
    subject = classified(time=datetime(year, 1, 1, tzinfo=UTC))
    run(url, lambda function: handle(function, classified_event(subject)))
    (stored,) = app.events()
    assert float(stored["time"]) == TIME.timestamp()
    assert stored["event"]["time"].startswith(str(year))


def test_a_wrong_index_holds_its_own_event_back_and_no_other(app: Splunk, url: str) -> None:
    outcomes = with_splunk(url, lambda client: client.send([hec("a"), hec("b", index="secret"), hec("c")]))
    assert outcomes == [Done(), Retry("the token may not write to the index"), Done()]
    assert app.event_ids() == ["a", "c"]


def test_a_request_that_is_too_large_is_split_and_only_an_event_too_large_alone_is_rejected(
    app: Splunk, url: str
) -> None:
    app.options = Options(max_content_length=400)
    events = [hec("a"), hec("b", source="x" * 500), hec("c"), hec("d")]
    outcomes = with_splunk(url, lambda client: client.send(events))
    assert [type(outcome) for outcome in outcomes] == [Done, Rejected, Done, Done]
    assert app.event_ids() == ["a", "c", "d"]


def test_a_large_request_travels_compressed(app: Splunk, url: str) -> None:
    events = [hec(str(number), source="x" * 1000) for number in range(50)]
    assert with_splunk(url, lambda client: client.send(events)) == [Done()] * 50
    assert app.count() == 50
    assert "event_id" not in app.faults.requests[0].body


@pytest.mark.parametrize("code", [24, 25])
def test_a_nearly_full_queue_has_taken_the_events(app: Splunk, url: str, code: int) -> None:
    app.options = Options(warn=code)
    assert with_splunk(url, lambda client: client.send([hec("a")])) == [Done()]


def test_a_full_queue_says_when_to_come_again(app: Splunk, url: str) -> None:
    app.faults.add(Rule("status", status=429, body='{"code":26}', headers={"Retry-After": "12"}))
    outcomes = with_splunk(url, lambda client: client.send([hec("a"), hec("b")]))
    assert outcomes == [Retry("the collector is busy", 12.0)] * 2
    assert app.faults.count(operation="event") == 1


def test_acknowledged_events_are_done_only_then(app: Splunk, url: str) -> None:
    app.options = Options(ack_after=0.15)
    settings = {"SPLUNK_TOKEN": "tidings-ack-token", "SPLUNK_ACK": "true"}
    assert with_splunk(url, lambda client: client.send([hec("a"), hec("b")]), **settings) == [Done(), Done()]
    assert app.faults.count(operation="ack") >= 2


def test_acknowledgement_that_does_not_fit_the_token_holds_back(url: str) -> None:
    (wanted,) = with_splunk(url, lambda client: client.send([hec("a")]), SPLUNK_TOKEN="tidings-ack-token")  # noqa: S106
    (promised,) = with_splunk(url, lambda client: client.send([hec("a")]), SPLUNK_ACK="true")
    assert isinstance(wanted, Retry)
    assert isinstance(promised, Retry)


def test_stopping_finishes_what_is_in_flight(app: Splunk, url: str) -> None:
    app.faults.add(Rule("delay", seconds=0.3))

    async def inside() -> tuple[Result, Result]:
        function = new(environ(url), Metrics())
        assert not function.readiness().ready
        await function.start()
        assert function.readiness().ready
        task = asyncio.create_task(handle(function, classified_event(classified())))
        await asyncio.sleep(0.05)
        await function.stop()
        return await task, await handle(function, classified_event(classified("id-2")))

    finished, late = asyncio.run(inside())
    assert finished.outcome == Done()
    assert isinstance(late.outcome, Retry)
    assert app.event_ids() == ["id-1"]


def test_more_than_may_wait_is_refused_and_not_kept(app: Splunk, url: str) -> None:
    app.faults.add(Rule("delay", seconds=0.3, count=0))

    async def use(function: Forwarder) -> list[Result]:
        events = [classified_event(classified(f"id-{number}")) for number in range(40)]
        return await asyncio.gather(*(handle(function, event) for event in events))

    results = run(url, use, SPLUNK_WAITING="10", SPLUNK_CONNECTIONS="1")
    kinds = [type(result.outcome) for result in results]
    assert kinds.count(Done) == app.count() <= 20
    assert kinds.count(Retry) == 40 - kinds.count(Done) > 0


def test_the_preview_is_what_is_sent(app: Splunk, url: str) -> None:
    subject = classified()

    async def use(function: Forwarder) -> object:
        await handle(function, classified_event(subject))
        (preview,) = function.preview(subject)
        return preview

    preview = run(url, use, SPLUNK_INDEX="k8s")
    assert preview.url == f"{url}/services/collector/event"
    assert preview.body == json.loads(app.faults.requests[0].body)


def test_the_check_names_what_is_wrong(app: Splunk, url: str, tmp_path: Path) -> None:
    def lines(address: str = url, **settings: str) -> list[tuple[bool | None, str]]:
        return asyncio.run(new(environ(address, **settings), Metrics()).check())

    assert lines() == [
        (True, "the collector is healthy"),
        (True, "the token is accepted"),
        (None, "whether the token may write to the indexes shows with the first event"),
        (True, "the clocks agree"),
    ]
    assert lines(SPLUNK_TOKEN="wrong")[1] == (False, "the token is refused: look at SPLUNK_TOKEN")  # noqa: S106
    assert lines(SPLUNK_ACK="true")[2][0] is False
    assert lines(SPLUNK_ACK="true", SPLUNK_TOKEN="tidings-ack-token")[2] == (True, "the token acknowledges")  # noqa: S106
    assert lines(SPLUNK_TOKEN="tidings-ack-token")[1][0] is False  # noqa: S106
    assert lines(f"{url}/elsewhere") == [(False, "this is no HTTP Event Collector: check SPLUNK_HEC_URL")]
    app.options = Options(unhealthy=18)
    assert lines() == [(False, "the collector is not healthy (code 18)")]
    assert app.count() == 0
    certificate = new_certificate(tmp_path)
    with contextlib.closing(splunk.new_app()) as other, serve(other, certificate) as secure:
        untrusted = "its certificate is not trusted): set SPLUNK_CA_FILE to the authority that signed it"
        assert lines(secure) == [(False, f"cannot be reached: cannot connect ({untrusted}")]
        assert lines(secure, SPLUNK_CA_FILE=str(certificate))[0] == (True, "the collector is healthy")


def test_settings_that_cannot_work_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        new({"SPLUNK_HEC_URL": "http://splunk.example", "SPLUNK_BATCH_EVENTS": "0"}, Metrics())
    text = str(caught.value)
    assert all(name in text for name in ("SPLUNK_HEC_URL", "SPLUNK_TOKEN", "SPLUNK_BATCH_EVENTS"))


def test_a_broken_mapping_or_ca_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "mapping.yaml"
    broken.write_text("operations:\n  record:\n    host: '{{ observation.klaster }}'\n")
    with pytest.raises(SettingsError, match=r"SPLUNK_MAPPING: .*klaster"):
        new(environ("https://splunk.example", SPLUNK_MAPPING=str(broken)), Metrics())
    with pytest.raises(SettingsError, match="SPLUNK_CA_FILE"):
        asyncio.run(new(environ("https://splunk.example", SPLUNK_CA_FILE=str(broken)), Metrics()).start())


def test_the_lag_is_never_negative(url: str) -> None:
    metrics = Metrics()
    subject = classified(received=datetime.now(UTC) + timedelta(hours=1))
    run(url, lambda function: handle(function, classified_event(subject)), metrics)
    assert b'tidings_end_to_end_lag_seconds_sum{destination="splunk"} 0.0' in metrics.render()[0]

"""`POST /` of the embedded system: what can never be taken is refused for good, what cannot be taken now is not."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.events.cloudevent import CloudEvent
from shared.local.broker.broker import Broker
from shared.local.broker.cesql.grammar import parse
from shared.local.broker.filters import Cesql, FilterSet
from shared.local.broker.log import Log
from shared.local.broker.unrouted import Unrouted
from shared.runtime.handover import Acceptance
from shared.runtime.ingress import ingest
from shared.telemetry.metrics import Metrics
from tests.support.brokers import Subscriber, broker, trigger

BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "test",
    "ce-type": "raw",
    "content-type": "application/json",
}
_MIB = 1_048_576


async def post(running: Broker, metrics: Metrics, headers: dict[str, str], body: bytes) -> httpx2.Response:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await ingest(scope, receive, send, broker=running, metrics=metrics)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://up") as client:
        return await client.post("/", headers=headers, content=body)


def text_of(size: int) -> bytes:
    return json.dumps("x" * (size - 2)).encode()


def test_an_event_that_is_larger_than_the_broker_takes_is_refused_for_good(tmp_path: Path) -> None:
    async def play() -> None:
        app, metrics = Subscriber(), Metrics()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            fits = await post(running, metrics, BINARY, text_of(_MIB - 1024))
            assert fits.status_code == 202
            with_attributes = await post(running, metrics, BINARY, text_of(_MIB))
            assert with_attributes.status_code == 413, "the body fits, the event with its attributes does not"
            assert "retry-after" not in with_attributes.headers
            assert metrics.total("tidings_requests_refused_total", function="ingress", reason="too_large") == 1
            assert await running.idle(5)
        assert len(app.got) == 1

    asyncio.run(play())


def test_a_broker_that_is_stopping_asks_to_come_again(tmp_path: Path) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            await running.stop()
            answer = await post(running, Metrics(), BINARY, b"1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

    asyncio.run(play())


@pytest.mark.parametrize(("body", "status"), [(b'{"a": 1', 400), (b"[" * 100 + b"]" * 100, 400)])
def test_what_the_codec_refuses_is_a_400(tmp_path: Path, body: bytes, status: int) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            assert (await post(running, Metrics(), BINARY, body)).status_code == status

    asyncio.run(play())


def test_a_payload_of_a_producer_is_told_the_path_that_takes_it(tmp_path: Path) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            for kind in ("Event", "List"):
                body = json.dumps({"apiVersion": "v1", "kind": kind}).encode()
                answer = await post(running, Metrics(), {"content-type": "application/json"}, body)
                assert answer.status_code == 400
                assert "Kubernetes objects go to /events," in answer.json()["error"]
            for says in (BINARY, {"content-type": "Application/CloudEvents+json"}):
                answer = await post(running, Metrics(), says, b"{")
                assert answer.json() == {"error": "the body is not valid JSON"}
            unversioned = {name: value for name, value in BINARY.items() if name != "ce-specversion"}
            assert "no ce-specversion header" in (await post(running, Metrics(), unversioned, b"{}")).json()["error"]

    asyncio.run(play())


def test_a_type_that_goes_to_nobody_is_taken_and_counted_and_told_once_of_each_type(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        async with broker(tmp_path, trigger("one"), trigger("unserved", "other"), one=Subscriber()) as running:
            for kind in ("raw", "order", "order", "invoice", "other", "raw"):
                assert (await post(running, Metrics(), {**BINARY, "ce-type": kind}, b"1")).status_code == 202
            assert await running.idle(5)
            assert running._metrics.total("tidings_broker_unrouted_total") == 4

    asyncio.run(play())
    told = [(record.levelname, vars(record)["type"]) for record in caplog.records]
    assert told == [("WARNING", "order"), ("WARNING", "invoice"), ("WARNING", "other")]


@pytest.mark.parametrize("only", ["severity = 'high'", "NOT EXISTS severity", "EXISTS severity"])
def test_of_a_type_that_is_taken_a_filter_may_leave_out_what_it_likes(only: str) -> None:
    text = f"type = 'raw' AND {only}"
    metrics = Metrics()
    unrouted = Unrouted([replace(trigger("one"), selection=FilterSet(filters=(Cesql(text, parse(text)),)))], metrics)
    unrouted.look([CloudEvent("1", "s", "raw", extensions={"severity": "low"}), CloudEvent("2", "s", "row")])
    assert metrics.total("tidings_broker_unrouted_total") == 1


def test_senders_that_make_up_types_fill_neither_the_log_nor_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    Unrouted([trigger("one")], metrics).look([CloudEvent("1", "s", f"type-{number}") for number in range(600)])
    assert (len(caplog.records), metrics.total("tidings_broker_unrouted_total")) == (500, 500)


def test_what_the_broker_cannot_write_is_a_400_and_a_refused_batch_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def invalid(*_: object) -> Acceptance:
        return "invalid"

    async def play() -> None:
        async with broker(tmp_path, trigger("one"), one=Subscriber()) as running:
            small = CloudEvent(id="1", source="s", type="raw")
            large = CloudEvent(id="2", source="s", type="raw", data="x" * _MIB)
            odd = CloudEvent(id="3", source="s", type="raw", data=object())
            assert await running.accept([small, large]) == "too large"
            assert await running.accept([small, odd]) == "invalid"
            assert await running.publish(large) is False, "to a function it is one word: not accepted"
            assert await running.events() == []
            monkeypatch.setattr(Log, "publish", invalid)
            assert (await post(running, Metrics(), BINARY, b"1")).status_code == 400

    asyncio.run(play())

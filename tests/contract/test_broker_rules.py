"""The embedded broker keeps the Kafka Broker's rules of delivery (reference/knative.md §4)."""

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary, from_json, to_json
from shared.local.broker.broker import BrokerSettings
from shared.local.broker.cesql.grammar import parse
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.filters import Cesql, FilterSet
from tests.support.brokers import TAKEN, FastClock, Given, Subscriber, broker, event, replying, trigger


def spec(retry: int, **more: object) -> DeliverySpec:
    return DeliverySpec(retry=retry, dead_letter_sink="KafkaSink/letters", **more)  # type: ignore[arg-type]


def test_a_request_is_binary_and_carries_what_the_dispatcher_adds(tmp_path: Path) -> None:
    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, trigger("one"), one=app) as running:
            assert await running.publish(event(1, empty=""))
            assert await running.idle(5)
        (headers,) = app.headers
        assert headers["ce-id"] == "1"
        assert headers["content-type"] == "application/json"
        assert (headers["prefer"], headers["kn-namespace"]) == ("reply", "tidings")
        assert headers["ce-knativekafkaoffset"] == "1"
        assert 0 <= int(headers["ce-knativekafkapartition"]) < 10
        assert app.got[0].data == {"number": "1"}

    asyncio.run(play())


def test_only_the_triggers_whose_filter_passes_are_called(tmp_path: Path) -> None:
    async def play() -> None:
        raw, other = Subscriber(), Subscriber()
        async with broker(tmp_path, trigger("raw"), trigger("other", "other"), raw=raw, other=other) as running:
            await running.publish_all([event(1), event(2, "other"), event(3)])
            assert await running.idle(5)
        assert (raw.ids, other.ids) == (["1", "3"], ["2"])

    asyncio.run(play())


def test_a_trigger_that_filters_by_cesql_is_called_where_its_expression_is_true(tmp_path: Path) -> None:
    text = "type LIKE 'r%' AND EXISTS reason AND reason != 'dull'"
    chosen = replace(trigger("chosen"), selection=FilterSet(filters=(Cesql(text, parse(text)),)))

    async def play() -> None:
        app = Subscriber()
        async with broker(tmp_path, chosen, chosen=app) as running:
            await running.publish_all([event(1), event(2, reason="dull"), event(3, reason="odd"), event(4, "other")])
            assert await running.idle(5)
        assert app.ids == ["3"]

    asyncio.run(play())


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_reply_is_published_whichever_its_mode(tmp_path: Path, mode: str) -> None:
    async def answer(got: CloudEvent) -> Given:
        reply = CloudEvent(id=f"reply-{got.id}", source="one", type="second", data={"a": 1})
        if mode == "structured":
            return replying(reply)
        headers, body = encode_binary(reply)
        return 200, dict(headers), body

    async def play() -> None:
        second = Subscriber()
        async with broker(tmp_path, trigger("one"), trigger("two", "second"), one=Subscriber(answer), two=second) as on:
            await on.publish(event(1))
            assert await on.idle(5)
            assert [stored.event.id for stored in await on.events()] == ["reply-1", "1"], "the newest first"
        assert second.ids == ["reply-1"]

    asyncio.run(play())


@pytest.mark.parametrize("status", [400, 401, 403, 410, 413, 415, 422, 301, 307])
def test_what_no_retry_can_help_is_a_dead_letter_at_once(tmp_path: Path, status: int) -> None:
    async def answer(_: CloudEvent) -> Given:
        return status, {"kne-stage": "rules", "kne-reason": "no such thing", "kne-b@d": "x"}, b"e" * 2000

    async def play() -> None:
        app = Subscriber(answer)
        async with broker(tmp_path, trigger("one", delivery=spec(5)), one=app) as running:
            await running.publish(event(1, reason="mine"))
            assert await running.idle(5)
            (letter,) = await running.letters.list()
        assert len(app.got) == 1
        assert (letter.trigger, letter.code, letter.tries) == ("one", status, 1)
        assert (letter.stage, letter.reason) == ("rules", "no such thing")
        assert letter.event == event(1, reason="mine"), "what is sent again is the event as it was"
        sent = letter.as_event().extensions
        assert sent["knativeerrordest"] == "http://one.tidings.svc.cluster.local"
        assert sent["knativeerrorcode"] == str(status)
        assert base64.b64decode(sent["knativeerrordata"]) == b"e" * 1024
        assert (sent["stage"], sent["reason"]) == ("rules", "no such thing"), "kne- headers become extensions"

    asyncio.run(play())


@pytest.mark.parametrize("body", [b"OK", b'{"a": 1}'])
def test_a_success_whose_body_is_no_cloudevent_is_a_dead_letter_never_retried(tmp_path: Path, body: bytes) -> None:
    async def answer(_: CloudEvent) -> Given:
        return 200, {"content-type": "application/json"}, body

    async def play() -> None:
        app = Subscriber(answer)
        async with broker(tmp_path, trigger("one", delivery=spec(5)), one=app) as running:
            await running.publish(event(1))
            assert await running.idle(5)
            (letter,) = await running.letters.list()
        assert len(app.got) == 1
        assert letter.code == 200
        assert "no CloudEvent" in letter.reason

    asyncio.run(play())


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again_until_it_does(tmp_path: Path, status: int) -> None:
    app = Subscriber()

    async def answer(_: CloudEvent) -> Given:
        return TAKEN if len(app.got) > 2 else (status, {"retry-after": "3600"}, b"")

    async def play() -> None:
        app.handler = answer
        clock = FastClock()
        settings = BrokerSettings(clock=clock, maintain_every=7.0, retry_letters_every=7.0)
        one = trigger("one", delivery=spec(5, backoff_delay=1.5))
        async with broker(tmp_path, one, settings=settings, one=app) as running:
            await running.publish(event(1))
            assert await running.idle(5)
            (status_of_one,) = running.status()
            assert (status_of_one.delivered, status_of_one.retried, status_of_one.dead) == (1, 2, 0)
            assert await running.letters.list() == []
        assert len(app.got) == 3
        assert [seconds for seconds in clock.asked if seconds != 7.0] == [3.0, 6.0], "Retry-After is not honoured"

    asyncio.run(play())


def test_linear_back_off_waits_as_the_trigger_says_and_then_gives_up(tmp_path: Path) -> None:
    async def answer(_: CloudEvent) -> Given:
        return 503, {}, b"busy"

    async def play() -> None:
        clock = FastClock()
        app = Subscriber(answer)
        settings = BrokerSettings(clock=clock, maintain_every=7.0, retry_letters_every=7.0)
        one = trigger("one", delivery=spec(3, backoff_policy="linear", backoff_delay=10.0))
        async with broker(tmp_path, one, settings=settings, one=app) as running:
            await running.publish(event(1))
            assert await running.idle(5)
            (letter,) = await running.letters.list()
        assert (letter.code, letter.tries, len(app.got)) == (503, 4, 4)
        assert [seconds for seconds in clock.asked if seconds != 7.0] == [10.0, 20.0, 30.0]

    asyncio.run(play())


def test_an_application_that_raises_or_hangs_is_a_connection_that_broke(tmp_path: Path) -> None:
    async def answer(got: CloudEvent) -> Given:
        if got.id == "raises":
            raise RuntimeError("secret text")
        await asyncio.sleep(60)
        return TAKEN

    async def play() -> None:
        app = Subscriber(answer)
        async with broker(tmp_path, trigger("one", delivery=spec(1, timeout=0.05)), one=app) as running:
            await running.publish_all([event("raises"), event("hangs")])
            assert await running.idle(5)
            letters = {letter.event.id: letter for letter in await running.letters.list()}
        assert len(app.got) == 4
        assert {letter.code for letter in letters.values()} == {None}
        assert "knativeerrorcode" not in letters["raises"].as_event().extensions
        assert "in time" in letters["hangs"].reason
        assert "secret" not in str(letters["raises"])

    asyncio.run(play())


def test_without_a_dead_letter_sink_the_event_is_gone_but_counted(tmp_path: Path) -> None:
    async def answer(_: CloudEvent) -> Given:
        return 422, {}, b""

    async def play() -> None:
        async with broker(tmp_path, trigger("one", delivery=DeliverySpec()), one=Subscriber(answer)) as running:
            await running.publish(event(1))
            assert await running.idle(5)
            assert await running.letters.list() == []
            (status,) = running.status()
            assert (status.lost, status.dead) == (1, 0)
            lost = running._metrics.total("tidings_dropped_total", reason="no_dead_letter_sink", intentional="false")
            assert lost == 1

    asyncio.run(play())


def test_at_most_fifty_requests_of_a_trigger_are_in_flight(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def answer(_: CloudEvent) -> Given:
        await gate.wait()
        return TAKEN

    async def play() -> None:
        app, free = Subscriber(answer), Subscriber()
        async with broker(tmp_path, trigger("one"), trigger("free"), one=app, free=free) as running:
            await running.publish_all([event(number) for number in range(200)])
            async with asyncio.timeout(10):
                while app.running < 50 or len(free.got) < 200:  # noqa: ASYNC110 -- a Trigger that is stuck stops no other
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert app.running == 50
            assert len(free.got) == 200
            gate.set()
            assert await running.idle(5)
        assert app.most == 50
        assert len(app.got) == 200

    asyncio.run(play())


def test_ordered_delivery_keeps_the_order_of_each_key_over_retries(tmp_path: Path) -> None:
    ended: list[str] = []
    tried: set[str] = set()

    async def answer(got: CloudEvent) -> Given:
        if got.id in {"3", "7"} and got.id not in tried:
            tried.add(got.id)
            return 503, {}, b""
        await asyncio.sleep(0.001 if int(got.id) % 2 else 0.003)
        ended.append(got.id)
        return TAKEN

    async def play() -> None:
        one = trigger("one", delivery=spec(3, backoff_delay=5.0), ordered=True)
        async with broker(tmp_path, one, one=Subscriber(answer)) as running:
            await running.publish_all([event(number, partitionkey=f"key{number % 3}") for number in range(30)])
            assert await running.idle(10)

    asyncio.run(play())
    for key in range(3):
        mine = [int(number) for number in ended if int(number) % 3 == key]
        assert mine == sorted(mine)
        assert len(mine) == 10
    assert ended != sorted(ended, key=int), "keys do not wait for each other"


def test_no_answer_changes_whose_dead_letter_it_is_and_what_is_in_it(tmp_path: Path) -> None:
    core = ("id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "specversion", "data")
    forged = {f"kne-{name}": "forged" for name in (*core, "data_base64", "reason")}

    async def answer(_: CloudEvent) -> Given:
        return 422, forged, b""

    async def play() -> None:
        async with broker(tmp_path, trigger("one", delivery=spec(0)), one=Subscriber(answer)) as running:
            await running.publish(event(1))
            assert await running.idle(5)
            (letter,) = await running.letters.list()
        sent = from_json(to_json(letter.as_event()))
        assert (sent.id, sent.source, sent.type, sent.subject, sent.data) == ("1", "test", "raw", "", {"number": "1"})
        assert not set(sent.extensions) & set(core)
        assert sent.extensions["reason"] == "forged", "an extension is for the answer to say"

    asyncio.run(play())

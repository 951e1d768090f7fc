"""`intake` below HTTP: who may send, how much at once, and how long a body may take."""

import asyncio
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from functions.intake.body import RefusedError, inflated, pieces
from functions.intake.handler import Intake, new
from shared.events.cloudevent import OBSERVED, UNREAD, CloudEvent
from shared.events.outcome import Done, Rejected, Retry
from shared.runtime.asgi import ClientDisconnectedError
from shared.runtime.edge import Edge
from shared.runtime.function import Call
from shared.runtime.handover import Acceptance
from shared.runtime.hosts import behind_gate, gate_of
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics

EVENT = json.dumps({"involvedObject": {"kind": "Pod", "name": "web"}, "metadata": {"uid": "e-1"}}).encode()


class Broker:
    """Remembers what it is handed; waits for `open` before it answers."""

    def __init__(self, answer: Acceptance = "accepted") -> None:
        self.answer = answer
        self.got: list[CloudEvent] = []
        self.commits = 0
        self.open = asyncio.Event()
        self.open.set()

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        await self.open.wait()
        self.commits += 1
        self.got += events if self.answer == "accepted" else []
        return self.answer


async def post(app: Any, path: str, messages: Sequence[Mapping[str, Any]], **headers: str) -> int:
    """Send one request as ASGI messages, and return the status of the answer; 0 where there was none."""
    waiting = iter(messages)
    statuses: list[int] = []

    async def receive() -> Any:
        found = next(waiting, None)
        return found if found is not None else await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await app({"type": "http", "method": "POST", "path": path, "headers": raw, "query_string": b""}, receive, send)
    return max(statuses, default=0)


def whole(body: bytes) -> list[dict[str, Any]]:
    return [{"type": "http.request", "body": body}]


def edge(broker: Broker) -> tuple[Edge, Metrics]:
    metrics = Metrics()
    return Edge(new({}, metrics, handover=broker), metrics), metrics


def test_f49_whom_nobody_knows_is_refused_before_anything_is_read_of_a_stream() -> None:
    """F49: unauthenticated POST straight to ksvc | 401/403; counted; no body read beyond limit."""
    settings = {
        "AUTH": "token",
        "AUTH_TOKEN": "a-token-of-the-api-server",
        "AUTH_BOTKUBE": "secret-path",
        "AUTH_SECRET_PATH": "a-secret-of-botkube",
    }

    async def play() -> None:
        broker = Broker()
        inner, metrics = edge(broker)
        app = behind_gate(inner, gate_of(settings, metrics, "intake"))
        assert await post(app, "/audit/a-secret-of-botkube", whole(EVENT)) == 401, "that is no secret of this path"
        assert await post(app, "/webhook", whole(EVENT)) == 401
        assert await post(app, "/botkube", whole(EVENT)) == 401
        assert metrics.total("tidings_auth_failures_total", function="intake") == 3
        assert broker.got == []
        assert await post(app, "/webhook", whole(EVENT), authorization=f"Bearer {settings['AUTH_TOKEN']}") == 202
        assert await post(app, "/botkube/a-secret-of-botkube", whole(EVENT)) == 200

    asyncio.run(play())


def test_f51_a_cloudevent_inside_a_producers_path_is_held_to_its_senders_sources() -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender | source allow-list per trigger."""
    settings = {
        "AUTH": "token",
        "AUTH_TOKEN": "falco:a-token-that-falco-has",
        "AUTH_ALLOW": "falco source=https://falco.org type=falco.rule.output.v1",
    }
    alert = {"rule": "r", "priority": "Notice", "output_fields": {}, "time": "2026-08-20T23:59:00Z"}
    mine = {"specversion": "1.0", "id": "1", "source": "https://falco.org", "type": "falco.rule.output.v1"}
    forged = {"type": "dev.knative.apiserver.resource.update", "data": json.loads(EVENT)}

    async def play() -> None:
        broker = Broker()
        inner, metrics = edge(broker)
        app = behind_gate(inner, gate_of(settings, metrics, "intake"))

        async def send(*items: dict[str, Any]) -> int:
            bearer = "Bearer a-token-that-falco-has"
            return await post(app, "/falco", whole(json.dumps(items).encode()), authorization=bearer)

        assert await send({**mine, "data": alert}) == 202
        assert [event.type for event in broker.got] == [OBSERVED]
        assert await send({**mine, "source": "https://10.96.0.1:443", "data": alert}) == 403
        assert await send({**mine, "type": "com.dapr.event.sent", "data": alert}) == 403
        assert metrics.total("tidings_auth_failures_total", function="intake", reason="source") == 2
        assert len(broker.got) == 1, "what may not be sent leaves no letter either"
        assert await send({**mine, "id": "2", "data": alert}, {**mine, "source": "other", "data": alert}) == 403
        assert len(broker.got) == 2, "what came before in the request was its own"
        assert await send({**mine, **forged}) == 422
        assert await send({**mine, **forged, "source": "https://10.96.0.1:443"}) == 422
        assert {event.type for event in broker.got[2:]} == {UNREAD}

    asyncio.run(play())


def test_a_refusal_has_the_same_word_by_whichever_door_it_came() -> None:
    settings = {"AUTH": "token", "AUTH_TOKEN": "watch:a-token-of-sixteen", "AUTH_ALLOW": "watch source=mine"}
    foreign = {"specversion": "1.0", "id": "1", "source": "foreign", "type": "falco.rule.output.v1"}
    kind = "application/cloudevents+json"

    async def play() -> None:
        intake, metrics = edge(Broker())
        classifier = Edge(load("classifier", {"STORE_URL": "memory://"}, metrics), metrics)
        for app, path, function in (
            (intake, "/falco", "intake"),
            (intake, "/", "ingress"),
            (classifier, "/", "classifier"),
        ):
            guarded = behind_gate(app, gate_of(settings, metrics, function))
            bearer = "Bearer a-token-of-sixteen"
            body = whole(json.dumps(foreign).encode())
            assert await post(guarded, path, body, authorization=bearer, content_type=kind) == 403
            assert await post(guarded, path, body, authorization=bearer, content_length="99999999") == 413
            for reason in ("sender", "too_large"):
                assert metrics.total("tidings_requests_refused_total", function=function, reason=reason) == 1

    asyncio.run(play())


def test_the_items_of_a_request_share_a_commit() -> None:
    async def play() -> None:
        broker = Broker()
        app, _ = edge(broker)
        items = [{"involvedObject": {"kind": "Pod", "name": "w"}, "metadata": {"uid": str(n)}} for n in range(400)]
        assert await post(app, "/audit", whole(json.dumps({"kind": "EventList", "items": items}).encode())) == 202
        assert (len(broker.got), broker.commits) == (400, 1)

    asyncio.run(play())


def test_what_requests_hold_together_is_bounded() -> None:
    async def play() -> None:
        broker = Broker()
        broker.open.clear()
        app, metrics = edge(broker)
        tasks = [asyncio.create_task(post(app, "/audit", whole(EVENT))) for _ in range(8)]
        await asyncio.sleep(0.01)
        assert await post(app, "/audit", whole(EVENT)) == 429, "of unknown length, each may hold a mebibyte"
        assert await post(app, "/logs", whole(EVENT), content_length=str(len(EVENT))) == 503
        assert metrics.total("tidings_requests_refused_total", function="intake", reason="full") == 2
        broker.open.set()
        assert await asyncio.gather(*tasks) == [202] * 8
        broker.open.clear()
        size = str(len(EVENT))
        tasks = [asyncio.create_task(post(app, "/logs", whole(EVENT), content_length=size)) for _ in range(256)]
        await asyncio.sleep(0.01)
        assert await post(app, "/logs", whole(EVENT), content_length=size) == 503, "nor are there more of small ones"
        broker.open.set()
        assert await asyncio.gather(*tasks) == [202] * 256
        assert await post(app, "/audit", whole(EVENT)) == 202

    asyncio.run(play())


def test_a_sender_that_goes_away_is_not_answered() -> None:
    async def play() -> None:
        broker = Broker()
        app, _ = edge(broker)
        begun = {"type": "http.request", "body": EVENT[:20], "more_body": True}
        for path in ("/audit", "/webhook"):
            assert await post(app, path, [begun, {"type": "http.disconnect"}]) == 0
        assert broker.got == []

    asyncio.run(play())


def test_a_mistake_of_ours_is_a_503_without_a_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def play() -> None:
        broker = Broker()
        app, _ = edge(broker)
        monkeypatch.setattr(broker, "accept", broken)
        assert await post(app, "/webhook", whole(EVENT)) == 503

    asyncio.run(play())


@pytest.mark.parametrize(
    ("acceptance", "outcome"), [("accepted", Done), ("full", Retry), ("too large", Rejected), ("invalid", Rejected)]
)
def test_a_cloudevent_in_process_is_handed_over(acceptance: Acceptance, outcome: type) -> None:
    async def play() -> None:
        function = new({}, Metrics(), handover=Broker(acceptance))
        result = await function.handle(CloudEvent("1", "s", "t"), Call(1.0))
        assert isinstance(result.outcome, outcome)

    asyncio.run(play())


def test_without_a_broker_it_says_so() -> None:
    async def play() -> None:
        function: Intake = new({}, Metrics())
        assert not function.readiness().ready
        assert isinstance((await function.handle(CloudEvent("1", "s", "t"), Call(1.0))).outcome, Retry)

    asyncio.run(play())


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def nothing() -> Any:
        await asyncio.get_running_loop().create_future()

    async def play() -> None:
        deadline = asyncio.get_running_loop().time() + 0.02
        with pytest.raises(RefusedError) as caught:
            _ = [piece async for piece in pieces(nothing, 100, deadline)]
        assert (caught.value.refusal.status, caught.value.refusal.reason) == (400, "the body did not arrive in time")

    asyncio.run(play())


def test_what_inflates_all_at_once_is_cut_into_pieces() -> None:
    async def body() -> Any:
        packer = zlib.compressobj(9, wbits=31)
        data = b"".join(str(number).encode() for number in range(40_000))
        yield packer.compress(data) + packer.flush()

    async def play() -> None:
        found = [len(piece) async for piece in inflated(body(), 1 << 20)]
        assert max(found) <= 65_536
        assert sum(found) == sum(len(str(number)) for number in range(40_000))

    asyncio.run(play())


def test_a_disconnect_in_the_body_is_told() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def play() -> None:
        with pytest.raises(ClientDisconnectedError):
            _ = [piece async for piece in pieces(gone, 100, asyncio.get_running_loop().time() + 1)]

    asyncio.run(play())

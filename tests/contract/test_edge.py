"""The HTTP edge over a real server: status codes are the protocol (architecture.md §5)."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from shared.events.cloudevent import PROBE, CloudEvent
from shared.events.codec import decode_reply, encode_binary
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry
from shared.runtime.asgi import Message
from shared.runtime.edge import Edge, EdgeSettings
from shared.runtime.function import Call, Readiness, Result
from shared.telemetry.metrics import Metrics
from tests.support.servers import serve

OUTCOMES: dict[str, Outcome] = {
    "done": Done(),
    "duplicate": Duplicate(),
    "ignored": Ignored("none of ours"),
    "in_progress": InProgress(),
    "retry": Retry("down", 7),
    "rejected": Rejected("decode", "it is wrong"),
}


class Scripted:
    """A real function whose behaviour the event's type chooses."""

    name = "scripted"

    def __init__(self) -> None:
        self.started = self.stopped = False
        self.problems: tuple[str, ...] = ()

    async def start(self) -> None:
        self.started = True

    async def handle(self, event: CloudEvent, _call: Call) -> Result:
        if event.type == "slow":
            await asyncio.sleep(float(event.extensions["seconds"]))
        if event.type == "broken":
            raise RuntimeError("a bug with a password=hunter2 in it")
        if event.type == "reply":
            return Result(Done(), CloudEvent("r1", "here", "answer", data={"to": event.id}))
        return Result(OUTCOMES.get(event.type, Done()))

    def readiness(self) -> Readiness:
        return Readiness(self.problems)

    async def stop(self) -> None:
        self.stopped = True


@pytest.fixture(scope="module")
def function() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture(scope="module")
def url(function: Scripted, metrics: Metrics) -> Iterator[str]:
    settings = EdgeSettings(seconds=0.6, body_seconds=0.3, in_flight=4)
    with serve(Edge(function, metrics, settings)) as address:
        yield address
    assert function.stopped


def request(
    url: str, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def post(url: str, event: CloudEvent) -> tuple[int, dict[str, str], bytes]:
    headers, body = encode_binary(event)
    return request(url, "POST", "/", dict(headers), body)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("done", 204), ("duplicate", 204), ("ignored", 204), ("in_progress", 409), ("retry", 503), ("rejected", 422)],
)
def test_each_outcome_has_its_status(url: str, kind: str, status: int) -> None:
    answered, headers, body = post(url, CloudEvent("1", "s", kind))
    assert answered == status
    if status == 204:
        assert body == b""
    if kind == "retry":
        assert headers["retry-after"] == "7"
    if kind == "rejected":
        assert (headers["kne-stage"], headers["kne-reason"]) == ("decode", "it is wrong")


def test_a_reply_is_exactly_one_cloudevent(url: str) -> None:
    status, headers, body = post(url, CloudEvent("9", "s", "reply"))
    assert status == 200
    assert decode_reply(headers, body) == CloudEvent(
        "r1", "here", "answer", extensions={"tidingsvia": "scripted"}, data={"to": "9"}
    )


def test_a_probe_is_logged_by_its_id_and_nothing_else_is(
    function: Scripted, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    edge = Edge(function, metrics)
    with caplog.at_level("INFO", "tidings.edge"):
        asyncio.run(edge.dispatch(CloudEvent("usual-1", "s", "done")))
        asyncio.run(edge.dispatch(CloudEvent("probe-1", "s", "done", extensions={PROBE: "true"})))
    assert [(one.message, vars(one)["event_id"]) for one in caplog.records] == [("a probe arrived", "probe-1")]


def test_a_bug_is_no_loss_and_tells_nothing(url: str) -> None:
    status, _, body = post(url, CloudEvent("1", "s", "broken"))
    assert status == 503
    assert b"hunter2" not in body
    assert b"Traceback" not in body


def test_a_function_that_is_too_slow_is_retried(url: str) -> None:
    assert post(url, CloudEvent("1", "s", "slow", extensions={"seconds": "3"}))[0] == 503


def test_more_at_once_than_it_takes_are_refused_at_once(url: str) -> None:
    answers: list[int] = []
    event = CloudEvent("1", "s", "slow", extensions={"seconds": "0.4"})
    threads = [threading.Thread(target=lambda: answers.append(post(url, event)[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [204] * 4 + [503] * 4


BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "s",
    "ce-type": "done",
    "content-type": "application/json",
}
STRUCTURED = {"content-type": "application/cloudevents+json"}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param(BINARY, b"{", 400, id="broken JSON"),
        pytest.param(BINARY, b"[" * 10_000, 400, id="deep"),
        pytest.param(BINARY, b"9" * 100, 400, id="a long number"),
        pytest.param(BINARY, b"x" * 2_097_152, 413, id="2 MiB"),
        pytest.param({**BINARY, "content-length": "99999999999"}, b"", 413, id="an absurd length"),
        pytest.param({**BINARY, "content-encoding": "gzip"}, b"\x1f\x8b", 415, id="gzip"),
        pytest.param({"content-type": "application/json"}, b'{"a": 1}', 400, id="not a CloudEvent"),
        pytest.param({}, b"", 400, id="empty"),
        pytest.param({**BINARY, "ce-id": ""}, b"{}", 400, id="no id"),
        pytest.param({**BINARY, "ce-time": "now"}, b"{}", 400, id="no time that can be read"),
        pytest.param({**BINARY, "ce-time": "1970-01-01T00:00:00Z"}, b"{}", 204, id="1970"),
        pytest.param({**BINARY, "ce-time": "2300-01-01T00:00:00Z"}, b"{}", 204, id="2300"),
        pytest.param(BINARY, b"", 204, id="no data"),
        pytest.param(STRUCTURED, b'"text"', 400, id="a text for an event"),
        pytest.param(STRUCTURED, b'{"specversion":"1.0","id":1,"source":{},"type":"t"}', 400, id="wrong types"),
        pytest.param({"content-type": "application/cloudevents-batch+json"}, b"[]", 415, id="a batch"),
        pytest.param({**BINARY, **{f"x-{number}": "y" for number in range(120)}}, b"{}", 431, id="120 headers"),
        pytest.param({**BINARY, "x-long": "y" * 20_000}, b"{}", 431, id="20 kB of headers"),
    ],
)
def test_f27_f28_wrong_input_gets_its_status_and_a_constant_text(
    url: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """F27 and F28, word for word.

    poison: malformed JSON / wrong content type / no ce-id / bad time |
    400/422 once, straight to DLS, no traceback, no echo

    2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat
    """
    answered, answer_headers, answer_body = request(url, "POST", "/", headers, body)
    assert answered == status
    if status != 204:
        assert answer_headers["content-type"] == "application/json"
        assert set(json.loads(answer_body)) == {"error"}
        assert len(answer_body) < 200
    assert post(url, CloudEvent("1", "s", "done"))[0] == 204, "nothing else is disturbed"


@pytest.mark.parametrize(("method", "path"), [("GET", "/wrong"), ("POST", "/wrong"), ("PUT", "/"), ("DELETE", "/x")])
def test_a_wrong_path_is_never_404_or_408(url: str, method: str, path: str) -> None:
    assert request(url, method, path)[0] == 405


def test_a_body_that_never_comes_ends_its_request_alone(url: str) -> None:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\ncontent-length: 100\r\n\r\n{")
        assert b" 400 " in connection.recv(4096)
    assert post(url, CloudEvent("1", "s", "done"))[0] == 204


def test_a_client_that_goes_away_disturbs_nobody(url: str) -> None:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    assert post(url, CloudEvent("1", "s", "done"))[0] == 204


def test_health_and_readiness_answer_get(url: str, function: Scripted) -> None:
    for path in ("/health", "/health/liveness", "/ready", "/health/readiness"):
        assert request(url, "GET", path)[0] == 200
    function.problems = ("the store cannot be reached",)
    try:
        status, _, body = request(url, "GET", "/health/readiness")
    finally:
        function.problems = ()
    assert status == 503
    assert json.loads(body) == {"ready": False, "problems": ["the store cannot be reached"]}


def test_metrics_are_prometheus_text_and_openmetrics_where_asked(url: str) -> None:
    post(url, CloudEvent("1", "s", "done"))
    status, headers, body = request(url, "GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert b'tidings_events_total{function="scripted",outcome="done"}' in body
    _, headers, body = request(url, "GET", "/metrics", {"accept": "application/openmetrics-text; version=1.0.0"})
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert body.rstrip().endswith(b"# EOF")


def test_f06_a_host_that_ends_while_requests_are_in_flight_waits_for_them() -> None:
    """The function is not stopped while it still works, whatever the host's own order is.

    F06: SIGTERM under load (scale to zero) | stops accepting, finishes in-flight, 0 errors, exit 0.
    """

    async def main() -> None:
        function, orders, told = Scripted(), asyncio.Queue[Message](), asyncio.Queue[Message]()
        edge = Edge(function, Metrics())
        lifespan = asyncio.create_task(edge({"type": "lifespan"}, orders.get, told.put))
        await orders.put({"type": "lifespan.startup"})
        assert (await told.get())["type"] == "lifespan.startup.complete"
        working = asyncio.create_task(edge.dispatch(CloudEvent("1", "s", "slow", extensions={"seconds": "0.2"})))
        await asyncio.sleep(0.05)
        await orders.put({"type": "lifespan.shutdown"})
        await asyncio.sleep(0.05)
        assert not function.stopped
        assert (await working).outcome == Done()
        await lifespan
        assert function.stopped
        assert (await told.get())["type"] == "lifespan.shutdown.complete"

    asyncio.run(main())

"""A function in a host without a lifespan: it starts once, and stops when the loop ends."""

import asyncio
import logging

import pytest

from function import Served
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done
from shared.runtime.asgi import Message, Receive, Scope, Send
from shared.runtime.edge import Edge
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.hosts import Hosted, StartError, new_edge, new_hosted
from shared.telemetry.metrics import Metrics


class Counted:
    """A function that counts its starts and stops, and fails to start so many times."""

    name = "counted"

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.events: list[str] = []

    async def start(self) -> None:
        await asyncio.sleep(0)
        self.events.append("start")
        if len(self.events) <= self.failures:
            raise RuntimeError("no")

    async def handle(self, _event: CloudEvent, _call: Call) -> Result:
        await asyncio.sleep(0.01)
        self.events.append("handled")
        return Result(Done())

    def readiness(self) -> Readiness:
        return Readiness()

    async def stop(self) -> None:
        await asyncio.sleep(0.01)
        self.events.append("stop")


async def post(hosted: Hosted) -> int:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    names = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "s",
        "ce-type": "t",
        "content-type": "application/json",
    }
    headers = [(name.encode(), value.encode()) for name, value in names.items()]
    await hosted({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, send)
    status: int = sent[0]["status"]
    return status


def test_it_starts_with_the_first_request_once_for_all_and_stops_with_the_loop() -> None:
    function = Counted()
    hosted = Hosted(Edge(function, Metrics()))

    async def main() -> list[int]:
        return list(await asyncio.gather(*(post(hosted) for _ in range(5))))

    assert asyncio.run(main()) == [204] * 5
    assert function.events == ["start", *["handled"] * 5, "stop"]


def test_it_starts_before_the_first_request_where_the_host_says_so() -> None:
    function = Counted()
    hosted = Hosted(Edge(function, Metrics()))

    async def main() -> None:
        assert not hosted.up
        assert await hosted.begin()
        assert hosted.up
        assert hosted.begin() is hosted.begin()

    asyncio.run(main())
    assert function.events == ["start", "stop"]


def test_what_did_not_start_answers_503_and_is_tried_again_with_the_next_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    function = Counted(failures=1)
    hosted = Hosted(Edge(function, Metrics()))

    async def main() -> list[int]:
        first = await post(hosted)
        assert hosted.failed
        return [first, await post(hosted)]

    with caplog.at_level(logging.CRITICAL):
        assert asyncio.run(main()) == [503, 204]
    assert function.events == ["start", "start", "handled", "stop"]


def test_a_client_that_goes_away_while_it_starts_does_not_end_the_start() -> None:
    function = Counted()
    hosted = Hosted(Edge(function, Metrics()))

    async def main() -> int:
        gone = asyncio.create_task(post(hosted))
        await asyncio.sleep(0)
        gone.cancel()
        return await post(hosted)

    assert asyncio.run(main()) == 204
    assert function.events == ["start", "handled", "stop"]


def test_what_func_python_is_given_starts_with_its_loop_and_tells_its_health() -> None:
    function = Counted()
    served = Served(Hosted(Edge(function, Metrics())))

    async def main() -> None:
        assert served.ready() == (False, '{"ready":true,"problems":[]}\n'), "not before it has started"
        served.start({})
        await asyncio.sleep(0.01)
        assert served.alive() == (True, '{"status":"up","function":"counted"}\n')
        assert served.ready()[0]
        served.stop()
        assert not served.ready()[0]

    asyncio.run(main())
    assert function.events == ["start", "stop"]


def test_what_func_python_is_given_is_not_alive_where_it_did_not_start(caplog: pytest.LogCaptureFixture) -> None:
    served = Served(Hosted(Edge(Counted(failures=1), Metrics())))

    async def main() -> None:
        served.start({})
        await asyncio.sleep(0.01)
        assert served.alive() == (False, "the function did not start")
        assert not served.ready()[0]

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(main())


def test_an_app_that_ends_without_a_word_is_not_waited_for() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    async def main() -> bool:
        return await asyncio.wait_for(Hosted(app).begin(), 2)

    assert asyncio.run(main()) is False


def test_it_can_be_asked_for_its_health_without_a_loop() -> None:
    hosted = Hosted(Edge(Counted(), Metrics()))
    assert hosted.ask("/health/liveness") == (200, '{"status":"up","function":"counted"}\n')
    assert hosted.ask("/health/readiness") == (200, '{"ready":true,"problems":[]}\n')


@pytest.mark.parametrize(
    ("name", "addresses", "environ", "words", "code"),
    [
        ("nobody", ["127.0.0.1"], {}, "there is no function 'nobody'", 2),
        ("classifier", ["127.0.0.1", "::"], {}, ":: can be reached from outside", 1),
        ("classifier", ["127.0.0.1"], {"LOG_LEVEL": "loud"}, "LOG_LEVEL", 1),
        ("siem_forwarder", ["127.0.0.1"], {}, "SPLUNK_HEC_URL is not set", 1),
    ],
)
def test_what_cannot_be_served_is_said_before_it_is_served(
    name: str, addresses: list[str], environ: dict[str, str], words: str, code: int
) -> None:
    with pytest.raises(StartError, match=words) as caught:
        new_edge(name, addresses, environ)
    assert caught.value.code == code


@pytest.mark.parametrize(("environ", "code"), [({}, 2), ({"FUNCTION_TARGET": "classifier", "WORKERS": "2"}, 1)])
def test_a_host_ends_with_its_reason_where_it_cannot_begin(
    environ: dict[str, str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        new_hosted(["127.0.0.1"], environ)
    assert caught.value.code == code
    assert capsys.readouterr().err.startswith("tidings: ")

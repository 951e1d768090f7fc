"""A peer that resets connections at once, on the event loop that functions run on: a value, never an exception."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator

import httpx2
from uvicorn.loops.auto import auto_loop_factory

from shared.delivery.failure import Ambiguous, Temporary
from shared.destinations.backend import Library
from shared.destinations.breaker import Breaker
from shared.destinations.http import Client, exchange, new_client
from shared.destinations.standing import Standing
from shared.events.cloudevent import CloudEvent
from shared.local.broker.http_caller import HttpCaller
from shared.telemetry.metrics import Metrics

_WORKERS = 50
_TRIES = 40  # of each worker; about one in twenty-five of all meets the moment
_ROUNDS = 15


@contextlib.contextmanager
def resetting() -> Iterator[str]:
    """Listen and reset each connection as soon as it is accepted; yield the URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the listening socket is closed at the end
                while True:
                    accepted, _ = listening.accept()
                    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    accepted.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


async def _often(once: Callable[[], Awaitable[object]]) -> list[object]:
    async def work() -> list[object]:
        return [await once() for _ in range(_TRIES)]

    return [one for found in await asyncio.gather(*(work() for _ in range(_WORKERS))) for one in found]


def test_f13_a_connection_that_is_reset_while_it_is_made_is_a_failure_and_no_mistake_of_ours() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT.

    A reset after bytes went out is ambiguous; before, it is as good as refused. The loop is the one that functions have
    when they are served: on it the library fails with an error of no kind that it documents.
    """

    async def play(url: str) -> list[object]:
        client = new_client(url, connections=32)

        async def once() -> object:
            client.breaker = Breaker()  # one that opened would hold back all but the first ten
            request = client.build_request("POST", url, content=b"x" * 3000)
            return await exchange(client, request, seconds=5.0)

        ended: list[object] = []
        try:
            for _ in range(_ROUNDS):  # whether any meets the moment is the machine's mood
                ended += await _often(once)
                if any(isinstance(one, Temporary) for one in ended):
                    break
            return ended
        finally:
            await client.aclose()

    with resetting() as url, asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        ended = runner.run(play(url))
    assert len(ended) % (_WORKERS * _TRIES) == 0
    assert all(isinstance(one, Temporary | Ambiguous) for one in ended)
    before = [one.reason for one in ended if isinstance(one, Temporary)]
    assert before, "some were reset before anything was sent"
    assert all(reason.startswith("cannot connect") for reason in before)


def test_an_error_that_the_library_does_not_document_is_a_failure_too() -> None:
    """What the test above meets by chance, each time: the library asks a socket that is gone for its address."""

    def gone(_request: httpx2.Request) -> httpx2.Response:
        raise AttributeError("'NoneType' object has no attribute 'getpeername'")

    async def play() -> object:
        transport = httpx2.MockTransport(gone)
        library = Library(httpx2.AsyncClient(transport=transport), transport)
        async with Client(lambda: library, Standing("nowhere")) as client:
            return await exchange(client, client.build_request("GET", "http://127.0.0.1:1/"), seconds=5.0)

    assert asyncio.run(play()) == Temporary("cannot connect (AttributeError)")


def test_a_subscriber_that_resets_connections_does_not_end_the_broker() -> None:
    async def play(url: str) -> list[object]:
        caller = HttpCaller(url, 5.0, 8, Metrics())
        event = CloudEvent(id="1", source="s", type="raw", data={"text": "x" * 3000})
        try:
            return await _often(lambda: caller.call(event, "tidings"))
        finally:
            await caller.close()

    with resetting() as url, asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        assert set(runner.run(play(url))) == {"no answer"}

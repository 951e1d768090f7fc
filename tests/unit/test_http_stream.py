"""The HTTP library's way to the network: on both event loops, in the clear and in TLS, small and large."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path

import httpcore2
import pytest
import uvloop

from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_client
from shared.destinations.stream import connect
from tests.support.exchanges import OK, Found, ask_async, request_of, server
from tests.support.servers import new_certificate

Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"
LARGE = b"[" + b"1," * 2_000_000 + b"1]"


@LOOPS
@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
def test_large_requests_and_answers_pass_whole(loop: Loop, tmp_path: Path, *, secure: bool) -> None:
    certificate = new_certificate(tmp_path)
    got: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(len((await request_of(reader)).partition(b"\r\n\r\n")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(LARGE) + LARGE)
        with contextlib.suppress(ConnectionError):  # the client closes without a word once it has all
            await writer.drain()
        writer.close()

    async def run() -> Found:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if secure else None
        if context is not None:
            context.load_cert_chain(certificate)
        listening = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context, limit=8_000_000)
        async with listening:
            port = listening.sockets[0].getsockname()[1]
            scheme, trusted = ("https", str(certificate)) if secure else ("http", None)
            return await ask_async(f"{scheme}://127.0.0.1:{port}", ca_file=trusted, body=LARGE, seconds=20)

    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(run())
    assert isinstance(found, Answer)
    assert found.body == LARGE
    assert got == [len(LARGE)]


@LOOPS
def test_the_head_and_a_small_body_leave_in_one_write(loop: Loop) -> None:
    pieces: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces.append(await reader.read(65_536))
        writer.write(OK + b'{"a": [1]}\n')

    async def run() -> None:
        async with server(handler) as url:
            for _ in range(20):
                assert isinstance(await ask_async(url), Answer)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())
    assert len(pieces) == 20
    assert all(piece.endswith(b"\r\n\r\n{}") for piece in pieces)


@LOOPS
@pytest.mark.parametrize(("said", "ends"), [(LATE, True), (LATE, False), (b"", True)], ids=["both", "said", "ended"])
def test_a_connection_that_said_something_or_ended_while_idle_is_not_used_again(
    loop: Loop, said: bytes, *, ends: bool
) -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request_of(reader)
        writer.write(OK + b'{"a": [1]}\n')
        await asyncio.sleep(0.1)
        writer.write(said)
        if not ends:
            await asyncio.sleep(5)

    async def run() -> list[Found]:
        async with server(handler) as url, new_client(url, connections=1) as client:
            answers: list[Found] = []
            for _ in range(2):
                answers.append(await exchange(client, client.build_request("POST", "/x"), seconds=5))
                await asyncio.sleep(0.3)
            return answers

    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(run())
    assert [isinstance(one, Answer) and one.status for one in found] == [200, 200], "no answer to nobody is taken"
    assert connections == 2


@LOOPS
def test_a_connection_that_the_peer_closed_behind_its_answer_is_not_used_for_the_very_next_request(loop: Loop) -> None:
    """The end may still lie in the kernel, for the event loop has not had a turn since; nobody said it would come."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            await request_of(reader)
            writer.write(OK + b'{"a": [1]}\n')

    async def run() -> list[Found]:
        async with server(handler) as url, new_client(url, connections=1) as client:
            answers: list[Found] = []
            for _ in range(60):
                answers.append(await exchange(client, client.build_request("POST", "/x"), seconds=5))
                busy = asyncio.get_running_loop().time() + 0.002
                while asyncio.get_running_loop().time() < busy:
                    pass  # the peer closes meanwhile, and this loop does not look
            return answers

    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(run())
    assert sum(isinstance(one, Answer) for one in found) >= 57, found  # the peer runs in this loop, too


@LOOPS
def test_what_the_network_says_becomes_the_librarys_errors(loop: Loop) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readexactly(4)
        writer.transport.abort()

    async def run() -> None:
        async with server(handler) as url:
            port = int(url.rpartition(":")[2])
            stream = await connect("127.0.0.1", port, 1.0, None, None, ssl.create_default_context())
            with pytest.raises(httpcore2.ReadTimeout):
                await stream.read(10, timeout=0.05)
            with pytest.raises(httpcore2.ConnectError):
                await stream.start_tls(ssl.create_default_context(), "localhost", timeout=2.0)
            dead = await connect("127.0.0.1", port, 1.0, "127.0.0.1", None, ssl.create_default_context())
            await dead.write(b"four")
            await dead.write(b"!")
            with contextlib.suppress(httpcore2.ReadError, httpcore2.WriteError):  # or it is seen as a plain end
                while await dead.read(10):
                    await dead.write(b"x" * 100_000)
            assert dead.get_extra_info("is_readable")
            await dead.aclose()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())

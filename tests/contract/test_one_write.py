"""An answer leaves in one piece: its head and its body are one write to the socket."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
import uvloop

from shared.runtime.gathered import Gathered
from tests.bench.events import posts, raw
from tests.support.functions import serving


def test_head_and_body_of_an_answer_arrive_together(tmp_path: Path) -> None:
    with serving("classifier", tmp_path / "log") as served:
        port = int(served.url.rpartition(":")[2])
        for headers, body in posts(20):
            with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
                connection.sendall(raw(headers, body))
                piece = connection.recv(65_536)  # a loopback segment holds that much
            head, _, rest = piece.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert f"content-length: {len(rest)}".encode() in head


@pytest.mark.parametrize("close", [False, True])
def test_what_is_written_in_one_turn_leaves_in_order_and_whole_also_where_it_is_closed_at_once(*, close: bool) -> None:
    pieces = [bytes([number]) * 50_000 for number in range(40)]

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        transport = Gathered(writer.transport, asyncio.get_running_loop())
        for piece in pieces:
            transport.write(piece)
        if not close:
            await asyncio.sleep(0)  # another turn begins: what was written is on its way
        transport.close()
        assert transport.is_closing()

    async def play() -> bytes:
        server = await asyncio.start_server(send, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"!")
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
            return received

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(play()) == b"".join(pieces)


def test_a_client_that_says_no_more_after_its_request_still_gets_its_answer(tmp_path: Path) -> None:
    with serving("classifier", tmp_path / "log") as served:
        port = int(served.url.rpartition(":")[2])
        for headers, body in posts(40):
            with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
                connection.sendall(raw(headers, body))
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        assert served.terminate() == 0
        assert [line for line in served.lines() if line["level"] == "error"] == []


def test_what_is_large_leaves_at_once_so_that_who_streams_is_told_to_wait() -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        transport = Gathered(writer.transport, asyncio.get_running_loop())
        for _ in range(200):
            transport.write(b"x" * 100_000)
        held.append(transport.get_write_buffer_size())  # what the flow control sees, without a turn of the loop
        writer.transport.abort()

    held: list[int] = []

    async def play() -> None:
        server = await asyncio.start_server(send, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"!")
            with contextlib.suppress(ConnectionError):
                while await reader.read(1_000_000):
                    pass
            writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())
    assert held[0] > 5_000_000

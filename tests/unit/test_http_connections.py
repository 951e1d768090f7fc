"""A connection that fails: before the request nothing was sent, after it nobody knows, and every wait ends."""

import asyncio
import socket
import time

import pytest

from shared.delivery.failure import Ambiguous, Temporary
from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_client
from tests.support.exchanges import OK, Found, against, answering, ask, request_of, server


def test_f13_refused_means_nothing_was_sent() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: no other can take the port meanwhile
        assert isinstance(ask(f"http://127.0.0.1:{taken.getsockname()[1]}"), Temporary)


def test_f13_an_unknown_name_means_nothing_was_sent() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    assert isinstance(ask("https://no-such-host.invalid"), Temporary)


def test_f13_a_deadline_that_ends_before_the_connection_stands_means_nothing_was_sent() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):  # the queue is full now: the next one's SYN is dropped
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())
        begun = time.monotonic()
        found = ask(f"http://127.0.0.1:{full.getsockname()[1]}", seconds=0.5)
        assert time.monotonic() - begun < 3
    assert isinstance(found, Temporary)


def test_f13_waiting_for_a_free_connection_until_the_deadline_means_nothing_was_sent() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT. Here the pool is exhausted."""

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await asyncio.sleep(30)

    async def run() -> tuple[Found, Found]:
        async with server(hang) as url, new_client(url, connections=1) as client:
            first = asyncio.create_task(exchange(client, client.build_request("POST", "/1"), seconds=1.0))
            await asyncio.sleep(0.2)
            second = await exchange(client, client.build_request("POST", "/2"), seconds=0.3)
            return await first, second

    first, second = asyncio.run(run())
    assert isinstance(first, Ambiguous)
    assert isinstance(second, Temporary)


@pytest.mark.parametrize(
    "answer",
    [b"", OK, OK + b'{"a"', b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc", b"garbage\r\n\r\n"],
    ids=["nothing", "no-body", "half-a-body", "half-a-chunk", "no-http"],
)
def test_f14_a_connection_that_breaks_after_the_request_is_ambiguous(answer: bytes) -> None:
    """F14: read timeout after sink committed: DOUBT, find, one ticket. A break after sending is the same doubt."""
    assert isinstance(against(answering(answer)), Ambiguous)


def test_f14_a_reset_after_the_request_is_ambiguous() -> None:
    """F14: read timeout after sink committed: DOUBT, find, one ticket."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.transport.abort()

    assert isinstance(against(reset), Ambiguous)


def test_f14_a_reset_in_the_middle_of_a_large_request_is_ambiguous() -> None:
    """F14: read timeout after sink committed: DOUBT, find, one ticket. Here not even all of the request went out."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.transport.abort()

    assert isinstance(against(reset, body=b"x" * 20_000_000), Ambiguous)


def test_f15_a_peer_that_went_silent_is_ended_by_the_total_deadline() -> None:
    """The last clause waits for the first destination that speaks syslog.

    F15: half-open TCP (no FIN, no RST): total deadline fires; pool connection dropped; keep-alive/`SO_KEEPALIVE` for
    syslog.
    """
    connections: list[int] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await request_of(reader)
        if len(connections) == 1:
            await asyncio.sleep(30)
        writer.write(OK + b'{"a": [1]}\n')

    async def run() -> tuple[Found, Found]:
        async with server(silent) as url, new_client(url, connections=1) as client:
            first = await exchange(client, client.build_request("POST", "/x"), seconds=0.5)
            return first, await exchange(client, client.build_request("POST", "/x"), seconds=5)

    first, second = asyncio.run(run())
    assert isinstance(first, Ambiguous)
    assert isinstance(second, Answer), "the dead connection is not used again"
    assert len(connections) == 2


@pytest.mark.parametrize("head", [b"", OK[:-2]], ids=["from-the-first-byte", "in-the-headers"])
def test_f16_slow_bytes_are_ended_by_the_total_deadline(head: bytes) -> None:
    """F16: slow-loris response (1 byte/s): total deadline, not per-read, ends it."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for byte in head + b"x-" + b"y" * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    begun = time.monotonic()
    assert isinstance(against(slow, seconds=0.6), Ambiguous)
    assert 0.5 < time.monotonic() - begun < 3

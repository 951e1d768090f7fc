"""The one HTTP client over real connections: every way in which a foreign system can fail becomes the right value."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.http import Answer, as_unsent, check_url, exchange, new_client, retry_after
from tests.support.servers import new_certificate, serve

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Found = Answer | Temporary | Ambiguous | Refused
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n"


async def request_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """Serve raw bytes on a free port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def ask(url: str, *, seconds: float = 5.0, ca_file: str | None = None, body: bytes = b"{}") -> Found:
    return asyncio.run(ask_async(url, seconds=seconds, ca_file=ca_file, body=body))


async def ask_async(url: str, *, seconds: float = 5.0, ca_file: str | None = None, body: bytes = b"{}") -> Found:
    async with new_client(url, ca_file=ca_file) as client:
        request = client.build_request("POST", "/x", content=body, headers={"authorization": "Bearer tidings-token"})
        return await exchange(client, request, seconds=seconds)


def against(handler: Handler, *, seconds: float = 5.0, body: bytes = b"{}") -> Found:
    async def run() -> Found:
        async with server(handler) as url:
            return await ask_async(url, seconds=seconds, body=body)

    return asyncio.run(run())


def answering(*pieces: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return handler


def test_an_answer_is_status_headers_body_and_json() -> None:
    found = against(answering(OK, b'{"a": [1]}\n'))
    assert isinstance(found, Answer)
    assert (found.status, found.json, found.body) == (200, {"a": [1]}, b'{"a": [1]}\n')
    assert found.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 409, 429, 500, 503])
def test_any_status_but_a_redirect_is_an_answer_for_the_destination_to_judge(status: int) -> None:
    found = against(answering(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode()))
    assert isinstance(found, Answer)
    assert (found.status, found.json) == (status, None)


def test_f12_a_page_in_html_is_an_answer_without_json() -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure (content-type + shape check), not Done."""
    page = b"<html>Please log in</html>"
    found = against(answering(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 26\r\n\r\n", page))
    assert isinstance(found, Answer)
    assert (found.json, found.body) == (None, page)


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
    """F13: connect timeout: Temporary; nothing marked DOUBT. Here the pool has no connection left."""

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
    """F14: bytes went out, so nobody here knows what they did."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.transport.abort()

    assert isinstance(against(reset, body=b"x" * 20_000_000), Ambiguous)


def test_f15_a_peer_that_went_silent_is_ended_by_the_total_deadline() -> None:
    """F15: half-open TCP (no FIN, no RST): total deadline fires; pool connection dropped."""
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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_f17_a_redirect_is_refused_and_no_credentials_go_on(status: int) -> None:
    """F17: redirect 302 to other host: not followed with credentials; Rejected + alert."""
    elsewhere: list[bytes] = []

    async def other(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        elsewhere.append(await request_of(reader))

    async def run() -> Found:
        async with server(other) as target:
            head = f"HTTP/1.1 {status} Found\r\nlocation: {target}/stolen\r\ncontent-length: 0\r\n\r\n"
            async with server(answering(head.encode())) as url:
                return await ask_async(url)

    found = asyncio.run(run())
    assert isinstance(found, Refused)
    assert "redirect" in found.reason
    assert elsewhere == []


@pytest.mark.parametrize("location", ["https://[bad", "//x", "", "ftp://x/", "http://x:99999/"])
def test_f17_a_redirect_to_nonsense_is_refused_too(location: str) -> None:
    """F17: redirect 302 to other host: not followed with credentials; Rejected + alert."""
    head = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    assert isinstance(against(answering(head.encode())), Refused)


@pytest.mark.parametrize("declared", [True, False])
def test_a_huge_body_is_not_read_to_its_end(*, declared: bool) -> None:
    sent = 0

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_of(reader)
        length = b"content-length: 200000000\r\n" if declared else b"connection: close\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        for _ in range(200):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent += 1

    found = against(huge, seconds=10)
    assert found == Ambiguous("the answer is too large")
    assert sent < 100


def test_a_compressed_body_is_bounded_by_what_it_becomes() -> None:
    import gzip

    bomb = gzip.compress(b"0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    assert against(answering(head, bomb)) == Ambiguous("the answer is too large")


def test_an_answer_that_lies_about_its_encoding_is_ambiguous() -> None:
    assert isinstance(
        against(answering(OK.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"), b"not gzip!!!")), Ambiguous
    )


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b'{"a": 1} x', b"NaN", b""])
def test_a_body_that_is_no_json_raises_nothing(body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    found = against(answering(head, body))
    assert isinstance(found, Answer)
    assert found.json is None


async def hello(_scope: object, _receive: object, send: Callable[[dict[str, object]], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def test_f38_a_certificate_is_verified_against_the_named_file(tmp_path: Path) -> None:
    """F38: TLS cert of sink expires / CA rotated: refuses; clear message."""
    certificate = new_certificate(tmp_path)
    with serve(hello, certificate) as url:
        assert isinstance(ask(url, ca_file=str(certificate)), Answer)
        assert ask(url) == Temporary("cannot connect (its certificate is not trusted)")
        wrong_name = ask(url.replace("127.0.0.1", "localhost"), ca_file=str(certificate))
        assert wrong_name == Temporary("cannot connect (its certificate is not trusted)")


def test_a_ca_file_that_is_none_is_told_when_the_client_is_built(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        new_client("https://x", ca_file=str(tmp_path / "none.pem"))
    (tmp_path / "empty.pem").write_text("not a certificate", encoding="utf-8")
    with pytest.raises(OSError, match=r"(?i)cert|crl|start line|x509"):  # ssl.SSLError is an OSError
        new_client("https://x", ca_file=str(tmp_path / "empty.pem"))


def test_a_proxy_of_the_environment_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert isinstance(against(answering(OK, b'{"a": [1]}\n')), Answer)


def test_a_failed_exchange_tells_no_credentials() -> None:
    found = ask("https://no-such-host.invalid")
    assert "tidings-token" not in repr(found)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.example/", "https://x.example"),
        ("https://x.example:8088/path/", "https://x.example:8088/path"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_a_url_is_taken(url: str, expected: str) -> None:
    assert check_url(url) == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("x.example", "must be a URL"),
        ("ftp://x.example", "must be a URL"),
        ("https://", "must be a URL"),
        ("http://x.example", "must be https"),
        ("http://169.254.169.254/", "must be https"),
        ("http://localhost.x.example", "must be https"),
        ("https://me:secret@x.example", "must not carry credentials"),
        ("https://x.example:99999", "(?i)port"),
        ("https://x.example:many", "(?i)port"),
        ("https://x.example:0", "(?i)port"),
        ("https://[x", "Invalid IPv6"),
    ],
)
def test_a_url_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_url(url)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("30", 30.0), ("0", 0.0), ("", None), ("-1", None), ("1.5", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
def test_retry_after_is_read_in_seconds(value: str, expected: float | None) -> None:
    assert retry_after(httpx2.Headers({"retry-after": value})) == expected


def test_retry_after_is_bounded() -> None:
    assert retry_after(httpx2.Headers({"retry-after": "9" * 400})) == 86_400
    assert retry_after(httpx2.Headers()) is None


def test_what_changes_nothing_over_there_may_be_sent_again() -> None:
    kept: list[Failure] = [Temporary("t", 3), Refused("r"), Gone()]
    assert as_unsent(Ambiguous("a")) == Temporary("a")
    assert [as_unsent(failure) for failure in kept] == kept

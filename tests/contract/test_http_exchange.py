"""The one HTTP exchange: every way that it can end is the right value."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.answer import Answer, retry_after
from shared.destinations.http import exchange, new_client
from shared.settings.http import check_url


@contextlib.contextmanager
def answering(reply: bytes, *, close: bool = True) -> Iterator[str]:
    """Answer one connection with these bytes, then close it, or fall silent."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                with contextlib.suppress(OSError):  # who has enough hangs up
                    connection.sendall(reply)
                if not close:
                    done.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join(5)


def post(url: str, seconds: float = 2.0) -> Answer | Failure:
    async def main() -> Answer | Failure:
        async with new_client(url) as client:
            return await exchange(client, client.build_request("POST", "/", content=b"{}"), seconds=seconds)

    return asyncio.run(main())


def head(status: str, *headers: str) -> bytes:
    return ("\r\n".join([f"HTTP/1.1 {status}", *headers, "connection: close"]) + "\r\n\r\n").encode()


def test_an_answer_is_an_answer_whatever_its_status_and_json_is_parsed_where_it_is_json() -> None:
    with answering(head("200 OK", "content-length: 8") + b'{"a": 1}') as url:
        answer = post(url)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.json) == (200, {"a": 1})
    with answering(head("503 Busy", "content-length: 6", "retry-after: 7") + b"<html>") as url:
        answer = post(url)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.json, retry_after(answer.headers)) == (503, None, 7.0)


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200", b"nonsense\r\n\r\n", head("200 OK", "content-length: 99") + b"{}"]
)
def test_once_something_was_sent_a_broken_connection_is_ambiguous(reply: bytes) -> None:
    with answering(reply) as url:
        assert isinstance(post(url), Ambiguous)


def test_silence_after_the_request_is_ambiguous_at_the_deadline() -> None:
    with answering(head("200 OK", "content-length: 99"), close=False) as url:
        assert isinstance(post(url, 0.3), Ambiguous)


def test_f13_what_never_connected_is_temporary_also_where_the_deadline_is_short() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        assert isinstance(post(f"http://127.0.0.1:{unheard.getsockname()[1]}"), Temporary)
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        assert isinstance(post(f"http://127.0.0.1:{full.getsockname()[1]}", 0.4), Temporary)


def test_f17_a_redirect_is_refused() -> None:
    """F17: redirect 302 to other host: not followed with credentials; Rejected."""
    with answering(head("302 Found", "location: http://127.0.0.1:9/", "content-length: 0")) as url:
        assert isinstance(post(url), Refused)


def test_an_answer_without_end_is_cut_and_is_ambiguous() -> None:
    with answering(head("200 OK", "content-length: 9000000") + b"x" * 9_000_000) as url:
        assert isinstance(post(url, 5), Ambiguous)


@pytest.mark.parametrize(
    "url", ["ftp://x", "x", "", "http://example.com", "https://user:secret@example.com", "http://127.0.0.1.example.com"]
)
def test_an_address_that_would_show_the_credentials_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://127.0.0.1:8080/sn", "http://localhost:1", "http://[::1]:1"]
)
def test_an_address_that_is_safe_is_taken_without_its_last_slash(url: str) -> None:
    assert check_url(url + "/") == url

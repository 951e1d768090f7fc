"""Whatever bytes a foreign system answers, the one HTTP client makes the right value of them."""

import asyncio
import tracemalloc
import zlib

import httpx2
import pytest

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.answer import Answer, retry_after
from shared.destinations.http import as_unsent
from tests.support.exchanges import OK, against, answering, request_of


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


def test_a_bomb_is_given_up_before_it_has_gone_off() -> None:
    """A piece of a megabyte that becomes a gigabyte is stopped a little above the limit of 8 MB."""
    packer = zlib.compressobj(9, wbits=31)
    first, again = (packer.compress(b"\0" * 2**24) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    bomb = first + again * 63 + packer.flush()  # what follows a full flush can stand any number of times
    assert len(zlib.decompressobj(wbits=31).decompress(bomb, 2**27)) == 2**27
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    tracemalloc.start()
    try:
        assert against(answering(head, bomb)) == Ambiguous("the answer is too large")
        assert tracemalloc.get_traced_memory()[1] < 24 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("split", [1, 7, 1000])
def test_a_compressed_body_is_read_whatever_pieces_it_comes_in_and_of_how_many_members_it_is(split: int) -> None:
    import gzip

    body = gzip.compress(b'{"a": [') + gzip.compress(b"1" * 5000 + b"]}")
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    found = against(answering(head, *(body[at : at + split] for at in range(0, len(body), split))))
    assert isinstance(found, Answer)
    assert found.body == b'{"a": [' + b"1" * 5000 + b"]}"


def test_an_encoding_that_was_not_asked_for_is_ambiguous() -> None:
    found = against(answering(OK.replace(b"\r\n\r\n", b"\r\ncontent-encoding: br\r\n\r\n"), b"whatever"))
    assert found == Ambiguous("the connection broke (DecodingError)")


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

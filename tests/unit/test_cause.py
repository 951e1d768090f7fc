"""Why there is no connection, in words that people can act on, told from what the system and TLS really say."""

import asyncio
import errno
import socket
import ssl

import pytest

from shared.delivery.failure import Temporary
from shared.destinations.cause import cause
from shared.destinations.remedy import Remedy
from tests.support.exchanges import ask, ask_async, server

REMEDY = Remedy("ELASTIC_URL", "ELASTIC_CA_FILE", "ELASTIC_TLS_MIN", "ELASTIC_API_KEY")


def test_a_port_on_which_nothing_listens_is_said_to_be_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert ask(url) == Temporary("cannot connect (nothing listens there)")
        assert ask(url.replace("http:", "https:")) == Temporary("cannot connect (nothing listens there)")


def test_a_name_that_no_resolver_knows_is_said_to_be_one() -> None:
    label = "a" * 64  # longer than any can be, so that no resolver is asked
    assert ask(f"https://{label}.example") == Temporary("cannot connect (the name is not known)")


def test_https_to_a_port_of_plain_http_is_said_to_be_no_tls() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async def run() -> object:
        async with server(plain) as url:
            return await ask_async(url.replace("http:", "https:"))

    assert asyncio.run(run()) == Temporary("cannot connect (it speaks no TLS there)")


def test_a_peer_that_closes_in_the_handshake_is_said_to_do_so() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.transport.abort()

    async def run() -> object:
        async with server(close) as url:
            return await ask_async(url.replace("http:", "https:"))

    assert asyncio.run(run()) == Temporary("cannot connect (it closed the connection at once)")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "the name cannot be looked up"),
        (OSError(errno.EHOSTUNREACH, "no route to host"), "no way leads there"),
        (OSError(errno.ENETUNREACH, "network is unreachable"), "no way leads there"),
        (ssl.SSLError(1, "secret-value"), "the TLS handshake fails"),
        (OSError(errno.EMFILE, "secret-value"), "OSError"),
    ],
)
def test_what_the_system_says_becomes_a_few_constant_words(error: OSError, words: str) -> None:
    """They are labels of metrics: of what others say nothing is in them, however deep a library hides it."""
    assert cause(error) == words
    wrapped = RuntimeError("secret-value")
    wrapped.__cause__ = error
    assert cause(wrapped) == (words if words != "OSError" else "RuntimeError")


@pytest.mark.parametrize(
    ("reason", "setting"),
    [
        ("cannot connect (the name is not known)", "check ELASTIC_URL: its host"),
        ("cannot connect (nothing listens there)", "check ELASTIC_URL: its port"),
        ("cannot connect (it speaks no TLS there)", "check ELASTIC_URL: https or http"),
        ("cannot connect (it speaks no TLS 1.3, and TLS_MIN allows no older)", "set ELASTIC_TLS_MIN=1.2 if it must be"),
        ("cannot connect (it closed the connection at once)", "check ELASTIC_URL: https or http"),
        (
            "cannot connect (it closed the connection at once, and may speak no TLS 1.3)",
            "or set ELASTIC_TLS_MIN=1.2 if",
        ),
        ("cannot connect in time", "check ELASTIC_URL"),
        ("no complete answer in time", "check ELASTIC_URL"),
        ("the connection broke (ReadError)", "check ELASTIC_URL: https or http"),
        ("redirected to another address; redirects are not followed", "check ELASTIC_URL"),
        ("cannot connect (its certificate is not trusted)", "ELASTIC_CA_FILE"),
        ("cannot connect (its certificate is for another name)", "check ELASTIC_URL"),
        ("the credentials are refused", "look at ELASTIC_API_KEY"),
    ],
)
def test_every_reason_comes_with_the_setting_to_look_at(reason: str, setting: str) -> None:
    assert REMEDY.to(reason).startswith(f"{reason}: ")
    assert setting in REMEDY.to(reason)


def test_what_a_system_alone_knows_to_do_goes_first() -> None:
    own = Remedy(
        "QRADAR_ADDRESS", "QRADAR_CA_FILE", "QRADAR_TLS_MIN", own={"listens": "is the log source of {address} on?"}
    )
    assert own.to("nothing listens there") == "nothing listens there: is the log source of QRADAR_ADDRESS on?"
    assert own.to("no way leads there") == "no way leads there: check QRADAR_ADDRESS"

"""Whom the one HTTP client trusts: certificates, redirects, proxies and URLs, and credentials that stay here."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.delivery.failure import Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.http import new_client
from shared.destinations.trust import Trust
from shared.settings.http import check_url
from tests.support.exchanges import OK, Found, against, answering, ask, ask_async, request_of, server
from tests.support.servers import new_certificate, serve


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
        assert wrong_name == Temporary("cannot connect (its certificate is for another name)")


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


def test_the_systems_authorities_are_read_after_the_start_or_by_the_first_handshake() -> None:
    def known(trust: Trust) -> int:
        return trust.context.cert_store_stats()["x509_ca"]

    async def asked_at_once() -> tuple[int, int]:
        trust = Trust("https://x.example", None)
        at_start = known(trust)
        await asyncio.gather(trust.loaded(), trust.loaded())
        return at_start, known(trust)

    async def never_asked() -> int:
        trust = Trust("https://x.example", None)
        for _ in range(500):
            await asyncio.sleep(0.02)
            if known(trust) == default:  # while they are read there are fewer
                break
        return known(trust)

    default = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert default > 0
    assert asyncio.run(asked_at_once()) == (0, default)
    assert asyncio.run(never_asked()) == default


def test_without_tls_or_with_a_file_of_its_own_the_systems_authorities_are_not_read(tmp_path: Path) -> None:
    async def run(url: str, ca_file: str | None) -> int:
        trust = Trust(url, ca_file)
        await trust.loaded()
        return trust.context.cert_store_stats()["x509"]

    assert asyncio.run(run("http://127.0.0.1", None)) == 0
    assert asyncio.run(run("https://x.example", str(new_certificate(tmp_path)))) == 1


def test_f38_a_file_that_is_written_in_two_pieces_within_one_tick_is_read_whole(tmp_path: Path) -> None:
    """F38: CA rotated: picks up new CA file without restart."""
    (tmp_path / "new").mkdir()
    old, new = new_certificate(tmp_path), new_certificate(tmp_path / "new")
    trust = Trust("https://x.example", str(old))
    whole = new.read_text()
    now = old.stat().st_mtime_ns + 1

    async def read(text: str) -> list[bytes]:
        old.write_text(text)
        os.utime(old, ns=(now, now))
        await trust.loaded()
        return trust.context.get_ca_certs(binary_form=True)

    half, full = asyncio.run(read(whole[:-40])), asyncio.run(read(whole))
    assert full != half
    assert full == [ssl.PEM_cert_to_DER_cert(whole[whole.index("-----BEGIN CERT") :])]

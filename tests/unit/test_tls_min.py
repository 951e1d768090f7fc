"""The oldest TLS that is spoken: what a context takes, and how a server that is too old is known by what it says."""

import asyncio
import os
import ssl
from pathlib import Path

import pytest

from shared.delivery.failure import Temporary
from shared.destinations.answer import Answer
from shared.destinations.elastic.settings import ElasticSettings
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.http import exchange, new_client
from shared.destinations.qradar.settings import QradarSettings
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.destinations.splunk.settings import SplunkSettings
from shared.destinations.tls_min import TlsMin
from shared.destinations.trust import Trust
from shared.destinations.webhook.settings import WebhookSettings
from shared.settings.environment import Settings, wrong_values
from tests.support.exchanges import Found, server
from tests.support.servers import live, new_certificate, serve

TOO_OLD = Temporary("cannot connect (it speaks no TLS 1.3, and TLS_MIN allows no older)")
CLOSED = Temporary("cannot connect (it closed the connection at once, and may speak no TLS 1.3)")
MODELS: list[tuple[str, type[Settings]]] = [
    ("SPLUNK_TLS_MIN", SplunkSettings),
    ("ELASTIC_TLS_MIN", ElasticSettings),
    ("QRADAR_TLS_MIN", QradarSettings),
    ("SERVICENOW_TLS_MIN", ServiceNowSettings),
    ("GLPI_TLS_MIN", GlpiSettings),
    ("WEBHOOK_TLS_MIN", WebhookSettings),
]


@pytest.mark.parametrize(("variable", "model"), MODELS)
def test_each_destination_takes_1_3_unless_told_otherwise_and_nothing_but_two_versions(
    variable: str, model: type[Settings]
) -> None:
    (field,) = [one for one in model.model_fields.values() if one.alias == variable]
    assert field.default == "1.3"
    for good in ("1.2", "1.3"):
        assert wrong_values(model, {variable: good}) == []
    for bad in ("1.1", "1.4", "TLSv1.2", "off"):
        assert wrong_values(model, {variable: bad}) == [f"{variable}: Input should be '1.2' or '1.3'"]


@pytest.mark.parametrize(("least", "version"), [("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)])
def test_a_context_of_a_file_that_is_read_again_keeps_its_oldest_version(
    least: TlsMin, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    async def run() -> None:
        file = new_certificate(tmp_path)
        trust = Trust("https://x.example", str(file), tls_min=least)
        first = trust.context
        assert first.minimum_version == version
        os.utime(file, ns=(1, 1))
        await trust.loaded()
        assert trust.context is not first
        assert trust.context.minimum_version == version

    asyncio.run(run())


async def answer(scope: dict[str, object], receive: object, send: object) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    assert callable(send)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def asked(url: str, least: TlsMin, ca_file: str | None = None) -> Found:
    async with new_client(url, ca_file=ca_file, tls_min=least) as client:
        return await exchange(client, client.build_request("POST", "/"), seconds=5)


def test_what_is_no_destination_still_takes_a_server_of_1_2(tmp_path: Path) -> None:
    """A sink, an issuer of tokens, S3, an API server: no setting of theirs says what they may speak."""

    async def ask(url: str) -> Found:
        async with new_client(url, ca_file=str(certificate)) as client:
            return await exchange(client, client.build_request("POST", "/"), seconds=5)

    certificate = new_certificate(tmp_path)
    with serve(answer, certificate, newest=ssl.TLSVersion.TLSv1_2) as url:
        assert isinstance(asyncio.run(ask(url)), Answer)
        assert asyncio.run(asked(url, "1.3", str(certificate))) == CLOSED


def alert(code: int) -> bytes:
    """Return a fatal alert as it is sent before anything is agreed on (RFC 8446 §6)."""
    return bytes([21, 3, 3, 0, 2, 2, code])


def hello(version: int, cipher: int) -> bytes:
    """Return the hello of a server that chose this version (its second byte) and cipher."""
    body = bytes([3, version]) + bytes(32) + bytes([0, *cipher.to_bytes(2, "big"), 0])
    said = bytes([2, *len(body).to_bytes(3, "big")]) + body
    return bytes([22, 3, version, *len(said).to_bytes(2, "big")]) + said


@pytest.mark.parametrize(
    ("said", "by_1_3", "by_1_2"),
    [
        pytest.param(b"", CLOSED.reason, "it closed the connection at once)", id="nothing"),
        pytest.param(alert(70), TOO_OLD.reason, "it speaks neither TLS 1.2 nor 1.3", id="protocol version"),
        pytest.param(alert(40), TOO_OLD.reason, "it refuses our certificate", id="handshake failure"),
        pytest.param(alert(71), TOO_OLD.reason, "it breaks the handshake off", id="insufficient security"),
        pytest.param(alert(80), "it breaks the handshake off", "it breaks the handshake off", id="internal error"),
        pytest.param(hello(1, 0xC013), TOO_OLD.reason, "it speaks neither TLS 1.2 nor 1.3", id="a hello of TLS 1.0"),
        pytest.param(hello(3, 0xC02B), TOO_OLD.reason, None, id="a hello of TLS 1.2"),
    ],
)
def test_a_server_that_is_too_old_is_known_by_what_it_says(said: bytes, by_1_3: str, by_1_2: str | None) -> None:
    """A stack older than TLS 1.3 finds no cipher in what is offered to it, and calls that a failed handshake."""

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(said)
        await writer.drain()
        writer.close()

    async def run(least: TlsMin) -> Found:
        async with server(old) as url:
            return await asked(url.replace("http:", "https:"), least)

    newest = asyncio.run(run("1.3"))
    assert isinstance(newest, Temporary)
    assert by_1_3 in newest.reason
    if by_1_2 is not None:  # else it would be spoken
        older = asyncio.run(run("1.2"))
        assert isinstance(older, Temporary)
        assert by_1_2 in older.reason

"""TLS with NATS, for the store and for the bus alike: 1.3 or nothing, and nothing of ours before it stands."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.bus.protocol import BusUnavailableError
from shared.bus.registry import open_bus
from shared.stores.protocol import StoreUnavailableError
from shared.stores.registry import open_store
from tests.support.buses.use import run
from tests.support.certificates import new_authority

_INFO = b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"tls_required":true}\r\n'


async def store(environ: dict[str, str]) -> None:
    opened = open_store("nats:///b", environ)
    try:
        await opened.get("k")
    finally:
        await opened.close()


async def bus(environ: dict[str, str]) -> None:
    opened = open_bus("nats", environ)
    try:
        await opened.describe("topic")
    finally:
        await opened.close()


@pytest.mark.parametrize(("newest", "is_told"), [("TLSv1_2", False), ("TLSv1_3", True)])
@pytest.mark.parametrize("use", [store, bus])
def test_a_server_without_tls_1_3_is_told_nothing(
    use: Callable[[dict[str, str]], Awaitable[None]], newest: str, tmp_path: Path, *, is_told: bool
) -> None:
    authority = new_authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.issued("nats"))
    context.maximum_version = ssl.TLSVersion[newest]
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_INFO)
        try:
            await writer.start_tls(context)
            heard.append(await reader.read(7))
        except OSError:  # ssl.SSLError is one, too
            pass
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((StoreUnavailableError, BusUnavailableError)):
            await use({"NATS_URL": f"tls://127.0.0.1:{port}", "NATS_CA_FILE": str(authority.file)})
        server.close()  # from Python 3.12 on, waiting for it would be waiting for connections that it never took

    run(work())
    assert (b"CONNECT" in heard) is is_told

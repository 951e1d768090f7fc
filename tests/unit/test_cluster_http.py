"""How the API server is spoken to: our own may be reached by nobody else, certificates are shown and checked."""

import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.cluster.access import Access, AccessError, Cluster
from shared.cluster.api import Api, ApiError
from shared.delivery.failure import Temporary
from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_api_client, new_client
from tests.support.apiserver.standin import TOKEN, StandIn
from tests.support.servers import new_certificate, serve


def test_f48_the_api_server_of_our_own_cluster_is_reached_by_its_own_client_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F48: SSRF: `http://kubernetes.default`: destinations only from settings; allow-list + resolved-IP check."""
    server = StandIn()
    with serve(server) as url:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")

        async def main() -> None:
            async with new_client(url) as client:
                refused = await exchange(client, client.build_request("GET", "/api/v1"), seconds=5)
            assert isinstance(refused, Temporary)
            assert "refused" in refused.reason
            async with new_api_client(url) as client:
                request = client.build_request("GET", "/api/v1", headers={"authorization": f"Bearer {TOKEN}"})
                answer = await exchange(client, request, seconds=5)
            assert isinstance(answer, Answer)
            assert answer.status == 200

        asyncio.run(main())
    assert len(server.requests) == 1


@contextmanager
def wanting_certificates(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Answer by TLS whoever shows a certificate; yield the address, the authorities, and a certificate with its key."""
    (folder / "server").mkdir()
    both = new_certificate(folder / "server")
    pair = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "crt"), "-subj", "/CN=someone", "-days", "2"]
    subprocess.run([*pair, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "crt")
    ended = threading.Event()

    def answer(listening: socket.socket) -> None:
        while not ended.is_set():
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with plain:
                plain.settimeout(5)
                try:
                    with context.wrap_socket(plain, server_side=True) as secure:
                        secure.recv(65_536)
                        secure.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        try:
            certificate = (folder / "crt").read_bytes() + (folder / "key").read_bytes()
            authorities = (folder / "server" / "certificate.pem").read_text()
            yield f"https://127.0.0.1:{listening.getsockname()[1]}", authorities, certificate
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def test_a_client_certificate_is_shown_and_the_servers_is_checked(tmp_path: Path) -> None:
    with wanting_certificates(tmp_path) as (url, authorities, certificate):

        async def asked(access: Access) -> object:
            api = Api(Cluster("lab", lambda: access), 2)
            try:
                return await api.get("/")
            except ApiError as error:
                return error.why
            finally:
                await api.close()

        assert asyncio.run(asked(Access(url, authorities, certificate=certificate))) == {}
        assert asyncio.run(asked(Access(url, authorities))) == "unreachable"
        assert asyncio.run(asked(Access(url, "", certificate=certificate))) == "unreachable"
        assert asyncio.run(asked(Access(url, authorities, "elsewhere.example", certificate))) == "unreachable"
        assert asyncio.run(asked(Access(url, "no PEM", certificate=certificate))) == "credentials"


def test_a_new_address_or_certificate_is_taken_and_a_new_token_needs_no_new_connection() -> None:
    first, second = StandIn(tokens={"a", "b"}), StandIn(tokens={"b"})
    with serve(first) as one, serve(second) as other:
        old, new = "a", "b"
        access = [Access(one, token=old)]
        api = Api(Cluster("lab", lambda: access[0]), 2)

        async def main() -> None:
            await api.get("/api/v1")
            client = api._client
            access[0] = Access(one, token=new)
            await api.get("/api/v1")
            assert api._client is client
            access[0] = Access(other, token=new)
            await api.get("/api/v1")
            assert api.server == other
            await api.close()

        asyncio.run(main())
    assert (len(first.requests), len(second.requests)) == (2, 1)


def test_credentials_that_cannot_be_read_are_no_mistake_of_ours() -> None:
    def unreadable() -> Access:
        raise AccessError("the token cannot be read")

    async def main() -> None:
        with pytest.raises(ApiError, match="credentials: the token cannot be read"):
            await Api(Cluster("lab", unreadable), 1).get("/api/v1")

    asyncio.run(main())

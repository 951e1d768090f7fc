"""Servers for tests: an ASGI app on a free port in a thread, or a stand-in in a process of its own."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import uvicorn

ROOT = Path(__file__).resolve().parent.parent.parent
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
_START_SECONDS = 20.0


@contextmanager
def serve(
    app: ASGIApp | Mapping[str, ASGIApp],
    certificate: Path | None = None,
    host: str = "127.0.0.1",
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> Iterator[str]:
    """Serve the app, or several below their path prefixes, and yield the base URL.

    With `certificate` (see `new_certificate`) it is served by TLS, of this version at most.
    """
    target = _mounted(app) if isinstance(app, Mapping) else app
    config = uvicorn.Config(
        target,
        host=host,
        port=0,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    served = _Served(uvicorn.Server(config), newest)
    thread = threading.Thread(target=lambda: asyncio.run(served.run()), daemon=True)
    thread.start()
    try:
        if not served.started.wait(_START_SECONDS) or not served.port:
            raise RuntimeError("the test server did not start")
        yield f"{'https' if certificate else 'http'}://{host}:{served.port}"
    finally:
        served.stop()
        thread.join(10)


class _Served:
    """uvicorn without its loop that looks ten times a second whether it shall end: tests end at once."""

    def __init__(self, server: uvicorn.Server, newest: ssl.TLSVersion) -> None:
        self._server = server
        self._newest = newest
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()
        self.started = threading.Event()
        self.port = 0

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._server.config.load()
            if self._server.config.ssl is not None:
                self._server.config.ssl.maximum_version = self._newest
            self._server.lifespan = self._server.config.lifespan_class(self._server.config)
            await self._server.startup()
            self._server.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            if not self._server.should_exit:
                self.port = self._server.servers[0].sockets[0].getsockname()[1]
        finally:
            self.started.set()
        if self.port:
            await self._ended.wait()
            await self._shut()

    async def _shut(self) -> None:
        """Do what the server's own shutdown does, without its fixed pauses: a second for those who are connected."""
        state, loop = self._server.server_state, asyncio.get_running_loop()
        for server in self._server.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        limit = loop.time() + 1
        while (state.connections or state.tasks) and loop.time() < limit:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.002)
        for task in list(state.tasks):
            task.cancel()
        await self._server.lifespan.shutdown()

    def stop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended.set)


def new_certificate(folder: Path, days: int = 2) -> Path:
    """Make a key and a self-signed certificate for 127.0.0.1 in one PEM file, which is its own CA file too."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", str(days)]
    subprocess.run([*command, *subject, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return both


def rotated(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that a server has now, and a CA file that still holds the one of before; return that first."""
    before, now, bundle = folder / "old", folder / "new", folder / "ca.pem"
    before.mkdir()
    now.mkdir()
    bundle.write_text(new_certificate(before).read_text())
    return bundle, new_certificate(now)


@dataclass
class Standin:
    """A stand-in running in its own process."""

    url: str
    process: "subprocess.Popen[str]"

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    @property
    def port(self) -> int:
        """Return its port, to start another one there."""
        return int(self.url.rsplit(":", 1)[1])


@contextmanager
def standin(name: str, database: Path | str, *arguments: str, port: int = 0) -> Iterator[Standin]:
    """Run `python -m shared.local.standins NAME` on the database and yield it once it listens."""
    command = [sys.executable, "-m", "shared.local.standins", name, "--port", str(port), "--database", str(database)]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()  # the address, once it listens; empty when it ended instead
        if not line:
            raise RuntimeError("the stand-in did not start")
        yield Standin(line.rsplit(" ", 1)[-1], process)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


async def live(receive: Any, send: Any) -> None:
    """Answer the lifespan of an app that neither begins nor ends anything (ASGI 3)."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _mounted(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        for prefix, inner in apps.items():
            if scope["path"].startswith(prefix + "/"):
                await inner({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)
                return
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app

"""Servers for tests: an ASGI app on a free port in a thread, or a stand-in in a process of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

ROOT = Path(__file__).resolve().parent.parent.parent
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
_START_SECONDS = 20.0


@contextmanager
def serve(app: ASGIApp | Mapping[str, ASGIApp], certificate: Path | None = None) -> Iterator[str]:
    """Serve the app, or several below their path prefixes, and yield the base URL.

    With `certificate` (see `new_certificate`) it is served by TLS.
    """
    target = _mounted(app) if isinstance(app, Mapping) else app
    config = uvicorn.Config(
        target,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _until(lambda: server.started or not thread.is_alive())
    try:
        if not server.started:
            raise RuntimeError("the test server did not start")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(5)
        if thread.is_alive():
            server.force_exit = True
            thread.join(5)


def new_certificate(folder: Path, days: int = 2) -> Path:
    """Make a key and a self-signed certificate for 127.0.0.1 in one PEM file, which is its own CA file too."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", str(days)]
    subprocess.run(  # noqa: S603 -- a fixed command
        [*command, *subject, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    both.write_text(key.read_text() + certificate.read_text())
    return both


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
    process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
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


def _mounted(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        for prefix, inner in apps.items():
            if scope["path"].startswith(prefix + "/"):
                await inner({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)
                return
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + _START_SECONDS
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)

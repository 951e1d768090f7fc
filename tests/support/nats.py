"""A real NATS with JetStream for tests: it listens after some 15 ms, so that whoever kills one has one of its own."""

import atexit
import contextlib
import functools
import hashlib
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

from shared.stores.registry import STORES
from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support.buses.process import Server

_START_SECONDS = 10.0
_CONFIGURATION = """\
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitoring}
server_name: {name}
max_payload: {max_payload}
jetstream {{ store_dir: "{folder}", sync_interval: {sync} }}
{more}
"""
SYNC = "2m"
"""What NATS does by itself: acknowledged is not yet on the disk."""


@dataclass
class Nats:
    """One server over one folder: it can be ended in any way and started again on its port."""

    folder: Path
    port: int = field(default_factory=free_port)
    monitoring: int = field(default_factory=free_port)
    name: str = "one"
    max_payload: str = "2MB"
    sync: str = SYNC
    more: str = ""

    def __post_init__(self) -> None:
        self._server = Server([program(), "-c", str(self._configuration)], self.log)

    @property
    def log(self) -> Path:
        """Return the file with what it says."""
        return self.folder / "log"

    @property
    def _configuration(self) -> Path:
        return self.folder / "nats.conf"

    def url(self, bucket: str = "tidings", scheme: str = "nats") -> str:
        """Return the STORE_URL of a bucket."""
        return f"{scheme}://127.0.0.1:{self.port}/{bucket}"

    def start(self, *, wait: bool = True) -> None:
        """Start it and wait until it takes requests."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            _CONFIGURATION.format(
                port=self.port, monitoring=self.monitoring, name=self.name, max_payload=self.max_payload,
                folder=self.folder, sync=self.sync, more=self.more,
            )
        )  # fmt: skip
        self._server.start()
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it says that it is healthy."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            assert self.runs, self.log.read_text()
            if self.healthy():
                return
            time.sleep(0.01)
        raise RuntimeError(f"NATS does not get ready: {self.log.read_text()[-2000:]}")

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring}/healthz", timeout=1) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False

    @property
    def runs(self) -> bool:
        """Return True for one that was started and has not ended, also where it is frozen."""
        return self._server.runs

    def kill(self) -> None:
        """End it as a crash does."""
        self._server.kill()

    def stop(self) -> None:
        """End it as an orderly restart does."""
        self._server.stop()

    def freeze(self) -> None:
        """Stop it where it is: its connections stay open and nothing is answered."""
        self._server.freeze()

    def thaw(self) -> None:
        """Let it go on."""
        self._server.thaw()


@contextmanager
def nats(folder: Path, **how: str) -> Iterator[Nats]:
    """Run one server, and end it however it goes."""
    server = Nats(folder / "nats", **how)  # type: ignore[arg-type]
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def cluster(folder: Path, size: int = 3) -> Iterator[Sequence[Nats]]:
    """Run a cluster of servers, and end it however it goes."""
    routes = [free_port() for _ in range(size)]
    servers = [
        Nats(folder / f"n{number}", name=f"n{number}", more=_cluster(routes[number], routes)) for number in range(size)
    ]
    with contextlib.ExitStack() as ends:
        for server in servers:
            ends.callback(server.kill)
            server.start(wait=False)
        for server in servers:
            server.wait()
        yield servers


def cluster_url(servers: Sequence[Nats], bucket: str = "tidings") -> str:
    """Return the STORE_URL of a bucket that all of them keep."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"nats://{hosts}/{bucket}?replicas={len(servers)}"


def store_url(name: str, folder: Path) -> str:
    """Return the URL of an empty store of a kind; those of a server share one for the session, a bucket each."""
    if not STORES[name].remote:
        return STORES[name].example(folder)
    bucket = hashlib.sha256(str(folder).encode()).hexdigest()[:24]
    return shared_nats().url(bucket)


@functools.cache
def shared_nats() -> Nats:
    """Return the server that all tests share which leave it alone; it ends with the session."""
    folder = tempfile.TemporaryDirectory(prefix="tidings-nats-")
    server = Nats(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.kill)
    server.start()
    return server


def _cluster(port: int, routes: Sequence[int]) -> str:
    peers = ", ".join(f"nats://127.0.0.1:{each}" for each in routes)
    return f"cluster {{ name: tidings, listen: 127.0.0.1:{port}, routes: [{peers}] }}"


def program() -> str:
    """Return where the server's program is; the test could not run where it is not."""
    own = Path(sys.executable).with_name("nats-server")
    found = str(own) if own.exists() else which("nats-server")
    return found or could_not_run("nats-server is missing", "make .venv/test.stamp")

"""A real OpenSearch of one node on a free port, without login and TLS (flags as its own tests use them)."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.processes import free_port
from tests.support.opensearch.fetch import MODULES, VERSION, ZIP, fetched

_SECONDS = 90.0
_NOBODY = 65534
# Without the last six SIGTERM takes half a minute.
_JAVA = (
    *("java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
    *("-XX:-UsePerfData", "-Djava.security.manager=allow", "-Djna.nosys=true", "-Djava.locale.providers=SPI,COMPAT"),
    *("-Dopensearch.distribution.type=zip", "-Dopensearch.bundled_jdk=false"),
    *("-Dlog4j.shutdownHookEnabled=false", "-Dlog4j2.disable.jmx=true", "-Dio.netty.noUnsafe=true"),
    *("-Dio.netty.noKeySetOptimization=true", "-Dio.netty.recycler.maxCapacityPerThread=0"),
    "-Dio.netty.allocator.numDirectArenas=0",
)
_DESCRIPTOR = """description=for tests
version={version}
opensearch.version={version}
java.version=11
name={name}
classname={classname}
extended.plugins={extended}
has.native.controller=false
"""
PRESSURE = 1_000_000
"""Bytes of bulk requests that it holds at once; more are refused with 429."""


class OpenSearch:
    """One server over one folder. It refuses to be root's: then it runs as nobody."""

    def __init__(self, folder: Path) -> None:
        self.port, transport = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._home = _unpacked(folder)
        self._log = folder / "log"
        settings = {
            "discovery.type": "single-node",
            "http.port": self.port,
            "transport.port": transport,
            "network.host": "127.0.0.1",
            "path.data": str(folder / "data"),
            "path.logs": str(folder / "logs"),
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "indexing_pressure.memory.limit": f"{PRESSURE}b",
        }
        (self._home / "config" / "opensearch.yml").write_text(json.dumps(settings), encoding="utf-8")
        temporary = folder / "tmp"
        temporary.mkdir()
        places = (f"-Djava.io.tmpdir={temporary}", f"-Dopensearch.path.home={self._home}")
        conf = f"-Dopensearch.path.conf={self._home / 'config'}"
        main = ("-cp", f"{self._home}/lib/*", "org.opensearch.bootstrap.OpenSearch")
        self._command = [*_JAVA, *places, conf, *main]
        if os.geteuid() == 0:
            shutil.chown(folder, _NOBODY, _NOBODY)
            for path in folder.rglob("*"):
                os.chown(path, _NOBODY, _NOBODY)
            self._command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *self._command]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it answers. Raises RuntimeError with the end of its log."""
        with self._log.open("wb") as stream:
            self._process = subprocess.Popen(self._command, cwd=self._home, stdout=stream, stderr=stream)
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if self.ask("GET", "/")["version"]["number"] == VERSION:
                    return
            except (OSError, ValueError):
                time.sleep(0.1)
        raise RuntimeError(self._log.read_text(encoding="utf-8")[-3000:])

    def stop(self) -> None:
        """End it, kindly first."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the answer's JSON. Raises urllib.error.HTTPError for what is no success."""
        content = None if body is None else json.dumps(body).encode()
        head = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", content, head, method=method)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            return json.loads(answer.read() or b"{}")

    def ids(self, index: str) -> list[str]:
        """Return the `_id` of every document of an index or data stream, sorted."""
        self.ask("POST", f"/{index}/_refresh")
        found = self.ask("GET", f"/{index}/_search?size=1000&_source=false")
        return sorted(hit["_id"] for hit in found["hits"]["hits"])


def _unpacked(folder: Path) -> Path:
    """Unpack the distribution and put the modules beside its own."""
    source = fetched()
    with zipfile.ZipFile(source / ZIP) as archive:
        archive.extractall(folder)
    home = folder / f"opensearch-{VERSION}"
    for name, (classname, jars) in MODULES.items():
        module = home / "modules" / name
        module.mkdir()
        for jar in source.glob("*.jar"):
            if jar.name.startswith(jars):
                shutil.copy(jar, module)
        extended = "lang-painless" if name != "lang-painless" else ""
        text = _DESCRIPTOR.format(version=VERSION, name=name, classname=classname, extended=extended)
        (module / "plugin-descriptor.properties").write_text(text, encoding="utf-8")
        (module / "plugin-security.policy").write_text("grant { permission java.security.AllPermission; };\n")
    return home


@contextmanager
def running() -> Iterator[OpenSearch]:
    """Run one in a folder that its user may enter, and end it however it goes."""
    with tempfile.TemporaryDirectory(prefix="tidings-opensearch-", ignore_cleanup_errors=True) as folder:
        server = OpenSearch(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()

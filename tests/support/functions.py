"""`tidings serve FUNCTION` as a process of its own, on a free port that its log names."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIDINGS = Path(sys.executable).with_name("tidings")
_LISTENS = re.compile(r"running on (https?://[0-9.]+:[1-9][0-9]*)")
_SECONDS = 20.0
# What a shell happens to have set must not decide about a test.
_FOREIGN = re.compile(
    r"^(SERVICENOW_|SPLUNK_|ELASTIC_|QRADAR_|WEBHOOK_|CHANGES_|CLASSIFIER_|CORRELATOR_|WATCH_|RECONCILE_|REMEDIATE|KUBE"
    r"|BUS$|EMBEDDED_BUS|NATS_|KAFKA_|RABBITMQ_|ARCHIVE_|OWN_NAMESPACE|STORE_URL|CLUSTER|K_SINK"
    r"|AUTH|TLS_|HOST|PORT|LOG_LEVEL|FUNCTION_TARGET)"
)


@dataclass
class Served:
    """A function that listens; `log` is the file with its stderr."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def request(  # noqa: PLR0913, PLR0917 - each is a part of a request
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 15,
        tls: ssl.SSLContext | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request on a connection of its own."""
        scheme, _, place = self.url.partition("://")
        if scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(place, timeout=seconds, context=tls)
        else:
            connection = http.client.HTTPConnection(place, timeout=seconds)
        try:
            connection.request(method, path, body=body or None, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def lines(self) -> list[dict[str, Any]]:
        """Return the log's lines; each must be one JSON object."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def terminate(self) -> int:
        """Send SIGTERM, as Knative does before it takes a Pod away, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_SECONDS)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a function's process: this one's without settings of functions, and these."""
    own = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
    return {**own, **settings}


@contextmanager
def serving(
    name: str, log: Path, settings: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
) -> Iterator[Served]:
    """Run `tidings serve NAME` and yield it once it listens."""
    command = [str(TIDINGS), "serve", name, "--port", "0", *arguments]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=log.parent, env=environment(settings or {}), stderr=stderr)
    try:
        yield Served(_address(process, log), process, log)
    finally:
        process.kill()
        process.wait(10)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        found = _LISTENS.search(log.read_text(encoding="utf-8"))
        if found is not None:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the function does not listen: {log.read_text(encoding='utf-8')}")

"""A real Alertmanager posts what the dialect's specimens say it does, and we read it."""

import contextlib
import http.client
import queue
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.runtime.asgi import answer, read_body
from tests.bench.processes import free_port
from tests.conftest import could_not_run
from tests.support.servers import serve
from tests.support.specimens import observations, specimens

CONFIGURATION = """\
route: {{receiver: tidings, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: tidings
    webhook_configs:
      - {{url: '{url}/alertmanager', send_resolved: true}}
"""
LABELS = {"alertname": "KubePodCrashLooping", "severity": "warning", "namespace": "shop", "pod": "web-0"}
SECONDS = 20.0


class Receiver:
    """An ASGI application that takes notifications."""

    def __init__(self) -> None:
        self.got: queue.Queue[Any] = queue.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert (b"content-type", b"application/json") in scope["headers"]
        self.got.put(orjson.loads(await read_body(receive, 1 << 20, 10)))
        await answer(send, 202)


@pytest.fixture
def program() -> str:
    """Return the program; Debian calls it `prometheus-alertmanager`."""
    found = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    return found or could_not_run("there is no Alertmanager", "apt-get install prometheus-alertmanager")


@contextlib.contextmanager
def running(program: str, folder: Path, url: str) -> Iterator[str]:
    """Run it with its notifications going to a URL, and yield its own address once it takes alerts."""
    (folder / "alertmanager.yml").write_text(CONFIGURATION.format(url=url))
    address = f"127.0.0.1:{free_port()}"
    options = {"config.file": "alertmanager.yml", "storage.path": "data", "web.listen-address": address}
    command = [program, *(f"--{name}={value}" for name, value in options.items()), "--cluster.listen-address="]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + SECONDS
        while not _is_ready(address):
            assert process.poll() is None, "Alertmanager ended"
            assert time.monotonic() < until, "Alertmanager is not ready"
            time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait(10)


def _is_ready(address: str) -> bool:
    try:
        return _status(address, "GET", "/-/ready") == HTTPStatus.OK
    except OSError:
        return False


def _status(address: str, method: str, path: str, body: Any = None) -> int:
    """Return the status of a request. Raises OSError where nobody listens."""
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, orjson.dumps(body), {"content-type": "application/json"})
        return connection.getresponse().status


def _alert(address: str, alert: dict[str, Any]) -> None:
    assert _status(address, "POST", "/api/v2/alerts", [alert]) == HTTPStatus.OK


def test_what_it_posts_is_what_we_read(program: str, tmp_path: Path) -> None:
    receiver = Receiver()
    # Without a start of its own, an alert that ends within a millisecond of the first post would begin at its end.
    begin = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    alert = {"labels": LABELS, "startsAt": begin, "annotations": {"description": "It crashes."}}
    alert["generatorURL"] = "http://prometheus/graph"
    with serve(receiver) as url, running(program, tmp_path, url) as address:
        _alert(address, alert)
        firing = receiver.got.get(timeout=SECONDS)
        ended = (datetime.now(UTC) - timedelta(milliseconds=1)).isoformat()
        _alert(address, {**alert, "endsAt": ended})
        resolved = receiver.got.get(timeout=SECONDS)
    (began,), (over,) = observations(firing), observations(resolved)
    assert began.dialect == over.dialect == "alertmanager"
    assert began.object.path == over.object.path == "Pod/shop/web-0"
    assert (began.reason, began.message, began.type, over.type) == (
        LABELS["alertname"],
        "It crashes.",
        "firing",
        "resolved",
    )
    assert began.original["fingerprint"] == over.original["fingerprint"]
    assert began.identity != over.identity
    assert began.time == began.first_time == over.first_time
    assert over.time > over.first_time
    _are_alike(firing, resolved)


def _are_alike(firing: dict[str, Any], resolved: dict[str, Any]) -> None:
    """Hold our specimens to real notifications: they have no member that those lack, nor one of another type."""
    sent = {"firing": firing, "resolved": resolved}
    ours = [one.payload for one in specimens() if one.dialect == "alertmanager" and one.file != "without-fingerprint"]
    assert {one["status"] for one in ours} == set(sent)
    for one in ours:
        real = sent[one["status"]]
        assert _form(one) <= _form(real)
        assert all(_form(alert) <= _form(real["alerts"][0]) for alert in one["alerts"])


def _form(value: dict[str, Any]) -> set[tuple[str, type]]:
    return {(name, type(item)) for name, item in value.items()}

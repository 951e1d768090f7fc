"""What is too much of something, posted to the paths of `intake` as it runs: refused fast, and memory stays flat."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.intake.paths import PATHS
from shared.events.cloudevent import OBSERVED, UNREAD
from tests.faults.test_absurd_requests import gzip_bomb, peak_of, seconds_of
from tests.support.functions import serving
from tests.support.host_requests import post
from tests.support.hosts import Process, ask
from tests.support.servers import serve
from tests.support.sinks import Sink

MIB = 1024 * 1024
ROUNDS = 12
LIMIT = 0.05
"""Seconds of the process's own time for one request."""
LARGE = [name for name, path in PATHS.items() if path.body > 1024 * 1024]
WHOLE = [name for name, path in PATHS.items() if path.body <= 1024 * 1024]


def event(number: int, size: int = 0) -> bytes:
    found: dict[str, Any] = {
        "metadata": {"name": f"web.{number}", "uid": f"e-{number}"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web"},
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "note": "",
    }
    found["note"] = "x" * max(0, size - len(json.dumps(found)))
    return json.dumps(found).encode()


def event_list(bytes_in_all: int, each: int = 2500) -> bytes:
    items = b",".join(event(number, each) for number in range(bytes_in_all // each))
    return b'{"kind":"EventList","apiVersion":"v1","metadata":{},"items":[%s]}' % items


class Running:
    """An intake as a process, and the sink behind it."""

    def __init__(self, process: Process, sink: Sink) -> None:
        self.process = process
        self.sink = sink

    def post(self, path: str, body: bytes, **headers: str) -> int:
        """Post and return the status; the sink forgets what came before."""
        self.sink.clear()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.process.send(post({"content-type": "application/json", **given}, body, path)).status


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("payloads") / "log"
    sink = Sink(keep=False)
    with serve(sink) as url, serving("intake", log, {"K_SINK": url, "CLUSTER": "prod"}) as served:
        yield Running(Process("serve", int(served.url.rpartition(":")[2]), served.process, served.log), sink)


@pytest.mark.parametrize("path", WHOLE)
def test_f28_a_path_takes_one_mebibyte(path: str, running: Running) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    assert running.post(path, event(1, MIB)) == PATHS[path].accepted
    assert running.sink.counts == {OBSERVED: 1}
    assert running.post(path, event(1, MIB + 1)) == 413
    assert running.post(path, gzip.compress(event_list(MIB + 4096, 100_000), 1), content_encoding="gzip") == 413


@pytest.mark.parametrize("path", LARGE)
def test_f28_a_streamed_path_takes_sixteen_of_which_no_item_has_more_than_a_quarter(
    path: str, running: Running
) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    many = event_list(15 * MIB, 200_000)
    assert running.post(path, many) == 202
    assert running.sink.counts == {OBSERVED: 15 * MIB // 200_000}
    assert running.post(path, b"[" + event(1, 256 * 1024) + b"," + event(2, 256 * 1024 + 1) + b"]") == 202
    assert running.sink.counts == {OBSERVED: 1, UNREAD: 1}
    assert running.post(path, event(1, 300 * 1024)) == 413
    assert running.post(path, b" " * (16 * MIB + 1)) == 413


BOMBS = {
    "64 MiB of 64 kB": gzip_bomb(),
    "a bomb that is JSON": gzip.compress(b"[" + event(1, 65_000) + b" " * (12 * MIB) + b"]", 9),
    "a bomb of one text": gzip.compress(b'{"a":"' + b"x" * (12 * MIB) + b'"}', 9),
}


@pytest.mark.parametrize("path", ["/webhook", "/audit"])
@pytest.mark.parametrize("name", BOMBS)
def test_f28_a_gzip_bomb_is_refused_fast_and_memory_stays_flat(name: str, path: str, running: Running) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    request = post({"content-encoding": "gzip", "content-type": "application/json"}, BOMBS[name], path)
    assert running.process.send(request).status in {413, 422}
    before, peak = seconds_of(running.process), peak_of(running.process)
    assert {running.process.send(request).status for _ in range(ROUNDS)} <= {413, 422}
    assert (seconds_of(running.process) - before) / ROUNDS < LIMIT
    assert peak_of(running.process) - peak < 8, "MiB"
    assert running.process.send(ask("/health")).status == 200


DEEP = b'{"kind":"Pod","metadata":{"name":"x"},"spec":%s1%s}' % (b'{"a":' * 10_000, b"}" * 10_000)


@pytest.mark.parametrize("path", ["/webhook", "/audit"])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (DEEP, {}, 400),
        (b"[" * 10_000 + b"]" * 10_000, {}, 400),
        (b"[" + b"9" * 100 + b"]", {}, 400),
        (b"{}", {f"x-{number}": "y" for number in range(200)}, 431),
        (b"not gzip", {"content-encoding": "gzip"}, 400),
        (gzip.compress(event(1))[:-9], {"content-encoding": "gzip"}, 400),
        (event(1), {"content-encoding": "zstd"}, 415),
        (b"", {"content-encoding": "gzip"}, 400),
    ],
)
def test_f28_what_is_absurd_is_refused(
    path: str, body: bytes, headers: dict[str, str], status: int, running: Running
) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    before = seconds_of(running.process)
    assert running.process.send(post(headers, body, path)).status == status
    assert seconds_of(running.process) - before < LIMIT


def test_a_request_of_many_items_that_nobody_reads_ends_early(running: Running) -> None:
    assert running.post("/logs", b"[" + b"{}," * 500_000 + b"{}]") == 422
    assert 1000 <= running.sink.counts[UNREAD] <= 1100


def test_a_list_of_ten_megabytes_is_taken_in_little_more_memory_than_none(tmp_path: Path) -> None:
    sink = Sink(keep=False)
    with serve(sink) as url, serving("intake", tmp_path / "log", {"K_SINK": url, "CLUSTER": "prod"}) as served:
        running = Running(Process("serve", int(served.url.rpartition(":")[2]), served.process, served.log), sink)
        assert running.post("/audit", event_list(100_000)) == 202
        idle = peak_of(running.process)
        body = event_list(10_000_000)
        assert running.post("/audit", body) == 202
        assert sink.counts == {OBSERVED: 4000}
        packed = gzip.compress(event_list(10_000_000, each=800), 1)
        assert 20 < 10_000_000 / len(packed) < 100, "as one Event that recurs"
        assert running.post("/audit", packed, content_encoding="gzip") == 202
        assert peak_of(running.process) - idle < 64, "MiB"


def test_f28_a_mebibyte_of_empty_alerts_is_refused_and_memory_stays_flat(running: Running) -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    peak = peak_of(running.process)
    assert running.post("/alertmanager", b'{"groupKey":"a","alerts":[%s{}]}' % (b"{}," * 340_000)) == 422
    assert running.sink.counts == {UNREAD: 1}
    assert peak_of(running.process) - peak < 64, "MiB"

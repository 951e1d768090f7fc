"""SIGTERM while a request is in flight, in every host; all of it at the same time, since it is mostly waiting."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.host_requests import BINARY, SPLUNK, of, post
from tests.support.host_requests import EVENT as SEEN
from tests.support.hosts import HOSTS, Answer, Process, at_once, hosting, python_of
from tests.support.records import classified, classified_event
from tests.support.servers import standin

SHORT, LONG = 2.0, 8.0
EVENT = of(classified_event(classified()))


@dataclass(frozen=True, slots=True)
class Ending:
    """What the client got, what the host said at its end, and after how many seconds from SIGTERM it had ended."""

    answer: Answer
    code: int
    seconds: float
    records: int
    took_new: bool


@dataclass(frozen=True, slots=True)
class Waited:
    """All that was waited for."""

    endings: dict[tuple[str, float], Ending]
    halves: dict[str, Answer]


def _told(url: str, what: str) -> Any:
    with contextlib.closing(urllib.request.urlopen(f"{url}/_standin/{what}", timeout=5)) as answer:  # noqa: S310 -- ours
        return json.loads(answer.read())


def _takes(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _end(host: str, seconds: float, folder: Path) -> Ending:
    """Send an event to a function whose SIEM answers after so many seconds, and SIGTERM once the SIEM was asked."""
    faults = json.dumps([{"do": "delay", "operation": "event", "seconds": seconds}])
    with (
        standin("splunk", ":memory:", "--faults", faults) as siem,
        hosting(host, "siem_forwarder", folder, {"SPLUNK_HEC_URL": siem.url, **SPLUNK}) as process,
        ThreadPoolExecutor(1) as pool,
    ):
        sent = pool.submit(process.send, EVENT)
        limit = time.monotonic() + 10
        while not _told(siem.url, "requests") and time.monotonic() < limit:
            time.sleep(0.02)
        begun = time.monotonic()
        process.process.terminate()
        time.sleep(1.0)
        took_new = _takes(process.port)
        answer = sent.result()
        code = process.process.wait(30)
        return Ending(answer, code, time.monotonic() - begun, _told(siem.url, "events")["count"], took_new)


@pytest.fixture(scope="module")
def waited(folder: Path, classifier: dict[str, Process]) -> Waited:
    cases = [(host, seconds) for seconds in (SHORT, LONG) for host in HOSTS]
    half = post({**BINARY, "content-length": "100"}, b"{")
    with ThreadPoolExecutor(len(cases) + 1) as pool:
        halves = pool.submit(at_once, classifier, [half])
        endings = {case: pool.submit(_end, *case, folder) for case in cases}
        return Waited({case: ending.result() for case, ending in endings.items()}, halves.result())


@pytest.mark.parametrize("host", HOSTS)
def test_f06_a_request_of_two_seconds_is_finished_after_sigterm(host: str, waited: Waited) -> None:
    """F06: SIGTERM under load (scale to zero): stops accepting, finishes in-flight, 0 errors, exit 0."""
    ending = waited.endings[host, SHORT]
    assert not ending.took_new, "stops accepting"
    assert (ending.answer.status, ending.records) == (204, 1), "finishes in-flight, 0 errors"
    assert ending.code == 0, "exit 0"
    assert ending.seconds < SHORT + 3


@pytest.mark.parametrize("host", ["serve", "framework"])
def test_a_request_of_eight_seconds_is_finished_where_the_host_gives_the_time(host: str, waited: Waited) -> None:
    ending = waited.endings[host, LONG]
    assert (ending.answer.status, ending.records, ending.code) == (204, 1, 0)
    assert ending.seconds < LONG + 4


def test_hypercorn_gives_three_seconds_and_what_it_breaks_off_is_no_success(waited: Waited) -> None:
    """From Python 3.12 on, closing a server waits for its connections, without end: there the request is finished."""
    version = subprocess.run([python_of("knfunc"), "-V"], capture_output=True, text=True, check=True).stdout
    ending = waited.endings["knfunc", LONG]
    if version.startswith("Python 3.11."):
        assert ending.answer.status in {0, 500}, "the broker tries again, and the record carries the same event_id"
        assert ending.seconds < LONG
    else:
        assert ending.answer.status == 204


def test_a_body_that_stops_is_given_up_alone_after_the_same_time(waited: Waited) -> None:
    assert {host: answer.status for host, answer in waited.halves.items()} == dict.fromkeys(HOSTS, 400)
    bodies = {answer.body for answer in waited.halves.values()}
    assert [json.loads(body) for body in bodies] == [{"error": "the body did not arrive in time"}]


def test_f39_a_worker_that_is_killed_for_its_memory_is_followed_by_one_that_works(folder: Path) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05. Of several processes the kernel may take the largest alone."""
    with hosting("framework", "classifier", folder, {}) as host:
        worker = _worker(host)  # it listens before there is one
        os.kill(int(worker), signal.SIGKILL)
        assert _worker(host) != worker


def _worker(host: Process) -> str:
    """Return the process that answers events, once one does; until then a broker would try again."""
    limit = time.monotonic() + 20
    while (answer := host.send(post(BINARY, json.dumps(SEEN).encode()))).status != 200:
        assert answer.status in {0, 503}, "the broker tries again"
        assert time.monotonic() < limit
        time.sleep(0.1)
    (worker,) = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children").read_text(encoding="ascii").split()
    return worker

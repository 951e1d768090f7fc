"""Part `intake`: audit records posted as EventLists, as an API server does, until the classifier's answers are durable.

No other function works. The records are those of tests.bench.events: with bodies and without, ordinary ones and writes.
"""

import http.client
import json
import shutil
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.bench.events import audit_records
from tests.bench.measure import MOST, Effort, Row, Wanted
from tests.bench.processes import Running, free_port, running, tidings
from tests.support.servers import ROOT

_EACH = 400  # records of a list: what the API server sends at most
_SECOND = 2000  # records of a second
_MARKS = count()
_LARGE = 10_000_000  # bytes
_NAME = "intake in up, EventLists of 400 until classified and durable"


def intake(effort: Effort) -> list[Row]:
    """CPU of a record, and the memory that a list of 10 MB takes."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        manifests = _alone(folder / "knative")
        command = tidings(
            *("up", "--feed", "none", "--listen", f"127.0.0.1:{port}", "--data", str(folder / "data")),
            *("--knative", str(manifests), "--output", "json"),
        )
        with running(command, port) as process:
            _turn(process, port, 1)  # warm up
            spent = [_turn(process, port, 5) for _ in range(effort.turns(6))]
            idle = process.rss()
            _post(port, _list(_LARGE * _EACH // len(_list(_EACH)) + 1))
            grown = max(0.0, process.peak() - idle)
    return [
        Row(f"{_NAME}, {_SECOND} a second: CPU of one", "", "ms", spent, wanted=Wanted(MOST, 0.5, "ours")),
        Row(f"{_NAME}: a list of 10 MB, memory above", "", "MiB", [grown], wanted=Wanted(MOST, 64, "ours")),
    ]


def _alone(folder: Path) -> Path:
    """Return manifests in which only the classifier has a Trigger."""
    shutil.copytree(ROOT / "knative", folder)
    for trigger in (folder / "triggers").glob("*.yaml"):
        if trigger.stem not in {"classifier", "kustomization"}:
            trigger.unlink()
    return folder


def _turn(process: Running, port: int, seconds: int) -> float:
    """Post at the given rate for so many seconds; return milliseconds of CPU a record, until all of it is done."""
    lists = [_list(_EACH) for _ in range(seconds * _SECOND // _EACH)]
    begun, before = time.monotonic(), process.cpu()
    for number, body in enumerate(lists):
        time.sleep(max(0.0, begun + number * _EACH / _SECOND - time.monotonic()))
        _post(port, body)
    process.rests(10)
    return (process.cpu() - before) * 1000 / (len(lists) * _EACH)


def _list(items: int) -> bytes:
    """Return an EventList of new records of now."""
    mark, now = next(_MARKS), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    times = {"requestReceivedTimestamp": now, "stageTimestamp": now}
    bodies = [
        json.loads(body) | times | {"auditID": f"i{mark}-{number}"}
        for number, (_, body) in enumerate(audit_records(items))
    ]
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": bodies}).encode()


def _post(port: int, body: bytes) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/audit", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"the answer was {answer.status}")

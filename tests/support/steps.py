"""Deliveries that stop at chosen steps: replicas and the instance as processes, and a broker that redelivers."""

import http.client
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.delivery.claim import Record
from shared.events.cloudevent import CloudEvent, type_of_transition
from shared.events.codec import NotAnEvent, decode_reply, encode_binary
from shared.events.episode import Episode
from shared.events.identity import digest, episode_id
from shared.stores.registry import sqlite_url
from tests.support.functions import Served, _address, environment
from tests.support.servers import ROOT, Standin
from tests.support.tickets import START, episode

DONE, BUSY, LATER = frozenset({200, 204}), 409, 503
WAITS = 10.0
"""Most seconds until something happens that needs no lease to run out."""


def problem(name: str) -> Episode:
    """Return an open episode of a problem of its own.

    Deliveries of two episodes may share a lane in one process (shared/runtime/turns.py): then one waits for the other.
    """
    key = digest("steps", name)
    return episode(problem_key=key, id=episode_id(key, START), summary=f"{name} is broken")


def until(true: Callable[[], object], seconds: float = WAITS) -> None:
    """Wait until something is true, and fail where it never gets so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.01)


@dataclass
class Instance:
    """The ServiceNow stand-in in its own process, asked over its control paths."""

    standin: Standin

    @property
    def url(self) -> str:
        return self.standin.url

    def script(self, *rules: Mapping[str, Any]) -> None:
        """Replace the scripted faults."""
        self._call("PUT", "/_standin/faults", json.dumps(rules).encode())

    def requests(self, one: Episode, after: float = 0.0) -> list[dict[str, Any]]:
        """Return the requests about one episode that came after a time, oldest first."""
        log = json.loads(self._call("GET", "/_standin/requests"))
        return [
            entry
            for entry in log
            if entry["time"] > after and (one.problem_key in entry["path"] or one.problem_key in entry["body"])
        ]

    def operations(self, one: Episode, after: float = 0.0) -> list[str]:
        """Return what was asked about one episode, as `find` or `create`."""
        return [entry["operation"] for entry in self.requests(one, after)]

    def incidents(self, one: Episode) -> list[dict[str, str]]:
        rows = json.loads(self._call("GET", "/_standin/records/incident"))
        return [row for row in rows if row["correlation_id"] == one.id]

    def active(self, one: Episode) -> list[dict[str, str]]:
        return [row for row in self.incidents(one) if row["state"] in {"1", "2", "3"}]

    def journal(self, row: Mapping[str, str]) -> str:
        """Return the work notes of a record, as its page shows them."""
        return self._call("GET", f"/nav_to.do?uri=incident.do%3Fsys_id%3D{row['sys_id']}").decode()

    def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=WAITS)
        try:
            connection.request(method, path, body=body or None)
            answer = connection.getresponse()
            assert answer.status < 300, answer.status
            return answer.read()
        finally:
            connection.close()


@dataclass(frozen=True)
class Answer:
    """What a replica answered, asked at `at`, answered by `ended`, by the wall clock; status 0 where it broke off.

    `report` is the data of the delivery event that came as the reply, empty where none came.
    """

    at: float
    ended: float
    status: int
    report: Mapping[str, Any] = field(default_factory=dict)
    after: float = 0.0

    @property
    def done(self) -> bool:
        return self.status in DONE


@dataclass
class Replica:
    """One process of servicenow_incident; `folder` holds where it stops and what it did."""

    served: Served
    folder: Path

    def post(self, one: Episode, seconds: float = 30.0) -> Answer:
        """Send an episode as a broker does."""
        event = CloudEvent(
            id=f"{one.id}.{one.revision}",
            source="tidings/correlator",
            type=type_of_transition(one.transition),
            data=one.model_dump(mode="json"),
        )
        headers, body = encode_binary(event)
        at = time.time()
        try:
            status, found, answer = self.served.request("POST", "/", dict(headers), body, seconds)
        except (OSError, http.client.HTTPException):
            return Answer(at, time.time(), 0)
        reply = decode_reply(found, answer) if status == 200 else None
        assert not isinstance(reply, NotAnEvent)
        return Answer(
            at, time.time(), status, reply.data if reply is not None else {}, float(found.get("retry-after", 0))
        )

    def settle(self, one: Episode, seconds: float = 40.0, pause: float = 0.2) -> list[Answer]:
        """Send again until it is accepted; a 503 that names its wait is given it, in between `pause` seconds pass."""
        answers: list[Answer] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answers.append(self.post(one))
            if answers[-1].done:
                return answers
            time.sleep(max(pause, answers[-1].after if answers[-1].status == LATER else 0.0))
        raise AssertionError(f"never accepted: {[answer.status for answer in answers]}")

    def steps(self, one: Episode) -> list[dict[str, Any]]:
        """Return which steps of an episode's delivery stopped here, and which writes of its claim were refused."""
        path = self.folder / "steps.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in map(json.loads, lines) if line["episode"] == one.id]

    def reached(self, one: Episode) -> bool:
        return any("reached" in line for line in self.steps(one))

    def go_on(self) -> None:
        """Let deliveries that stopped at a step go on."""
        (self.folder / "go").touch()

    def freeze(self) -> None:
        self.served.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.served.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.served.process.send_signal(signal.SIGKILL)
        self.served.process.wait(WAITS)

    def counted(self, metric: str) -> float:
        """Return the value of one line of its metrics, 0 where there is none."""
        _, _, body = self.served.request("GET", "/metrics")
        found = [line for line in body.decode().splitlines() if line.startswith(metric)]
        return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


@contextmanager
def replica(
    folder: Path, store: Path, url: str, seconds: float, stops: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Replica]:
    """Run one replica (tests/support/steps_function.py); `stops` are the steps at which episodes stop, by their id."""
    folder.mkdir()
    (folder / "stops.json").write_text(json.dumps(dict(stops or {})))
    settings = {
        "SERVICENOW_INSTANCE": url,
        "SERVICENOW_USERNAME": "tidings",
        "SERVICENOW_PASSWORD": "tidings",
        "SERVICENOW_CONNECTIONS": "16",
        "SERVICENOW_BATCH": "1",  # each request goes alone, so that each step is its own
        "STORE_URL": sqlite_url(store),
        **settings,
    }
    command: Sequence[str] = (sys.executable, "-m", "tests.support.steps_function", str(folder), str(seconds))
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(settings), stderr=stderr)
    try:
        yield Replica(Served(_address(process, log), process, log), folder)
    finally:
        process.kill()  # also where it is stopped
        process.wait(WAITS)


def claim_of(store: Path, one: Episode) -> Record | None:
    """Return the claim on an episode as it lies in the store's file."""
    connection = sqlite3.connect(store, timeout=WAITS)
    try:
        key = f"claim.servicenow_incident.{one.id}"
        row = connection.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()
    finally:
        connection.close()
    return None if row is None else Record.model_validate_json(row[0])

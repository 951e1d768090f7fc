"""`tidings up` as the benchmarks see it: started on a folder of its own, asked over HTTP and by reading its files."""

import http.client
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.events import stream
from tests.bench.load import flat_out
from tests.bench.processes import Running, free_port, running, tidings

STAND_INS = ("/stand-ins/splunk", "/stand-ins/servicenow")


@dataclass(frozen=True, slots=True)
class Up:
    """One embedded system that runs; `process` tells what it uses, `data` is its folder."""

    port: int
    process: Running
    data: Path

    def destinations_down(self, *, down: bool = True) -> None:
        """Make every stand-in answer 503 to everything, or work again."""
        rules = [{"do": "status", "status": 503, "count": 0}] if down else []
        for path in STAND_INS:
            self._control("PUT", f"{path}/_standin/faults", json.dumps(rules).encode())

    @contextmanager
    def splunk(self) -> Iterator["Stored"]:
        """Yield a view of what Splunk's stand-in has on disk; reading the file costs the system nothing."""
        with closing(sqlite3.connect(f"file:{self.data / 'splunk.db'}?mode=ro", uri=True)) as connection:
            yield Stored(connection)

    def settled(self, within: float) -> bool:
        """Wait until the system has nothing more to do; False where that takes longer."""
        return self.process.rests(within)

    def _control(self, method: str, path: str, body: bytes) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body=body)
            status = connection.getresponse().status
        if status >= 300:
            raise RuntimeError(f"{method} {path} answered {status}")


class Stored:
    """The events that Splunk's stand-in has committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def count(self) -> int:
        """Return how many there are; its sequence numbers have no gap."""
        return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def after(self, seq: int) -> list[tuple[int, str]]:
        """Return sequence number and event_id of those above `seq`."""
        return self._connection.execute(
            "SELECT seq, event_id FROM events WHERE seq > ? ORDER BY seq", (seq,)
        ).fetchall()


@contextmanager
def embedded() -> Iterator[Up]:
    """Run `tidings up` on stand-ins with no feed, warmed up by a few hundred events."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as data:
        command = tidings("up", "--feed", "none", "--listen", f"127.0.0.1:{port}", "--data", data, "--output", "json")
        with running(command, port) as process:
            system = Up(port, process, Path(data))
            requests = stream("warm")
            flat_out(port, (next(requests) for _ in range(300)), connections=8).only(202)
            system.settled(20)
            yield system


def wait_for(stored: Stored, count: int, within: float) -> bool:
    """Wait until Splunk has so many events; False where that takes longer."""
    end = time.perf_counter() + within
    while stored.count() < count:
        if time.perf_counter() > end:
            return False
        time.sleep(0.01)
    return True

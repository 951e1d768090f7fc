"""`tidings up` as the benchmarks see it: on a folder of its own, told of foreign systems that run beside it.

The stand-ins are processes of their own, as Splunk and ServiceNow are machines of their own: what they cost is not the
system's. They are still on the same cores.
"""

import http.client
import json
import sqlite3
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.local.standins import servicenow, splunk
from tests.bench.events import stream
from tests.bench.load import flat_out
from tests.bench.processes import Running, free_port, running, tidings
from tests.support.servers import standin


@dataclass(frozen=True, slots=True)
class Up:
    """One embedded system that runs; `process` tells what it uses, without its foreign systems at these URLs."""

    port: int
    process: Running
    splunk_database: Path
    foreign: tuple[str, ...]

    def destinations_down(self, *, down: bool = True) -> None:
        """Make every foreign system answer 503 to everything, or work again."""
        rules = [{"do": "status", "status": 503, "count": 0}] if down else []
        for url in self.foreign:
            _put(f"{url}/_standin/faults", json.dumps(rules).encode())

    @contextmanager
    def splunk(self) -> Iterator["Stored"]:
        """Yield a view of what Splunk has on disk; reading the file costs neither of them anything."""
        with closing(sqlite3.connect(f"file:{self.splunk_database}?mode=ro", uri=True)) as connection:
            yield Stored(connection)

    def settled(self, within: float) -> bool:
        """Wait until the system has nothing more to do; False where that takes longer."""
        return self.process.rests(within)


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
    """Run `tidings up` with no feed beside a ServiceNow and a Splunk, warmed up by a few hundred events."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        data, database = folder / "data", folder / "splunk.db"
        command = tidings(
            *("up", "--feed", "none", "--listen", f"127.0.0.1:{port}", "--data", str(data), "--output", "json")
        )
        with (
            standin("servicenow", folder / "servicenow.db") as tickets,
            standin("splunk", database) as events,
            running(command, port, **settings_of_standins(tickets.url, events.url)) as process,
        ):
            system = Up(port, process, database, (tickets.url, events.url))
            requests = stream("warm")
            flat_out(system.port, (next(requests) for _ in range(300)), connections=8).only(202)
            system.settled(20)
            yield system


def settings_of_standins(tickets: str, events: str) -> dict[str, str]:
    user = servicenow.USERS[0]
    return {
        "SERVICENOW_INSTANCE": tickets,
        "SERVICENOW_USERNAME": user.name,
        "SERVICENOW_PASSWORD": user.password,
        "SPLUNK_HEC_URL": events,
        "SPLUNK_TOKEN": splunk.TOKENS[0].value,
    }


def _put(url: str, body: bytes) -> None:
    parts = urllib.parse.urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=30)) as connection:
        connection.request("PUT", parts.path, body=body)
        status = connection.getresponse().status
    if status >= 300:
        raise RuntimeError(f"PUT {url} answered {status}")


def wait_for(stored: Stored, count: int, within: float) -> bool:
    """Wait until Splunk has so many events; False where that takes longer."""
    end = time.perf_counter() + within
    while stored.count() < count:
        if time.perf_counter() > end:
            return False
        time.sleep(0.01)
    return True

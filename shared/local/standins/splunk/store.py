"""The collector's events in SQLite: committed before the answer, there after a kill of the process."""

import threading
from collections.abc import Sequence
from typing import Any

import orjson

from shared.local.standins.kept import connected
from shared.local.standins.splunk.body import Stored

Kept = dict[str, Any]
_COLUMNS = "time, host, source, sourcetype, idx, event_id, event, fields, raw"


class Store:
    """Events in the order of their acceptance. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._connection = connected(
            path,
            "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT, host TEXT,"
            " source TEXT, sourcetype TEXT, idx TEXT, event_id TEXT, event BLOB, fields BLOB, raw INTEGER)",
        )

    def add(self, events: Sequence[Stored]) -> None:
        """Keep events; either all or none."""
        if not events:
            return
        rows = [
            (
                event.time,
                event.host,
                event.source,
                event.sourcetype,
                event.index,
                event.event_id,
                event.event,
                event.fields,
                event.raw,
            )
            for event in events
        ]
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(f"INSERT INTO events ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", rows)  # noqa: S608 -- a constant
            self._connection.execute("COMMIT")

    def events(self, index: str = "") -> list[Kept]:
        """Return all events, or those of one index."""
        return self._read("WHERE ? IN ('', idx) ORDER BY seq", (index,))

    def page(self, after: int, limit: int) -> list[Kept]:
        """Return events whose sequence number is above `after`."""
        return self._read("WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))

    def latest(self, limit: int) -> list[Kept]:
        """Return the latest events, the oldest of them first."""
        return self._read("ORDER BY seq DESC LIMIT ?", (limit,))[::-1]

    def event_ids(self) -> list[str]:
        """Return the event_id of every event."""
        with self._lock:
            return [str(row[0]) for row in self._connection.execute("SELECT event_id FROM events ORDER BY seq")]

    def count(self) -> int:
        """Return how many there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM events").fetchone()[0])

    def distinct(self) -> int:
        """Return how many different event_ids there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(DISTINCT event_id) FROM events").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _read(self, condition: str, arguments: tuple[str | int, ...]) -> list[Kept]:
        with self._lock:
            rows = self._connection.execute(f"SELECT seq, {_COLUMNS} FROM events {condition}", arguments).fetchall()  # noqa: S608 -- constants
        return [
            {
                "seq": seq,
                "time": when,
                "host": host,
                "source": source,
                "sourcetype": sourcetype,
                "index": index,
                "event": orjson.loads(event),
                "fields": orjson.loads(fields),
                "raw": bool(raw),
            }
            for seq, when, host, source, sourcetype, index, _, event, fields, raw in rows
        ]

"""The receiver's payloads in SQLite, in the order of their arrival, with what they were read as."""

import threading
from typing import Any

from shared.local.standins.kept import connected
from shared.local.standins.qradar.reading import Event

_COLUMNS = ("seq", "host", "form", "event_id", "cat", "severity", "identity", "payload")


class Store:
    """Payloads in order. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._connection = connected(
            path,
            "CREATE TABLE IF NOT EXISTS payloads (seq INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT, form TEXT,"
            " event_id TEXT, cat TEXT, severity TEXT, identity TEXT, payload TEXT)",
        )

    def add(self, event: Event, payload: str) -> None:
        """Keep a payload."""
        row = (event.host, event.form, event.event_id, event.cat, event.severity, event.identity, payload)
        with self._lock:
            self._connection.execute(
                "INSERT INTO payloads (host, form, event_id, cat, severity, identity, payload) VALUES (?,?,?,?,?,?,?)",
                row,
            )

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest payloads, the oldest of them first."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM payloads ORDER BY seq DESC LIMIT ?"  # noqa: S608 -- constants
        with self._lock:
            rows = self._connection.execute(query, (limit,)).fetchall()
        return [dict(zip(_COLUMNS, row, strict=True)) for row in reversed(rows)]

    def column(self, name: str) -> list[str]:
        """Return one column of all payloads."""
        if name not in _COLUMNS:
            raise ValueError(name)
        with self._lock:
            return [str(row[0]) for row in self._connection.execute(f"SELECT {name} FROM payloads ORDER BY seq")]  # noqa: S608 -- one of ours

    def count(self) -> int:
        """Return how many there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM payloads").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

"""What came, in SQLite: committed before the answer, there after a kill of the process."""

import threading
from typing import Any

import orjson

from shared.local.standins.kept import connected

Kept = dict[str, Any]
_COLUMNS = "seq, method, target, headers, key, body, again"


class Store:
    """Requests in the order of their acceptance. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._connection = connected(
            path,
            "CREATE TABLE IF NOT EXISTS notices (seq INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT, target TEXT,"
            " headers BLOB, key TEXT, body BLOB, again INTEGER);"
            "CREATE INDEX IF NOT EXISTS keys ON notices (key)",
        )

    def add(self, method: str, target: str, headers: dict[str, str], key: str, body: bytes) -> bool:
        """Keep a request; return True where its key came before."""
        with self._lock:
            again = bool(key) and self._connection.execute("SELECT 1 FROM notices WHERE key = ?", (key,)).fetchone()
            row = (method, target, orjson.dumps(headers), key, body, int(bool(again)))
            self._connection.execute(
                "INSERT INTO notices (method, target, headers, key, body, again) VALUES (?,?,?,?,?,?)", row
            )
            return bool(again)

    def latest(self, limit: int) -> list[Kept]:
        """Return the latest requests, the oldest of them first."""
        with self._lock:
            query = f"SELECT {_COLUMNS} FROM notices ORDER BY seq DESC LIMIT ?"  # noqa: S608 -- constants
            rows = self._connection.execute(query, (limit,)).fetchall()
        return [_kept(*row) for row in reversed(rows)]

    def count(self) -> int:
        """Return how many requests came, copies included."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM notices").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _kept(seq: int, method: str, target: str, headers: bytes, key: str, body: bytes, again: int) -> Kept:  # noqa: PLR0913, PLR0917 - a row
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = body.decode("utf-8", "replace")
    return {
        "seq": seq,
        "method": method,
        "target": target,
        "headers": orjson.loads(headers),
        "key": key,
        "body": value,
        "raw": body,
        "again": bool(again),
    }

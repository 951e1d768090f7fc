"""The stand-in's items in SQLite: what was answered was committed before, and survives a kill of the process.

Every item is also kept in memory, where searches look. Ids count on per itemtype, over refused inserts as well, as a
database's own counters do.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.local.standins.kept import connected

Row = dict[str, Any]
_TABLES = """
CREATE TABLE IF NOT EXISTS items (itemtype TEXT, id INTEGER, body TEXT, PRIMARY KEY (itemtype, id));
CREATE TABLE IF NOT EXISTS counters (itemtype TEXT PRIMARY KEY, last INTEGER);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, body TEXT);
"""


class DuplicateError(Exception):
    """A unique key has this value already; the text is the value."""


class Database:
    """Items by itemtype and id, and sessions. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._connection = connected(path, _TABLES)
        self._items: dict[str, dict[int, Row]] = {}
        for itemtype, number, body in self._connection.execute("SELECT itemtype, id, body FROM items ORDER BY id"):
            self._items.setdefault(itemtype, {})[number] = json.loads(body)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let nobody else write meanwhile."""
        with self._lock:
            yield

    def insert(self, itemtype: str, row: Mapping[str, Any], unique: tuple[str, ...] = ()) -> Row:
        """Add an item and return it with its id. Raises DuplicateError for another one with the `unique` values."""
        with self._lock:
            number = self._next(itemtype)
            key = tuple(row.get(name) for name in unique)
            if unique and None not in key:
                for other in self._items.get(itemtype, {}).values():
                    if tuple(other.get(name) for name in unique) == key:
                        raise DuplicateError("-".join(str(part) for part in key))
            made = {"id": number, **row}
            self._keep(itemtype, made)
            return made

    def seed(self, itemtype: str, row: Mapping[str, Any], number: int) -> None:
        """Add an item with this id where there is none."""
        with self._lock:
            if self.get(itemtype, number) is None:
                self._keep(itemtype, {"id": number, **row})
                last = max(number, self._last(itemtype))
                self._connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (itemtype, last))

    def update(self, itemtype: str, number: int, values: Mapping[str, Any]) -> Row:
        """Change an item and return it. Raises KeyError where there is none."""
        with self._lock:
            row = {**self._items.get(itemtype, {})[number], **values}
            self._keep(itemtype, row)
            return row

    def delete(self, itemtype: str, number: int) -> None:
        """Remove an item for good."""
        with self._lock:
            self._items.get(itemtype, {}).pop(number, None)
            self._connection.execute("DELETE FROM items WHERE itemtype = ? AND id = ?", (itemtype, number))

    def get(self, itemtype: str, number: int) -> Row | None:
        """Return an item by its id."""
        with self._lock:
            return self._items.get(itemtype, {}).get(number)

    def all(self, itemtype: str) -> list[Row]:
        """Return all items of a type, oldest first."""
        with self._lock:
            return sorted(self._items.get(itemtype, {}).values(), key=lambda row: int(row["id"]))

    def save_session(self, token: str, body: Mapping[str, Any]) -> None:
        """Keep a session or an OAuth token."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?)", (token, json.dumps(body)))

    def session(self, token: str) -> Row | None:
        """Return a session by its token."""
        with self._lock:
            found = self._connection.execute("SELECT body FROM sessions WHERE token = ?", (token,)).fetchone()
        return json.loads(found[0]) if found else None

    def drop_session(self, token: str) -> None:
        """Forget a session."""
        with self._lock:
            self._connection.execute("DELETE FROM sessions WHERE token = ?", (token,))

    def drop_sessions(self) -> None:
        """Forget all sessions."""
        with self._lock:
            self._connection.execute("DELETE FROM sessions")

    def sessions(self) -> int:
        """Return how many sessions there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM sessions").fetchone()[0])

    def _next(self, itemtype: str) -> int:
        number = self._last(itemtype) + 1
        self._connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (itemtype, number))
        return number

    def _last(self, itemtype: str) -> int:
        found = self._connection.execute("SELECT last FROM counters WHERE itemtype = ?", (itemtype,)).fetchone()
        return int(found[0]) if found else 0

    def _keep(self, itemtype: str, row: Row) -> None:
        self._items.setdefault(itemtype, {})[int(row["id"])] = row
        self._connection.execute(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (itemtype, row["id"], json.dumps(row, ensure_ascii=False))
        )

"""Documents, data streams and templates in SQLite: committed before the answer, there after a kill of the process."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from shared.local.standins.kept import connected, transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """One document: the backing index that it lies in, its `_id` and its source."""

    seq: int
    index: str
    id: str
    source: dict[str, Any]


class Store:
    """All of a cluster's state. Safe to use from several threads; a call of `writing` is one transaction."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._connection = connected(
            path,
            "CREATE TABLE IF NOT EXISTS documents (seq INTEGER PRIMARY KEY AUTOINCREMENT, idx TEXT, id TEXT,"
            " source BLOB, UNIQUE (idx, id));"
            "CREATE TABLE IF NOT EXISTS indices (name TEXT PRIMARY KEY, stream TEXT, generation INTEGER);"
            "CREATE TABLE IF NOT EXISTS things (kind TEXT, name TEXT, body BLOB, PRIMARY KEY (kind, name))",
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make what is written inside one transaction."""
        with self._lock, transaction(self._connection):
            yield

    def create(self, index: str, name: str, source: bytes) -> bool:
        """Keep a document; False where the index has one of that id."""
        with self._lock:
            done = self._connection.execute(
                "INSERT OR IGNORE INTO documents (idx, id, source) VALUES (?,?,?)", (index, name, source)
            )
            return done.rowcount == 1

    def replace(self, index: str, name: str, source: bytes) -> bool:
        """Keep a document whatever is there; True where there was none."""
        with self._lock:
            new = (
                self._connection.execute("DELETE FROM documents WHERE idx = ? AND id = ?", (index, name)).rowcount == 0
            )
            self.create(index, name, source)
            return new

    def add_index(self, name: str, stream: str = "", generation: int = 0) -> None:
        """Make an index; `stream` where it is a data stream's backing index."""
        with self._lock:
            self._connection.execute("INSERT OR IGNORE INTO indices VALUES (?,?,?)", (name, stream, generation))

    def backing(self, stream: str) -> list[str]:
        """Return a data stream's backing indices, the one that is written to last."""
        return self._names("SELECT name FROM indices WHERE stream = ? ORDER BY generation", stream)

    def streams(self) -> list[str]:
        """Return the names of all data streams."""
        return self._names("SELECT DISTINCT stream FROM indices WHERE stream != ? ORDER BY stream", "")

    def indices(self) -> list[str]:
        """Return the names of all indices that are no data stream's."""
        return self._names("SELECT name FROM indices WHERE stream = ? ORDER BY name", "")

    def documents(self, indices: Sequence[str] | None = None) -> list[Kept]:
        """Return the documents of some indices (all, where none are given), oldest first."""
        with self._lock:
            rows = self._connection.execute("SELECT seq, idx, id, source FROM documents ORDER BY seq").fetchall()
        return [
            Kept(seq, index, name, orjson.loads(source))
            for seq, index, name, source in rows
            if indices is None or index in indices
        ]

    def ids(self) -> list[str]:
        """Return the `_id` of every document, oldest first."""
        with self._lock:
            return [str(row[0]) for row in self._connection.execute("SELECT id FROM documents ORDER BY seq")]

    def count(self) -> int:
        """Return how many documents there are."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def latest(self, limit: int) -> list[Kept]:
        """Return the latest documents, the newest first."""
        query = "SELECT seq, idx, id, source FROM documents ORDER BY seq DESC LIMIT ?"
        with self._lock:
            rows = self._connection.execute(query, (limit,)).fetchall()
        return [Kept(seq, index, name, orjson.loads(source)) for seq, index, name, source in rows]

    def put(self, kind: str, name: str, body: Any) -> None:
        """Keep a template or a policy."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO things VALUES (?,?,?)", (kind, name, orjson.dumps(body)))

    def things(self, kind: str) -> dict[str, Any]:
        """Return all templates or policies of a kind by name."""
        with self._lock:
            rows = self._connection.execute("SELECT name, body FROM things WHERE kind = ? ORDER BY name", (kind,))
            return {name: orjson.loads(body) for name, body in rows.fetchall()}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _names(self, query: str, argument: str) -> list[str]:
        with self._lock:
            return [str(row[0]) for row in self._connection.execute(query, (argument,))]

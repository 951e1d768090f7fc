"""The embedded bus's SQLite file: records, topics, and how far each group is. Synchronous: the bus calls it in threads.

Offsets are the file's own, so those of one topic grow and have gaps. An id is known for as long as its record is kept.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from shared.bus.progress import Progress
from shared.bus.protocol import Kept, Published, Refused, Topic
from shared.stores.layout import check_layout

_KIND = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA journal_size_limit = 16777216;
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS topic(
    name TEXT PRIMARY KEY, seconds INTEGER NOT NULL, max_bytes INTEGER, events INTEGER NOT NULL, size INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS record(
    offset INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, at REAL NOT NULL, id TEXT NOT NULL,
    key TEXT NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record(topic, id);
CREATE INDEX IF NOT EXISTS record_at ON record(topic, at, offset);
CREATE INDEX IF NOT EXISTS record_key ON record(topic, key, offset);
CREATE INDEX IF NOT EXISTS record_offset ON record(topic, offset);
CREATE TABLE IF NOT EXISTS member(
    topic TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (topic, name)
) WITHOUT ROWID;
"""
_BUSY_SECONDS = 5.0
_PAGE = 256
_PAGE_BYTES = 2 * 1024 * 1024
_PIECE = 1000  # records that one step of retention drops: publishing waits meanwhile
_RESERVE = 2048  # pages of 4 KiB that stay for reuse


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it is kept."""

    offset: int
    at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class New:
    """One record to be kept."""

    topic: str
    id: str
    key: str
    body: bytes


class BusFile:
    """One connection to the file; one thread at a time uses it."""

    def __init__(self, path: Path | None) -> None:
        """Open or create it; None is an empty one in memory. Raises OSError, sqlite3.Error."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path or ":memory:",
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        self._connection.executescript(_KIND)
        try:
            check_layout(self._connection)
        except sqlite3.DatabaseError:
            self._connection.close()
            raise
        self._connection.executescript(_SCHEMA)
        self._connection.execute("PRAGMA synchronous = FULL")  # what is kept must outlive a loss of power

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End it; what was written is on the disk."""
        self._connection.commit()

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def add(self, new: New, now: float) -> Published:
        """Keep a record, unless one of this id is there or the topic has no room."""
        found = self._connection.execute(
            "SELECT offset FROM record WHERE topic = ? AND id = ?", (new.topic, new.id)
        ).fetchone()
        if found is not None:
            return Kept(offset=found[0], duplicate=True)
        room = self._connection.execute(
            "UPDATE topic SET events = events + 1, size = size + ?1"
            " WHERE name = ?2 AND (max_bytes IS NULL OR size + ?1 <= max_bytes)",
            (len(new.body), new.topic),
        )
        if room.rowcount != 1:
            return Refused("no topic" if self.topic(new.topic) is None else "full")
        added = self._connection.execute(
            # Times grow with the offsets also where the clock was set back: reading by time relies on it.
            "INSERT INTO record(topic, at, id, key, body)"
            " SELECT ?1, max(?2, coalesce(max(at), 0)), ?3, ?4, ?5 FROM record WHERE topic = ?1",
            (new.topic, now, new.id, new.key, new.body),
        )
        return Kept(offset=added.lastrowid)

    def ensure(self, topic: Topic) -> list[str]:
        """Make or change a topic; return what was done."""
        before = self.topic(topic.name)
        if before is None:
            row = (topic.name, topic.seconds, topic.max_bytes)
            self._connection.execute("INSERT INTO topic VALUES (?, ?, ?, 0, 0)", row)
            return ["made"]
        self._connection.execute(
            "UPDATE topic SET seconds = ?, max_bytes = ? WHERE name = ?", (topic.seconds, topic.max_bytes, topic.name)
        )
        return [
            f"{what}: {was} to {wanted}"
            for what, was, wanted in (("seconds", before[0], topic.seconds), ("max_bytes", before[1], topic.max_bytes))
            if was != wanted
        ]

    def topic(self, name: str) -> tuple[int, int | None, int, int] | None:
        """Return (seconds, max_bytes, events, size) of a topic."""
        found: tuple[int, int | None, int, int] | None = self._connection.execute(
            "SELECT seconds, max_bytes, events, size FROM topic WHERE name = ?", (name,)
        ).fetchone()
        return found

    def bounds(self, topic: str) -> tuple[float, float] | None:
        """Return the times of the oldest and newest record, None where there is none."""
        first, last = self._connection.execute(
            "SELECT (SELECT at FROM record WHERE topic = ?1 ORDER BY at LIMIT 1),"
            " (SELECT at FROM record WHERE topic = ?1 ORDER BY at DESC LIMIT 1)",
            (topic,),
        ).fetchone()
        return None if first is None else (first, last)

    def last(self, topic: str) -> int:
        """Return the newest offset, 0 where there is none."""
        (found,) = self._connection.execute("SELECT max(offset) FROM record WHERE topic = ?", (topic,)).fetchone()
        return found or 0

    def since(self, topic: str, at: float) -> int:
        """Return the offset behind which everything was published at this time or later."""
        found = self._connection.execute(
            "SELECT offset FROM record WHERE topic = ? AND at >= ? ORDER BY at, offset LIMIT 1", (topic, at)
        ).fetchone()
        return self.last(topic) if found is None else found[0] - 1

    def page(self, topic: str, after: int, until: int, key: str, most: int = _PAGE) -> list[Row]:
        """Return records behind `after` up to `until`, in order; of one key, unless it is empty."""
        keyed = "key = :key AND" if key else ""
        rows = self._connection.execute(
            f"SELECT offset, at, body FROM record WHERE {keyed} topic = :topic"  # noqa: S608 - one of two constants
            " AND offset > :after AND offset <= :until ORDER BY offset LIMIT :most",
            {"topic": topic, "after": after, "until": until, "key": key, "most": most},
        )
        found: list[Row] = []
        size = 0
        with contextlib.closing(rows):
            for row in rows:
                found.append(Row(*row))
                size += len(row[2])
                if size >= _PAGE_BYTES:
                    break
        return found

    def progress(self, topic: str, group: str) -> Progress:
        """Return how far a group is; a new one is at the beginning. What was open is given again."""
        found = self._connection.execute(
            "SELECT state FROM member WHERE topic = ? AND name = ?", (topic, group)
        ).fetchone()
        next_offset, *opened = orjson.loads(found[0]) if found is not None else [1]
        return Progress(next_offset, opened)

    def behind(self, topic: str, progress: Progress) -> int:
        """Return how many records of the topic have not ended."""
        (found,) = self._connection.execute(
            "SELECT count(*) FROM record WHERE topic = ? AND offset >= ?", (topic, progress.next)
        ).fetchone()
        return int(found) + len(progress.open)

    def keep_progress(self, topic: str, group: str, state: str) -> None:
        """Keep how far a group is."""
        self._connection.execute("INSERT OR REPLACE INTO member VALUES (?, ?, ?)", (topic, group, state))

    def expire(self, now: float) -> bool:
        """Drop some of what is older than its topic keeps; True where there is more of it."""
        more = False
        for name, seconds in self._connection.execute("SELECT name, seconds FROM topic").fetchall():
            sizes: Sequence[tuple[int]] = self._connection.execute(
                "DELETE FROM record WHERE offset IN (SELECT offset FROM record WHERE topic = ? AND at < ?"
                " ORDER BY at LIMIT ?) RETURNING length(body)",
                (name, now - seconds, _PIECE),
            ).fetchall()
            if sizes:
                gone = (len(sizes), sum(size for (size,) in sizes), name)
                self._connection.execute("UPDATE topic SET events = events - ?, size = size - ? WHERE name = ?", gone)
            more = more or len(sizes) == _PIECE
        return more

    def shrink(self) -> None:
        """Give space that nothing uses back, a piece at a time; outside of transactions."""
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        if free > _RESERVE:
            self._connection.executescript(f"PRAGMA incremental_vacuum({_PIECE})")


def state_of(progress: Progress) -> str:
    """Return what `progress` restores."""
    return orjson.dumps([progress.next, *sorted(progress.open)]).decode()

"""The SQLite store's file: how it is opened, and what each operation says to it."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shared.stores.layout import check_layout
from shared.stores.protocol import ABSENT, Entry

Connection = sqlite3.Connection

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL, expires REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_expires ON entry (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""
_BUSY_SECONDS = 5.0
_BUSY_PAUSE = 0.01
_PURGE_ROWS = 500
_BEYOND = "\x7f"  # greater than every character of a key


@dataclass(slots=True)
class Transaction:
    """The writes of one batch. `revision` is the whole file's counter: nobody else can move it until the commit.

    So it is read and written once for the batch. A key that was deleted and made again never has an old revision.
    """

    connection: Connection
    revision: int


def connect(path: Path) -> Connection:
    """Open or create the file. Raises sqlite3.Error, OSError.

    This waits for other processes; afterwards no statement does outside of `patience`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _to_wal(connection)
        check_layout(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_spill=OFF")  # nothing goes to the disk before the commit; batches are bounded
        connection.executescript(_SCHEMA)
        _wait_at_most(connection, 0.0)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _to_wal(connection: Connection) -> None:
    """Switch the file to WAL; unlike all other statements this one does not wait while another process opens it."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


@contextlib.contextmanager
def patience(connection: Connection) -> Iterator[None]:
    """Let statements wait for other processes; one that failed leaves a connection that is to be closed."""
    _wait_at_most(connection, _BUSY_SECONDS)
    yield
    _wait_at_most(connection, 0.0)


def _wait_at_most(connection: Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


def is_busy(error: Exception) -> bool:
    """Return whether it says that another process has the lock that is needed."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def begin(connection: Connection) -> None:
    """Begin a transaction that writes."""
    connection.execute("BEGIN IMMEDIATE")


def revision(connection: Connection) -> int:
    """Return the file's counter."""
    (counted,) = connection.execute("SELECT revision FROM counter").fetchone()
    return int(counted)


def set_revision(connection: Connection, counted: int) -> None:
    """Set the file's counter."""
    connection.execute("UPDATE counter SET revision = ?", (counted,))


def purge(connection: Connection, now: float) -> None:
    """Delete some of what expired."""
    connection.execute(
        "DELETE FROM entry WHERE key IN (SELECT key FROM entry WHERE expires <= ? LIMIT ?)", (now, _PURGE_ROWS)
    )


def get(connection: Connection, key: str, now: float) -> Entry | None:
    """Return one entry."""
    row = connection.execute(
        "SELECT value, revision FROM entry WHERE key = ? AND (expires IS NULL OR expires > ?)", (key, now)
    ).fetchone()
    return None if row is None else Entry(key, row[0], row[1])


def put(transaction: Transaction, entry: Entry, expires: float | None, now: float) -> int | None:
    """Compare with the revision of `entry` and set, in one statement; return the new revision."""
    revision = transaction.revision + 1
    if entry.revision == ABSENT:
        done = transaction.connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, "
            "revision = excluded.revision, expires = excluded.expires WHERE entry.expires <= ?",
            (entry.key, entry.value, revision, expires, now),
        )
    else:
        done = transaction.connection.execute(
            "UPDATE entry SET value = ?, revision = ?, expires = ? "
            "WHERE key = ? AND revision = ? AND (expires IS NULL OR expires > ?)",
            (entry.value, revision, expires, entry.key, entry.revision, now),
        )
    if done.rowcount != 1:
        return None
    transaction.revision = revision
    return revision


def delete(transaction: Transaction, key: str, expected: int, now: float) -> bool:
    """Delete an entry of this revision."""
    done = transaction.connection.execute(
        "DELETE FROM entry WHERE key = ? AND revision = ? AND (expires IS NULL OR expires > ?)", (key, expected, now)
    )
    return done.rowcount == 1


class Range(NamedTuple):
    """Keys with a prefix that are greater than `after` and, where it is not empty, less than `before`."""

    prefix: str
    after: str
    before: str


def page(connection: Connection, wanted: Range, size: int, now: float) -> list[Entry]:
    """Return entries in key order."""
    end = wanted.prefix + _BEYOND
    rows = connection.execute(
        "SELECT key, value, revision, expires FROM entry WHERE key >= ? AND key > ? AND key < ? "
        "AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?",
        (wanted.prefix, wanted.after, min(wanted.before or end, end), now, size),
    )
    return [Entry(*row) for row in rows]

"""The broker's SQLite file: pages of events, cursors, dead letters. Synchronous; the log calls it from its threads.

A page is what one commit brought: many events in one row, as lines of JSON. So a commit is one statement, and what all
cursors are past is dropped in ranges. One statement also matters for speed: each step into SQLite lets go of the
interpreter lock, and taking it back from a busy event loop costs up to a switch interval.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.local import lock
from shared.stores.layout import check_layout

_SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA journal_size_limit = 16777216;
CREATE TABLE IF NOT EXISTS page(
    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS cursor(
    trigger TEXT, lane INTEGER, state TEXT NOT NULL, seen REAL NOT NULL, PRIMARY KEY (trigger, lane)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter(
    id INTEGER PRIMARY KEY AUTOINCREMENT, trigger TEXT NOT NULL, event TEXT NOT NULL, destination TEXT NOT NULL,
    code INTEGER, data TEXT NOT NULL, why TEXT NOT NULL, extensions TEXT NOT NULL, at REAL NOT NULL,
    tries INTEGER NOT NULL, wanted INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS letter_of_trigger ON letter(trigger, wanted, id);
CREATE VIEW IF NOT EXISTS batch AS
    SELECT first, count, at, body, '[]' AS cursors, '[]' AS letters, '[]' AS settled FROM page;
DROP TRIGGER IF EXISTS commit_batch;
CREATE TRIGGER commit_batch INSTEAD OF INSERT ON batch BEGIN
    INSERT INTO page SELECT new.first, new.count, new.at, new.body WHERE new.count > 0;
    INSERT OR REPLACE INTO cursor SELECT value ->> 0, value ->> 1, value ->> 2, new.at FROM json_each(new.cursors);
    DELETE FROM letter WHERE id IN (SELECT value FROM json_each(new.settled));
    INSERT OR REPLACE INTO letter SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
        value ->> 6, value ->> 7, value ->> 8, value ->> 9, 0 FROM json_each(new.letters)
        WHERE value ->> 0 IS NULL OR value ->> 0 IN (SELECT id FROM letter);
END;
"""
_DISCARDED = """
CREATE TABLE IF NOT EXISTS discarded(
    id INTEGER PRIMARY KEY, letter TEXT NOT NULL, note TEXT NOT NULL, at REAL NOT NULL
)
"""  # a guest makes it, too: the broker that runs on the file may be of a version that did not
_NOTES = 100_000
_PIECE = 512
_RESERVE = 2048  # pages of 4 KiB that stay for reuse: growing a file costs more than keeping it
_LETTER_COLUMNS = "id, trigger, event, destination, code, data, why, extensions, at, tries, wanted"
LetterRow = tuple[int, str, str, str, int | None, str, str, str, float, int, int]


@dataclass(frozen=True, slots=True)
class Page:
    """One row: events `first` … `first + count - 1`, one line of `body` each."""

    first: int
    count: int
    at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes; the texts are JSON arrays (see the trigger `commit_batch`)."""

    page: Page
    cursors: str = "[]"
    letters: str = "[]"
    settled: str = "[]"


class Database:
    """One file. `commit` and `maintain` belong to the writer's thread, the rest to the reader's."""

    def __init__(self, path: Path, *, guest: bool = False) -> None:
        """Open or create it. Raises InUseError, OSError, sqlite3.Error.

        A guest opens a file that is there beside the broker that may run on it, and may only touch letters. Raises
        FileNotFoundError.
        """
        if guest and not path.is_file():
            raise FileNotFoundError(path)
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened:
            held = None if guest else lock.take(path.with_name(path.name + ".lock"))
            opened.callback(lock.give_back, held)
            self._writer = opened.enter_context(contextlib.closing(_connect(path)))
            check_layout(self._writer)
            if not guest:
                self._writer.executescript(_SCHEMA)
            # FULL: an answered 202 must outlive a loss of power, not only of the process.
            self._writer.execute("PRAGMA synchronous = FULL")
            self._reader = opened.enter_context(contextlib.closing(_connect(path)))
            self._reader.execute("PRAGMA query_only = ON")
            self._opened = opened.pop_all()

    def commit(self, batch: Batch) -> None:
        """Write one batch, durably and whole. Raises sqlite3.Error, and then nothing of it is written."""
        page = batch.page
        self._writer.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)",
            (page.first, page.count, page.at, page.body, batch.cursors, batch.letters, batch.settled),
        )

    def maintain(self, before: int) -> bool:
        """Drop pages that end before this offset and give free space back; True where there is more to drop.

        A bounded piece at a time: commits wait meanwhile.
        """
        dropped = self._writer.execute(
            "DELETE FROM page WHERE first IN"
            " (SELECT first FROM page WHERE first < ? AND first + count <= ? ORDER BY first LIMIT ?)",
            (before, before, _PIECE),
        ).rowcount
        (free,) = self._writer.execute("PRAGMA freelist_count").fetchone()
        if free > _RESERVE:
            # By executescript: `execute` makes a single step of a statement without columns, which frees a single page.
            self._writer.executescript(f"PRAGMA incremental_vacuum({_PIECE})")
        return dropped == _PIECE

    def forget(self, cursors: Iterable[tuple[str, int]]) -> None:
        """Drop cursors."""
        self._writer.executemany("DELETE FROM cursor WHERE trigger = ? AND lane = ?", list(cursors))

    def want(self, ids: Sequence[int], *, wanted: bool) -> int:
        """Mark letters to be sent again, or no more; return how many there were."""
        marks = ", ".join("?" * len(ids))
        statement = f"UPDATE letter SET wanted = ? WHERE id IN ({marks})"  # noqa: S608 - only question marks
        return self._writer.execute(statement, (int(wanted), *ids)).rowcount

    def discard(self, letters: Mapping[int, str], note: str, at: float) -> int:
        """Delete letters and keep what is said of each (JSON) with the note; return how many there were.

        Of what was discarded the last 100,000 are kept.
        """
        with self._writer:  # one transaction: no letter goes without its note
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.execute(_DISCARDED)
            gone = 0
            for number, said in letters.items():
                there = self._writer.execute("DELETE FROM letter WHERE id = ?", (number,)).rowcount
                if there:
                    self._writer.execute("INSERT INTO discarded VALUES (?, ?, ?, ?)", (number, said, note, at))
                gone += there
            self._writer.execute("DELETE FROM discarded WHERE id <= (SELECT max(id) FROM discarded) - ?", (_NOTES,))
        return gone

    def discarded(self, *, after: int, limit: int) -> list[tuple[int, str, str, float]]:
        """Return (id, what was said of it, note, when) of letters that were discarded, in order of id."""
        there = self._reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'discarded'").fetchone()
        statement = "SELECT id, letter, note, at FROM discarded WHERE id > ? ORDER BY id LIMIT ?"
        return self._reader.execute(statement, (after, limit)).fetchall() if there else []

    def bounds(self) -> tuple[int, int]:
        """Return the first offset that is kept and the next one to be given."""
        first = self._reader.execute("SELECT first FROM page ORDER BY first LIMIT 1").fetchone()
        last = self._reader.execute("SELECT first + count FROM page ORDER BY first DESC LIMIT 1").fetchone()
        return (first[0], last[0]) if first is not None else (1, 1)

    def cursors(self) -> list[tuple[str, int, str, float]]:
        """Return (trigger, lane, state, seen) of all."""
        return self._reader.execute("SELECT trigger, lane, state, seen FROM cursor").fetchall()

    def pages(self, offset: int, max_events: int, max_bytes: int) -> list[Page]:
        """Return pages from the one that holds `offset` on, or from the next; at least one where there is one."""
        rows = self._reader.execute(
            "SELECT first, count, at, body FROM page"
            " WHERE first >= coalesce((SELECT max(first) FROM page WHERE first <= ? AND first + count > ?), ?)"
            " ORDER BY first",
            (offset, offset, offset),
        )
        found: list[Page] = []
        events = size = 0
        with contextlib.closing(rows):
            for row in rows:
                page = Page(*row)
                found.append(page)
                events += page.count
                size += len(page.body)
                if events >= max_events or size >= max_bytes:
                    break
        return found

    def letters(self, trigger: str, *, wanted: bool, after: int, limit: int) -> list[LetterRow]:
        """Return letters in order of id, of one Trigger or (empty) of all; `wanted`: only those to be sent again."""
        statement = (
            f"SELECT {_LETTER_COLUMNS} FROM letter"  # noqa: S608 - a constant
            " WHERE id > ? AND (? = '' OR trigger = ?) AND wanted >= ? ORDER BY id LIMIT ?"
        )
        return self._reader.execute(statement, (after, trigger, trigger, int(wanted), limit)).fetchall()

    def letter(self, number: int) -> LetterRow | None:
        """Return one letter."""
        statement = f"SELECT {_LETTER_COLUMNS} FROM letter WHERE id = ?"  # noqa: S608 - a constant
        row: LetterRow | None = self._reader.execute(statement, (number,)).fetchone()
        return row

    def letter_counts(self) -> dict[str, int]:
        """Return how many letters each Trigger has."""
        return dict(self._reader.execute("SELECT trigger, count(*) FROM letter GROUP BY trigger").fetchall())

    def close(self) -> None:
        """Close it; the lock goes last."""
        self._opened.close()


def _connect(path: Path) -> sqlite3.Connection:
    # Autocommit: the one statement of a batch is its transaction. Each connection serves one thread at a time.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)

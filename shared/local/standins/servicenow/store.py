"""The stand-in's tables in SQLite: what was answered was committed before, and survives a kill of the process."""

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from shared.local.standins.kept import connected, transaction
from shared.local.standins.servicenow.query import Query
from shared.local.standins.servicenow.schema import CHOICES, CLOSE_CODES, DISPLAY, NUMBERS, TABLES, Column

Row = dict[str, str]
_TOKENS = 'CREATE TABLE IF NOT EXISTS "oauth" (token TEXT PRIMARY KEY, user TEXT, expires REAL, refresh TEXT)'


class Database:
    """Rows as text; every value of ServiceNow's Table API is text. Safe to use from several threads.

    `content` is that of another one with the same tables, for one in memory.
    """

    def __init__(self, path: str, custom: Mapping[str, Sequence[str]], content: bytes = b"") -> None:
        self.tables: dict[str, dict[str, Column]] = {
            name: {column.name: column for column in (*columns, *(Column(x, length=255) for x in custom.get(name, ())))}
            for name, columns in TABLES.items()
        }
        self._lock = threading.RLock()
        self._connection = connected(path)
        self._connection.row_factory = sqlite3.Row
        if content:
            self._connection.deserialize(content)
            return
        with self.transaction():
            self._connection.execute(_TOKENS)
            for name, columns in self.tables.items():
                self._create(name, columns)

    def content(self) -> bytes:
        """Return all that it holds."""
        with self._lock:
            return self._connection.serialize()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one commit; an error rolls it back."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            with transaction(self._connection):
                yield

    def insert(self, table: str, values: Mapping[str, str], user: str, sys_id: str = "") -> Row:
        """Add a row with its system columns and return it."""
        now = stamp()
        row = {
            **dict.fromkeys(self.tables[table], ""),
            **values,
            "sys_id": sys_id or uuid.uuid4().hex,
            "sys_created_on": now,
            "sys_updated_on": now,
            "sys_created_by": user,
            "sys_updated_by": user,
            "sys_mod_count": "0",
            "sys_class_name": values.get("sys_class_name") or table,
        }
        names = ", ".join(f'"{name}"' for name in row)
        with self.transaction():
            cursor = self._connection.execute(
                f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(row))})',  # noqa: S608 -- schema's names
                tuple(row.values()),
            )
            if table in NUMBERS:
                row["number"] = f"{NUMBERS[table]}{10_000 + (cursor.lastrowid or 0):07d}"
                self._connection.execute(
                    f'UPDATE "{table}" SET number = ? WHERE sys_id = ?',  # noqa: S608 -- schema's names
                    (row["number"], row["sys_id"]),
                )
        return row

    def update(self, table: str, row: Row, values: Mapping[str, str], user: str) -> Row:
        """Change a row and return it."""
        changed = {
            **values,
            "sys_updated_on": stamp(),
            "sys_updated_by": user,
            "sys_mod_count": str(int(row["sys_mod_count"] or 0) + 1),
        }
        assignments = ", ".join(f'"{name}" = ?' for name in changed)
        with self.transaction():
            self._connection.execute(
                f'UPDATE "{table}" SET {assignments} WHERE sys_id = ?',  # noqa: S608 -- names of our own schema
                (*changed.values(), row["sys_id"]),
            )
        return {**row, **changed}

    def delete(self, table: str, sys_id: str) -> None:
        """Remove a row."""
        with self.transaction():
            self._connection.execute(f'DELETE FROM "{table}" WHERE sys_id = ?', (sys_id,))  # noqa: S608 -- schema's name

    def get(self, table: str, sys_id: str) -> Row | None:
        """Return a row by its sys_id."""
        return next(iter(self._rows(f'SELECT * FROM "{table}" WHERE sys_id = ?', (sys_id,))), None)  # noqa: S608 -- schema's name

    def find(self, table: str, query: Query, limit: int, offset: int) -> list[Row]:
        """Return the rows that a query finds, in its order."""
        return self._rows(
            f'SELECT * FROM "{table}" WHERE {query.where} ORDER BY {query.order} LIMIT ? OFFSET ?',  # noqa: S608
            (*query.arguments, limit, offset),
        )

    def count(self, table: str, query: Query) -> int:
        """Return how many rows a query finds."""
        with self._lock:
            statement = f'SELECT count(*) FROM "{table}" WHERE {query.where}'  # noqa: S608 -- schema's names
            return int(self._connection.execute(statement, query.arguments).fetchone()[0])

    def taken(self, table: str, column: str, value: str) -> bool:
        """Return True where a row has this value already."""
        statement = f'SELECT sys_id FROM "{table}" WHERE "{column}" = ? LIMIT 1'  # noqa: S608 -- names of our own schema
        return bool(self._rows(statement, (value,)))

    def by_display(self, table: str, value: str) -> str:
        """Return the sys_id of the row with this display value, or the empty string."""
        column = DISPLAY.get(table, "")
        if not column:
            return ""
        rows = self._rows(f'SELECT sys_id FROM "{table}" WHERE "{column}" = ? LIMIT 1', (value,))  # noqa: S608
        return rows[0]["sys_id"] if rows else ""

    def display(self, table: str, sys_id: str) -> str:
        """Return the display value of a referenced row, or the empty string."""
        row = self.get(table, sys_id) if table in self.tables and sys_id else None
        return row[DISPLAY.get(table, "sys_id")] if row else ""

    def seed(self, table: str, rows: Sequence[Mapping[str, str]], key: str) -> None:
        """Add rows that are not there yet, with a sys_id made of their key."""
        with self.transaction():
            for row in rows:
                sys_id = stable_id(table, row[key])
                if self.get(table, sys_id) is None:
                    self.insert(table, row, "system", sys_id)

    def seed_dictionary(self) -> None:
        """Describe the tables in sys_dictionary and their choices in sys_choice."""
        self._seed_described(
            "sys_dictionary",
            [
                {
                    "id": f"{table}.{column.name}",
                    "name": table,
                    "element": column.name,
                    "column_label": column.name.replace("_", " ").capitalize(),
                    "internal_type": "journal_input" if column.kind == "journal" else column.kind,
                    "reference": column.reference,
                    "max_length": str(column.length),
                    "active": "true",
                }
                for table, columns in self.tables.items()
                for column in columns.values()
            ],
        )
        choices = {**CHOICES, "close_code": {code: code for code in CLOSE_CODES}}
        self._seed_described(
            "sys_choice",
            [
                {"id": f"{element}.{value}", "name": "incident", "element": element, "value": value, "label": label}
                for element, labels in choices.items()
                for value, label in labels.items()
            ],
        )

    def save_token(self, token: str, refresh: str, user: str, expires: float) -> None:
        """Keep an issued OAuth token; `expires` is epoch seconds."""
        with self.transaction():
            self._connection.execute("INSERT INTO oauth VALUES (?, ?, ?, ?)", (token, user, expires, refresh))

    def token_user(self, column: str, token: str, now: float) -> str:
        """Return whose token this is, or the empty string; `column` is token or refresh."""
        rows = self._rows(f"SELECT user, expires FROM oauth WHERE {column} = ?", (token,))  # noqa: S608 -- two words
        valid = rows and (column == "refresh" or float(rows[0]["expires"]) > now)
        return rows[0]["user"] if valid else ""

    def drop_tokens(self) -> None:
        """Forget every issued OAuth token."""
        with self.transaction():
            self._connection.execute("DELETE FROM oauth")

    def _seed_described(self, table: str, rows: Sequence[Mapping[str, str]]) -> None:
        with self.transaction():
            if self.count(table, Query("1", (), "seq", invalid=False)) >= len(rows):
                return
            for row in rows:
                sys_id = stable_id(table, row["id"])
                if self.get(table, sys_id) is None:
                    self.insert(table, {name: value for name, value in row.items() if name != "id"}, "system", sys_id)

    def _rows(self, statement: str, arguments: Sequence[str | int]) -> list[Row]:
        with self._lock:
            found = self._connection.execute(statement, tuple(arguments)).fetchall()
        return [{name: str(value) for name, value in dict(row).items() if name != "seq"} for row in found]

    def _create(self, name: str, columns: Mapping[str, Column]) -> None:
        texts = ", ".join(f"\"{column}\" TEXT NOT NULL DEFAULT ''" for column in columns)
        self._connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{name}" (seq INTEGER PRIMARY KEY AUTOINCREMENT, {texts})'
        )
        there = {row["name"] for row in self._connection.execute(f'PRAGMA table_info("{name}")')}
        for column in columns:
            if column not in there:
                self._connection.execute(f'ALTER TABLE "{name}" ADD COLUMN "{column}" TEXT NOT NULL DEFAULT \'\'')
        for column in ("sys_id", "correlation_id", "element_id", "message_key"):
            if column in columns:
                collate = "" if column == "sys_id" else " COLLATE NOCASE"
                self._connection.execute(
                    f'CREATE INDEX IF NOT EXISTS "{name}_{column}" ON "{name}" ("{column}"{collate})'
                )


def stable_id(table: str, key: str) -> str:
    """Return the sys_id of a row that every instance of the stand-in has."""
    return hashlib.md5(f"{table}:{key}".encode(), usedforsecurity=False).hexdigest()


def stamp() -> str:
    """Return now as ServiceNow writes times: UTC, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")

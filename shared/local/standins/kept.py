"""How every stand-in keeps what it was told: in SQLite, committed before it answers."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


def connected(path: str, tables: str = "") -> sqlite3.Connection:
    """Open a database, made with its tables where it is new. Threads may share it, one at a time.

    It survives a kill of the process (NORMAL); only a power cut could take the last answers back.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;{tables}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make what is written inside one commit; an error rolls it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")

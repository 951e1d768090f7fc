"""Which layout a SQLite file of ours has: a release must not write into tables that a newer one has laid out anew.

SQLite keeps a number for that in each file (https://www.sqlite.org/pragma.html#pragma_user_version), 0 from the start.
What older releases can work with, as a further table, leaves it as it is.
"""

import sqlite3
from typing import Final

_KNOWN: Final = 0


def check_layout(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError for a file whose layout is newer than what this release knows."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > _KNOWN:
        raise sqlite3.DatabaseError(f"a newer release laid it out (layout {found}, this one knows {_KNOWN})")

"""What changed on an object and who changed it, in words: as `changes` says it and the roll-out behind it."""

from collections.abc import Iterable
from typing import Final

MOST: Final = 12
"""Fields that are told one by one; of more it is told how many."""
MAX_PATH: Final = 160
NOT_SHOWN: Final = "(not shown)"
"""Stands for a value that is a hash, masked, or has parts."""

Row = tuple[str, str | None, str | None]
"""One field: its path, what it was, what it is; None where it was not there."""


def what(rows: Iterable[Row], number: int) -> str:
    """Return in words the fields that changed; `number` is how many they are in all."""
    told = [_in_words(*row) for row in rows]
    more = number - len(told)
    return ", ".join([*told, *([f"and {more} more"] if more > 0 else [])])


def who(user: str, manager: str) -> str:
    """Return who made a change, as far as known: the user with the program, or one of both."""
    return " with ".join(name for name in (user, manager) if name)


def _in_words(path: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"{path} added" + (f" ({after})" if after not in {None, NOT_SHOWN} else "")
    if after is None:
        return f"{path} removed" + (f" (was {before})" if before != NOT_SHOWN else "")
    return f"{path} changed" if before == after else f"{path} {before} → {after}"

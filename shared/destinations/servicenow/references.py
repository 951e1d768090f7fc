"""What a ticket refers to, by name: groups and people. Looked up once, remembered for a while; a miss never refuses."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.delivery.failure import Refused
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.client import Client

_SYS_ID: Final = re.compile(r"[0-9a-f]{32}")
_SAFE: Final = re.compile(
    r"[\w .&()/+:@-]{1,80}"
)  # no ^ and no control characters: it stands in an encoded query (F47)
KEEP: Final = 600.0
_MOST: Final = 500


def is_sys_id(text: str) -> bool:
    """Return True for what is a sys_id by itself."""
    return _SYS_ID.fullmatch(text) is not None


def is_safe(text: str) -> bool:
    """Return True for what may stand in an encoded query as it is (F47)."""
    return _SAFE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """What a name leads to: a sys_id, empty where there is none to use; `note` says so to people."""

    sys_id: str
    note: str = ""


class Remembered:
    """Answers by question, for ten minutes, at most 500. Belongs to one event loop."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    async def ask(self, question: str, asked: Callable[[], Awaitable[str | None]]) -> str:
        """Return what is known, else ask; None says that there was no answer, which is not remembered."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(question)
        if known is not None and now < known[0]:
            return known[1]
        found = await asked()
        if found is None:
            return ""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[question] = (now + KEEP, found)
        return found


class Named:
    """The records of one table by name, as groups. `columns` are looked at in this order; `word` is for people."""

    def __init__(self, client: Client, table: str, columns: Sequence[str], word: str, fallback: str) -> None:
        self._client = client
        self._table = table
        self._columns = columns
        self._word = word
        self._fallback = fallback
        self._remembered = Remembered()

    async def resolve(self, name: str, seconds: float) -> Reference:
        """Return the record of a name or sys_id, else the fallback with a note, else none with a note."""
        sys_id = await self._sys_id(name, seconds) if name else ""
        if sys_id:
            return Reference(sys_id)
        note = f"The {self._word} {name!r} was not found." if name else ""
        if not self._fallback or self._fallback == name:
            return Reference("", note)
        return Reference(await self._sys_id(self._fallback, seconds), note)

    async def _sys_id(self, name: str, seconds: float) -> str:
        if is_sys_id(name):
            return name
        if not is_safe(name):
            return ""
        return await self._remembered.ask(name, lambda: self._ask(name, seconds))

    async def _ask(self, name: str, seconds: float) -> str | None:
        query = "^OR".join(f"{column}={name}" for column in self._columns)
        found = await self._client.search(self._table, query, ",".join(["sys_id", *self._columns]), 5, seconds)
        if isinstance(found, Refused):
            return ""  # a missing right: asked again in ten minutes
        if not isinstance(found, Rows):
            return None
        for column in self._columns:
            for row in found.rows:
                if row.get(column, "").lower() == name.lower():
                    return row.get("sys_id", "")
        return ""

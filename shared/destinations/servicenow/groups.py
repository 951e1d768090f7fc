"""Assignment groups by name: looked up once, remembered for a while; a miss never refuses a ticket."""

import asyncio
import re
from dataclasses import dataclass

from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.client import Client

_SYS_ID = re.compile(r"[0-9a-f]{32}")
_SAFE = re.compile(r"[\w .&()/+:@-]{1,80}")  # no ^ and no control characters: the name stands in an encoded query (F47)
_KEEP = 600.0
_MOST = 500


@dataclass(frozen=True, slots=True)
class Group:
    """A resolved group: its sys_id, empty where there is none to use; `note` says so to people."""

    sys_id: str
    note: str = ""


class Groups:
    """The groups of one instance. Belongs to one event loop."""

    def __init__(self, client: Client, fallback: str) -> None:
        self._client = client
        self._fallback = fallback
        self._known: dict[str, tuple[float, str]] = {}

    async def resolve(self, name: str, seconds: float) -> Group:
        """Return the group of a name or sys_id, else the fallback with a note, else none with a note."""
        sys_id = await self._sys_id(name, seconds) if name else ""
        if sys_id:
            return Group(sys_id)
        note = f"The assignment group {name!r} was not found." if name else ""
        if not self._fallback or self._fallback == name:
            return Group("", note)
        return Group(await self._sys_id(self._fallback, seconds), note)

    async def _sys_id(self, name: str, seconds: float) -> str:
        if _SYS_ID.fullmatch(name):
            return name
        if not _SAFE.fullmatch(name):
            return ""
        now = asyncio.get_running_loop().time()
        known = self._known.get(name)
        if known is not None and now < known[0]:
            return known[1]
        found = await self._client.search("sys_user_group", f"name={name}", "sys_id,name", 5, seconds)
        if not isinstance(found, Rows):
            return ""  # not remembered: the next ticket asks again
        matching = [row.get("sys_id", "") for row in found.rows if row.get("name", "").lower() == name.lower()]
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[name] = (now + _KEEP, matching[0] if matching else "")
        return self._known[name][1]

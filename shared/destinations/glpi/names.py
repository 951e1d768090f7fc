"""Names in a mapping or in the settings to ids: looked up once, remembered; a miss never refuses a ticket."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from shared.destinations.glpi.api import Api, Kind
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.glpi.text import MAX_NAME

_log = logging.getLogger(__name__)

_KEEP = 600.0
_MOST = 1000
FIELDS: Final[dict[str, Kind]] = {
    "itilcategories_id": "category",
    "_groups_id_assign": "group",
    "_users_id_requester": "user",
    "entities_id": "entity",
}
"""Fields whose value may be a name."""
ASSETS: Final[dict[str, tuple[Kind, str]]] = {
    "computer": ("computer", "Computer"),
    "appliance": ("appliance", "Appliance"),
}
"""Fields that link a ticket, with what they link it to: several names are separated by commas, the first one counts
that is there."""


class Names:
    """The names of one GLPI. Belongs to one event loop."""

    def __init__(self, api: Api, settings: GlpiSettings) -> None:
        self._api = api
        self._fallbacks = {
            "itilcategories_id": settings.category,
            "_groups_id_assign": settings.group,
            "_users_id_requester": settings.requester,
        }
        self._known: dict[tuple[Kind, str], tuple[float, str]] = {}

    async def resolve(
        self, fields: Mapping[str, str], seconds: float, *, new: bool
    ) -> tuple[dict[str, str], list[str]]:
        """Return the ids of the fields that may be names, and notes for people on names that nothing has.

        A `new` ticket also gets what the settings say for what its mapping leaves open, or names in vain.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        ids: dict[str, str] = {}
        notes: list[str] = []
        for field, kind in FIELDS.items():
            wanted = fields.get(field, "")
            fallback = self._fallbacks.get(field, "") if new else ""
            found = await self._id(kind, wanted, deadline)
            if wanted and not found:
                notes.append(f"The {kind} {wanted!r} was not found.")
            if not found and fallback != wanted:
                found = await self._id(kind, fallback, deadline)
            if found:
                ids[field] = found
        return ids, notes

    async def assets(self, fields: Mapping[str, str], seconds: float) -> dict[str, str]:
        """Return the assets to link, ids by itemtype. A computer may be known by the first label of its name."""
        if not self._api.links:
            return {}
        deadline = asyncio.get_running_loop().time() + seconds
        linked: dict[str, str] = {}
        for field, (kind, itemtype) in ASSETS.items():
            for name in _candidates(field, fields.get(field, "")):
                found = await self._id(kind, name, deadline)
                if found:
                    linked[itemtype] = found
                    break
        return linked

    async def _id(self, kind: Kind, name: str, deadline: float) -> str:
        if not name or len(name) > MAX_NAME:
            return ""
        if name.isdecimal() and kind not in {"computer", "appliance"}:
            return name
        loop = asyncio.get_running_loop()
        known = self._known.get((kind, name))
        if known is not None and loop.time() < known[0]:
            return known[1]
        left = deadline - loop.time()
        found = await self._api.lookup(kind, name, left) if left > 0 else ""
        if not isinstance(found, str):
            _log.warning("a name could not be looked up", extra={"kind": kind, "why": found.reason})
            return ""  # not remembered: the next ticket asks again
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[kind, name] = (loop.time() + _KEEP, found)
        return found


def _candidates(field: str, text: str) -> list[str]:
    names = [name for name in (part.strip() for part in text.split(",")) if name]
    if field == "computer":
        names += [name.partition(".")[0] for name in names if "." in name]
    return names[:4]

"""Knows when each cluster was first heard of: finds the markers in the store, and makes those that are missing."""

import logging

from shared.episodes.contact import CONTACTS, Contact, Mode, decode, encode, is_old, key_of
from shared.episodes.keeper import THINGS
from shared.episodes.snapshot import moment
from shared.events.model import Observation
from shared.stores.protocol import ABSENT, Store

_LOG = logging.getLogger("tidings.correlator")
_MAX_CLUSTERS = 1000


class FirstContact:
    """The markers of first contact. With `mode` ticket nothing is looked up and nothing is old."""

    def __init__(self, store: Store, mode: Mode) -> None:
        self._store = store
        self._mode = mode
        self._known: dict[str, Contact] = {}  # a marker never changes

    async def is_old(self, seen: Observation) -> bool:
        """Return True where this began before first contact with its cluster. Raises StoreUnavailableError."""
        if self._mode == "ticket":
            return False
        contact = self._known.get(seen.cluster)
        if contact is None:
            contact = await self._contact(seen)
            if len(self._known) < _MAX_CLUSTERS:
                self._known[seen.cluster] = contact
        return is_old(contact, seen)

    async def _contact(self, seen: Observation) -> Contact:
        """Return the cluster's marker, made from this observation where there is none."""
        key = key_of(seen.cluster)
        entry = await self._store.get(key)
        if entry is not None:
            return decode(entry.value)
        contact = Contact(seen.received.timestamp(), await self._mode_of_new())
        if await self._store.put(key, encode(contact), expected=ABSENT) is not None:
            _say(contact, seen.cluster)
            return contact
        entry = await self._store.get(key)  # another observation or replica was first
        return contact if entry is None else decode(entry.value)

    async def _mode_of_new(self) -> Mode:
        """Return `ticket` in a store that had episodes before it had markers: its clusters are no news to it.

        Markers are written before episodes, so they are read after them: no half of a first contact looks like that.
        """
        filled = [entry async for entry in self._store.scan(THINGS, limit=1)]
        markers = [decode(entry.value) async for entry in self._store.scan(CONTACTS, limit=_MAX_CLUSTERS)]
        if markers:
            return "ticket" if any(marker.mode == "ticket" for marker in markers) else "baseline"
        return "ticket" if filled else "baseline"


def _say(contact: Contact, cluster: str) -> None:
    text = "first contact with a cluster: problems that began before are known, not ticketed"
    if contact.mode == "ticket":
        text = "no first contact: the store has episodes already, so problems of any age are ticketed"
    _LOG.info(text, extra={"cluster": cluster, "since": moment(contact.time).isoformat()})

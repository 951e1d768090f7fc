"""The records that this process used last, so that an object in trouble is not read and decoded for each observation.

Only a short cut: a record from here may be older than the store's, and whoever uses it finds out at the compare-and-set
of its next write. So whatever is decided without a write must be decided on a record read from the store.
"""

from dataclasses import dataclass

from shared.episodes.record import Record

MAX_RECORDS = 1024
MAX_BYTES = 2 * 1024 * 1024  # as they are stored; in memory they take a few times that


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it was read or written, the revision to expect when it is replaced, and its stored size in bytes."""

    thing: str
    record: Record
    revision: int
    size: int = 0


class Recent:
    """A bounded number of records, those used least recently given up first."""

    def __init__(self, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._kept: dict[str, Held] = {}  # in the order of use
        self._bytes = 0

    def take(self, thing: str) -> Held | None:
        """Take a record out. Whoever wrote it anew puts it back; where that failed nobody finds the old one."""
        held = self._kept.pop(thing, None)
        if held is not None:
            self._bytes -= held.size
        return held

    def keep(self, held: Held) -> None:
        """Keep a record that is in the store, unless a newer one is known."""
        known = self.take(held.thing)
        if known is not None and known.revision > held.revision:
            held = known
        self._kept[held.thing] = held
        self._bytes += held.size
        while self._bytes > self._max_bytes or len(self._kept) > self._max_records:
            self.take(next(iter(self._kept)))

"""An archive read as a bus is read: for replay and for the trail of a ticket."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from pathlib import Path

from shared.archive.catalogue import is_erased, manifests
from shared.archive.lines import DamagedError, digest, lines
from shared.archive.manifest import Manifest
from shared.archive.place import Place, PlaceError, UnsoundError
from shared.archive.record import from_line
from shared.bus.codec import key_of
from shared.bus.protocol import OLDEST, Record, Start, State, Topic
from shared.events.cloudevent import CloudEvent

_log = logging.getLogger(__name__)

_AT_ONCE = 256


class ArchiveReader:
    """Gives the records of an archive in the order of each partition, with the positions that the bus gave them.

    A segment is read only where its file is the one that its manifest names, so no damage goes on to a destination; the
    seals are verify's to ask. What was erased is passed over, and logged.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    async def read(self, topic: str, start: Start = OLDEST, *, key: str = "") -> AsyncGenerator[Record, None]:
        """Iterate from `start` to the end; of one partition key, if given. Raises PlaceError, UnsoundError."""
        async for one in manifests(self._place, topic):
            if not _wanted(one, start):
                continue
            # First: who erased it may have been killed before its files were gone.
            if await is_erased(self._place, one):
                _log.warning("%s was erased", one.name)
                continue
            async with self._place.open(one.lines_path) as file:
                found = await asyncio.to_thread(_checked, file, one)
                while page := await asyncio.to_thread(_page, found, one):
                    for record in page:
                        if _begins(record, start) and (not key or _keyed(record, key)):
                            yield record

    async def describe(self, name: str) -> State | None:
        """Return what the manifests say of a topic, None where there is none. Raises PlaceError, UnsoundError."""
        events = size = 0
        first = last = None
        async for one in manifests(self._place, name):
            events += one.records
            size += one.size
            first = one.first if first is None else min(first, one.first)
            last = one.last if last is None else max(last, one.last)
        return State(Topic(name), events, size, first, last) if events else None

    async def close(self) -> None:
        """Close the place."""
        await self._place.close()


def _wanted(one: Manifest, start: Start) -> bool:
    """Return True where a segment may hold what is asked for."""
    if start.since is not None and one.last < start.since:
        return False
    return any(last > start.after.get(part, -1) for part, (_, last) in one.positions.items())


def _begins(record: Record, start: Start) -> bool:
    if start.since is not None and record.at < start.since:
        return False
    return record.offset > start.after.get(record.partition, -1)


def _keyed(record: Record, key: str) -> bool:
    return isinstance(record.event, CloudEvent) and key_of(record.event) == key


def _checked(file: Path | None, one: Manifest) -> Iterator[bytes]:
    """Return the lines of a file that is the one which was written. Raises PlaceError, UnsoundError."""
    if file is None:
        raise UnsoundError(f"{one.lines_path} is missing: tidings trail verify says more")
    try:
        found = digest(file)
    except OSError as error:
        raise PlaceError(f"{one.lines_path} cannot be read ({error.strerror})") from error
    if found != one.sha256:
        raise UnsoundError(f"{one.lines_path} was changed: tidings trail verify says where")
    return lines(file)


def _page(found: Iterator[bytes], one: Manifest) -> list[Record]:
    """Return the next records, none at the end. Raises PlaceError."""
    try:
        return [from_line(one.topic, line) for line in islice(found, _AT_ONCE)]
    except (OSError, DamagedError, ValueError) as error:
        raise PlaceError(f"{one.lines_path} cannot be read") from error

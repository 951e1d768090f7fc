"""Is it the bus of before? One that was made anew, or restored to an earlier day, gives its positions a second time.

Times say nothing of that: a publisher's clock may have made them. So the record at the last archived position of each
partition is compared with what the archive has there. Where retention took it, the bus has nothing older either.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

from shared.archive.catalogue import known, sequences
from shared.archive.lines import DamagedError, lines
from shared.archive.manifest import Manifest
from shared.archive.merkle import leaf
from shared.archive.place import Place
from shared.archive.record import from_line, to_line
from shared.bus.protocol import Readable, Record, Start


class AnewError(Exception):
    """The bus gives positions again that the archive has of other records; the text says what to do."""


async def check_same(bus: Readable, place: Place, topic: str, last: Manifest) -> None:
    """Raise AnewError where the bus has other records at positions that the archive has, `last` being its newest.

    Raises BusUnavailableError, PlaceError, UnsoundError.
    """
    there = await _firsts(bus, topic, {part: position - 1 for part, position in last.after.items()})
    gone = []
    for part, position in last.after.items():
        one = there.get(part)
        if one is None or one.offset != position:
            gone.append(part)
        elif _leaf(one) != last.ends[part]:
            raise _anew(last)
    if not gone:
        return
    for one in await _newest(bus, topic, gone, last.after):  # what was compacted, or deleted alone, has older ones left
        if await _archived(place, one) != _leaf(one):
            raise _anew(last)


async def _firsts(bus: Readable, topic: str, after: Mapping[int, int]) -> dict[int, Record]:
    """Return the first record of each partition behind these places, as far as there are some."""
    found: dict[int, Record] = {}
    missing = set(after)
    async with aclosing(bus.read(topic, Start(after=after))) as records:
        async for one in records:
            if one.partition in missing and one.offset > after[one.partition]:
                found[one.partition] = one
                missing.discard(one.partition)
                if not missing:
                    break
    return found


async def _newest(bus: Readable, topic: str, parts: list[int], after: Mapping[int, int]) -> list[Record]:
    """Return the last record of each partition before its place, as far as there are some."""
    found: dict[int, Record] = {}
    missing = set(parts)
    begin = {part: position for part, position in after.items() if part not in missing}
    async with aclosing(bus.read(topic, Start(after=begin))) as records:
        async for one in records:
            if one.partition not in missing:
                continue
            if one.offset < after[one.partition]:
                found[one.partition] = one
                continue
            missing.discard(one.partition)
            if not missing:
                break
    return list(found.values())


async def _archived(place: Place, wanted: Record) -> str | None:
    """Return the leaf that the archive has at a record's position, None where it has none or it was erased."""
    for sequence in reversed(await sequences(place, wanted.topic)):
        one = await known(place, wanted.topic, sequence)
        begin, end = one.positions.get(wanted.partition, (wanted.offset + 1, wanted.offset))
        if begin <= wanted.offset <= end:
            async with place.open(one.lines_path) as file:
                return None if file is None else await asyncio.to_thread(_found, file, wanted)
    return None


def _found(file: Path, wanted: Record) -> str | None:
    try:
        for line in lines(file):
            one = from_line(wanted.topic, line)
            if (one.partition, one.offset) == (wanted.partition, wanted.offset):
                return leaf(line).hex()
    except (DamagedError, ValueError):  # what cannot be compared is not the same
        return None
    return None


def _leaf(record: Record) -> str:
    return leaf(to_line(record)).hex()


def _anew(last: Manifest) -> AnewError:
    return AnewError(f"this bus numbers its records anew since {last.name}: archive them in another place")

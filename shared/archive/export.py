"""Export: what a bus kept since the last segment becomes further segments, each whole or not there at all."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from shared.archive.anew import check_same
from shared.archive.catalogue import newest
from shared.archive.lines import TooLongError, Writer
from shared.archive.manifest import Manifest, check_topic, manifest_path
from shared.archive.place import Place, PlaceError
from shared.bus.protocol import Readable, Record, Start


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a segment ends: after so many bytes of lines before they are compressed, or so long after its first."""

    size: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Exported:
    """A segment that was written. `missed`: in words, which positions were not on the bus any more."""

    manifest: Manifest
    missed: tuple[str, ...]


class Exporter:
    """Exports topics of one bus, `source` by name, to one place. After `stop` no further segment is begun."""

    def __init__(self, bus: Readable, source: str, place: Place, bounds: Bounds, stop: asyncio.Event) -> None:
        self._bus = bus
        self._source = source
        self._place = place
        self._bounds = bounds
        self._stop = stop

    async def export(self, topic: str) -> AsyncGenerator[Exported, None]:
        """Write segments of what came behind the last one, up to what is the end now; each is durable once yielded.

        Raises BusUnavailableError, PlaceError, AnewError, and ValueError for a topic or record that cannot be archived.
        """
        check_topic(topic)
        last = await newest(self._place, topic)
        if last is not None:
            await check_same(self._bus, self._place, topic, last)
        async with aclosing(self._bus.read(topic, Start(after=last.after if last else {}))) as records:
            while not self._stop.is_set():
                made, wrong = None, None
                with self._place.scratch() as folder, Writer(folder, last) as writer:
                    try:
                        await self._fill(writer, records)
                    except TooLongError as error:  # what came before it is written all the same
                        wrong = error
                    if writer.facts.records:
                        made = writer.end(topic, self._source)
                        await _put(self._place, made, writer)
                if made is not None:
                    yield Exported(made, _missed(made, last))
                    last = made
                if wrong is not None:
                    raise wrong
                if made is None:
                    return

    async def _fill(self, writer: Writer, records: AsyncIterator[Record]) -> None:
        """Write records until the segment is full, there are no more, or somebody says to stop."""
        async for record in records:
            writer.add(record)
            first, last = writer.facts.first, writer.facts.last
            old = first is not None and last is not None and last - first >= self._bounds.age
            if writer.size >= self._bounds.size or old or self._stop.is_set():
                return


async def _put(place: Place, made: Manifest, writer: Writer) -> None:
    """Put the files there, the manifest last: only then is there a segment."""
    await place.put(made.leaves_path, writer.leaves)
    await place.put(made.lines_path, writer.body)
    if not await place.put(manifest_path(made.topic, made.sequence), made.to_bytes()):
        raise PlaceError(f"{made.name} was written by another export just now: one at a time is enough")


def _missed(made: Manifest, last: Manifest | None) -> tuple[str, ...]:
    after = last.after if last else {}
    gaps = [(part, after[part], begin) for part, (begin, _) in made.positions.items() if part in after]
    return tuple(
        f"partition {part}: positions {before + 1} to {begin - 1} were not on the bus any more"
        for part, before, begin in sorted(gaps)
        if begin > before + 1
    )

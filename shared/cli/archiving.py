"""Run the jobs of an archive: places and bus opened, one topic after the other, an export ended cleanly by a signal."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from shared.archive.anew import AnewError
from shared.archive.catalogue import known, topics
from shared.archive.expiry import Expiry
from shared.archive.export import Bounds, Exporter
from shared.archive.manifest import Manifest
from shared.archive.place import Place, UnsoundError
from shared.archive.seal import Sealer, Signed
from shared.archive.sealing import erase, seal
from shared.bus.protocol import Readable
from shared.cli import configured
from shared.cli.buses import opened
from shared.cli.output import complain
from shared.cli.places import place_at, roots_of, sealer
from shared.cli.signals import ended_by_signals
from shared.settings.environment import SettingsError

Show = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exporting:
    """What somebody asked for; with `roots` the segments are sealed as well."""

    to: str
    roots: str
    bus: str
    data: Path
    topics: tuple[str, ...]
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """What a job made, and in words what kept it from making more."""

    found: list[T]
    problems: list[str]


async def each(names: Iterable[str], work: Callable[[str], AsyncIterator[T]]) -> Made[T]:
    """Work on one topic after the other: one that is not as it should be keeps no other from its turn."""
    made: Made[T] = Made([], [])
    for topic in names:
        try:
            async for one in work(topic):
                made.found.append(one)
        except UnsoundError as error:
            made.problems.append(str(error))
    return made


async def topics_of(place: Place) -> list[str]:
    """Return the topics of an archive. Raises PlaceError, and UnsoundError where nothing is: a job must not succeed."""
    found = await topics(place)
    if not found:
        raise UnsoundError(f"there is no archive at {place.where}")
    return found


async def exported(asked: Exporting, update: Show) -> Made[Manifest]:
    """Export, and return the segments that were written. Raises SettingsError, BusUnavailableError."""
    environ = configured.effective()
    who = sealer(environ) if asked.roots else None  # a key that cannot sign is told before anything is written
    name, bus = opened(asked.bus, asked.data, environ)
    stop = asyncio.Event()
    try:
        async with place_at(asked.to, environ) as place:
            await _check_topics(bus, asked.topics)
            exporter = Exporter(bus, name, place, asked.bounds, stop)
            with ended_by_signals(stop.set):  # after the segment at hand
                made = await each(asked.topics, lambda topic: _topic(exporter, topic, update))
            if who is not None:
                async with place_at(asked.roots, environ) as roots:
                    made.problems.extend((await _sealed(place, roots, who, update)).problems)
    finally:
        await bus.close()
    return made


async def _check_topics(bus: Readable, wanted: tuple[str, ...]) -> None:
    missing = [topic for topic in wanted if await bus.describe(topic) is None]
    if missing:
        raise SettingsError([f"there is no topic {one}: tidings bus apply makes those of Tidings" for one in missing])


async def _topic(exporter: Exporter, topic: str, update: Show) -> AsyncIterator[Manifest]:
    try:
        async for one in exporter.export(topic):
            update(f"exporting {one.manifest.name}")
            for missed in one.missed:
                complain(f"{topic}: {missed}")
            yield one.manifest
    except (AnewError, ValueError) as error:
        raise UnsoundError(f"{topic}: {error}") from error


async def sealed(at: str, where: str, update: Show) -> Made[Signed]:
    """Seal what is not sealed yet, and return the seals. Raises SettingsError, PlaceError."""
    environ = configured.effective()
    who = sealer(environ)
    async with place_at(at, environ) as place, place_at(roots_of(at, where), environ) as roots:
        await topics_of(place)
        return await _sealed(place, roots, who, update)


async def _sealed(place: Place, roots: Place, who: Sealer, update: Show) -> Made[Signed]:
    """Seal each topic as far as it is sound, also those of which the roots alone know."""

    async def work(topic: str) -> AsyncIterator[Signed]:
        async for one in seal(place, roots, topic, who):
            update(f"sealing {one.statement.name}")
            yield one

    return await each(sorted({*await topics(place), *await topics(roots)}), work)


async def erased(at: str, where: str, segment: tuple[str, int], why: str) -> Manifest:
    """Erase one segment, and return its manifest. Raises SettingsError, PlaceError, UnsoundError."""
    environ = configured.effective()
    who = sealer(environ)
    async with place_at(at, environ) as place, place_at(roots_of(at, where), environ) as roots:
        found = await known(place, *segment)
        await erase(place, roots, found, why, who)
        return found


async def expired(
    at: str, where: str, before: datetime, why: str, *, dry_run: bool, update: Show
) -> Made[Manifest | str]:
    """Erase what is old enough, or say what that is. Raises SettingsError, PlaceError."""
    environ = configured.effective()
    who = None if dry_run else sealer(environ)
    async with place_at(at, environ) as place, place_at(roots_of(at, where), environ) as roots:
        expiry = Expiry(place, roots, before, why, who)

        async def work(topic: str) -> AsyncIterator[Manifest | str]:
            async for one in expiry.expire(topic):
                update(f"erasing {one if isinstance(one, str) else one.name}")
                yield one

        return await each(await topics_of(place), work)

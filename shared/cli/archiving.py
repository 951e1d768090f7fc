"""Run an export or a seal job: places and bus opened, progress shown, ended cleanly by a signal."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.archive.anew import AnewError
from shared.archive.catalogue import topics
from shared.archive.export import Bounds, Exporter
from shared.archive.manifest import Manifest
from shared.archive.place import Place
from shared.archive.seal import Sealer, Signed
from shared.archive.sealing import UnsoundError, seal
from shared.bus.protocol import Readable
from shared.cli import configured
from shared.cli.buses import opened
from shared.cli.output import complain
from shared.cli.places import place_at, roots_of, sealer
from shared.settings.environment import SettingsError

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exporting:
    """What somebody asked for; with `roots` the segments are sealed as well."""

    to: str
    roots: str
    bus: str
    data: Path
    topics: tuple[str, ...]
    bounds: Bounds


async def exported(asked: Exporting, update: Show) -> list[Manifest]:
    """Export, and return the segments that were written. Raises SettingsError, BusUnavailableError, UnsoundError."""
    environ = configured.effective()
    who = sealer(environ) if asked.roots else None  # a key that cannot sign is told before anything is written
    name, bus = opened(asked.bus, asked.data, environ)
    stop = asyncio.Event()
    found = []
    try:
        async with place_at(asked.to, environ) as place:
            await _check_topics(bus, asked.topics)
            exporter = Exporter(bus, name, place, asked.bounds, stop)
            with _stopping(stop):
                for topic in asked.topics:
                    found += await _topic(exporter, topic, update)
            if who is not None:
                async with place_at(asked.roots, environ) as roots:
                    await _sealed(place, roots, who, update)
    finally:
        await bus.close()
    return found


async def _check_topics(bus: Readable, wanted: tuple[str, ...]) -> None:
    missing = [topic for topic in wanted if await bus.describe(topic) is None]
    if missing:
        raise SettingsError([f"there is no topic {one}: tidings bus apply makes those of Tidings" for one in missing])


async def _topic(exporter: Exporter, topic: str, update: Show) -> list[Manifest]:
    found = []
    try:
        async for one in exporter.export(topic):
            found.append(one.manifest)
            update(f"exporting {one.manifest.name}")
            for missed in one.missed:
                complain(f"{topic}: {missed}")
    except (AnewError, ValueError) as error:
        raise SettingsError([str(error)]) from error
    return found


async def sealed(at: str, where: str, update: Show) -> list[Signed]:
    """Seal what is not sealed yet, and return the seals. Raises SettingsError, PlaceError, UnsoundError."""
    environ = configured.effective()
    who = sealer(environ)
    async with place_at(at, environ) as place, place_at(roots_of(at, where), environ) as roots:
        return await _sealed(place, roots, who, update)


async def _sealed(place: Place, roots: Place, who: Sealer, update: Show) -> list[Signed]:
    """Seal each topic as far as it is sound; one that is not keeps no other from its seals."""
    found, unsound = [], []
    for topic in await topics(place):
        try:
            async for one in seal(place, roots, topic, who):
                found.append(one)
                update(f"sealing {one.statement.name}")
        except UnsoundError as error:
            unsound.append(str(error))
    if unsound:
        raise UnsoundError("; ".join(unsound))
    return found


@contextlib.contextmanager
def _stopping(stop: asyncio.Event) -> Iterator[None]:
    """Let a signal end the work after the segment at hand."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

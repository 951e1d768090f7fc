"""Archives for tests: filled from the embedded bus, sealed, and looked at."""

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.archive.catalogue import known, sequences
from shared.archive.export import Bounds, Exported, Exporter
from shared.archive.folder import FolderPlace
from shared.archive.manifest import Manifest
from shared.archive.place import Place
from shared.archive.reader import ArchiveReader
from shared.archive.seal import Judge, Sealer
from shared.archive.sealing import erase, seal
from shared.archive.verify import Finding, Verifier
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import OLDEST, Readable, Record, Start, Topic
from shared.events.cloudevent import CloudEvent
from tests.support.buses.use import event, publish, run

T = TypeVar("T")

EVENTS = 24
"""As many as make several segments of a few records."""

TOPIC = "audit-trail"
SMALL = Bounds(size=1500, age=timedelta(days=1))
"""So that a segment holds a few events."""


def keys() -> tuple[str, str]:
    """Return a new private key and its public one, as PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


PRIVATE, PUBLIC = keys()


class Archive:
    """An embedded bus, an archive of it and its roots, in one folder; `opened` opens an archive that lies elsewhere."""

    def __init__(self, folder: Path, opened: Callable[[], Place] | None = None) -> None:
        self.folder = folder / "archive"
        self.roots_folder = folder / "roots"
        self.bus_file = folder / "bus.db"
        self.roots = FolderPlace(self.roots_folder)
        self.sealer = Sealer(PRIVATE)
        self._opened = opened or (lambda: FolderPlace(self.folder))

    def use(self, work: Callable[[Place], Awaitable[T]]) -> T:
        """Do something with the archive, in a loop and with connections of its own."""

        async def whole() -> T:
            place = self._opened()
            try:
                return await work(place)
            finally:
                await place.close()

        return run(whole())

    def publish(self, first: int, end: int, *, days: int = 0) -> None:
        """Have the bus keep events of these numbers, so many days from now."""

        async def work() -> None:
            bus = EmbeddedBus(self.bus_file, lambda: time.time() + days * 86_400)
            await bus.ensure(Topic(TOPIC))
            for number in range(first, end):
                await publish(bus, TOPIC, [event(number)])
            await bus.close()

        run(work())

    def export(self, bounds: Bounds = SMALL) -> list[Exported]:
        """Export what is new."""

        async def work(place: Place) -> list[Exported]:
            bus = EmbeddedBus(self.bus_file)
            try:
                return await exported(bus, place, bounds)
            finally:
                await bus.close()

        return self.use(work)

    def seal(self) -> int:
        """Seal what is not sealed; return how many segments that were."""

        async def work(place: Place) -> int:
            return len([one async for one in seal(place, self.roots, TOPIC, self.sealer)])

        return self.use(work)

    def erase(self, sequence: int, why: str = "asked for") -> None:
        """Erase a segment."""

        async def work(place: Place) -> None:
            await erase(place, self.roots, await known(place, TOPIC, sequence), why, self.sealer)

        self.use(work)

    def verify(self, public: str = PUBLIC) -> list[Finding]:
        """Return what there is to say of each segment."""

        async def work(place: Place) -> list[Finding]:
            verifier = Verifier(place, self.roots, Judge.of(public))
            return [one for topic in await verifier.topics() async for one in verifier.verify(topic)]

        return self.use(work)

    def wrong(self) -> dict[str, str]:
        """Return what is wrong, by the segment."""
        return {one.segment: "; ".join(one.said) for one in self.verify() if one.state == "wrong"}

    def manifests(self) -> list[Manifest]:
        """Return the manifests."""

        async def work(place: Place) -> list[Manifest]:
            return [await known(place, TOPIC, number) for number in await sequences(place, TOPIC)]

        return self.use(work)

    def read(self, start: Start = OLDEST, key: str = "") -> list[Record]:
        """Return the records, as a replay reads them."""

        async def work(place: Place) -> list[Record]:
            return [one async for one in ArchiveReader(place).read(TOPIC, start, key=key)]

        return self.use(work)

    def lines_file(self, number: int) -> Path:
        """Return the file of a segment's lines."""
        return self.folder / self.manifests()[number - 1].lines_path


async def exported(bus: Readable, place: Place, bounds: Bounds = SMALL, topic: str = TOPIC) -> list[Exported]:
    """Export a topic."""
    exporter = Exporter(bus, "embedded", place, bounds, asyncio.Event())
    return [one async for one in exporter.export(topic)]


def ids(records: Sequence[Record]) -> list[str]:
    """Return the ids of the events."""
    return [one.event.id for one in records if isinstance(one.event, CloudEvent)]


def sealed_archive(folder: Path) -> Archive:
    """Return one of several sealed segments of a few records."""
    made = Archive(folder)
    made.publish(0, EVENTS)
    made.export()
    assert made.seal() == len(made.manifests()) >= 4
    return made


def recompressed(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Archive], None]:
    """Return what changes the lines of an archive's second segment."""

    def work(archive: Archive) -> None:
        file = archive.lines_file(2)
        lines = gzip.decompress(file.read_bytes()).splitlines()
        file.write_bytes(gzip.compress(b"".join(line + b"\n" for line in change(lines))))

    return work

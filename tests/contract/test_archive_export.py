"""Export writes what a bus kept once, in segments that are whole; an archive is read again as the bus was."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from shared.archive.anew import AnewError
from shared.archive.catalogue import strays
from shared.archive.export import Bounds
from shared.archive.folder import FolderPlace
from shared.archive.place import Place, PlaceError
from shared.archive.reader import ArchiveReader
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import BusUnavailableError, Start
from shared.bus.topology import TOPOLOGY
from tests.support.archives import SMALL, TOPIC, Archive, exported, ids
from tests.support.buses.use import read, run

WHOLE = Bounds(size=1 << 30, age=timedelta(days=365))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    made.publish(0, 20)
    return made


def names(first: int, end: int) -> list[str]:
    return [f"e{number}" for number in range(first, end)]


def test_each_export_writes_what_came_since_the_last_one(archive: Archive) -> None:
    assert sum(one.manifest.records for one in archive.export()) == 20
    assert archive.export() == []
    archive.publish(20, 25)
    (added,) = archive.export(WHOLE)
    assert (added.manifest.records, added.manifest.sequence, added.missed) == (5, len(archive.manifests()), ())
    assert ids(archive.read()) == names(0, 25)


def test_a_segment_ends_by_size_or_by_age(archive: Archive) -> None:
    assert len(archive.export(WHOLE)) == 1
    other = Archive(archive.folder.parent, lambda: FolderPlace(archive.folder.parent / "other"))
    assert len(other.export(Bounds(size=1 << 30, age=timedelta()))) == 20


def test_an_archive_gives_the_records_that_the_bus_gave(archive: Archive) -> None:
    archive.export()

    async def kept() -> list[object]:
        bus = EmbeddedBus(archive.bus_file)
        found = await read(bus, TOPIC)
        await bus.close()
        return [(one.topic, one.partition, one.offset, one.at, one.event) for one in found]

    assert [(r.topic, r.partition, r.offset, r.at, r.event) for r in archive.read()] == run(kept())


def test_reading_begins_at_a_time_behind_a_place_or_takes_one_key(archive: Archive) -> None:
    archive.export()
    records = archive.read()
    middle = records[11]
    assert ids(archive.read(Start(since=middle.at))) == names(11, 20)
    assert ids(archive.read(Start(after={0: middle.offset}))) == names(12, 20)
    assert len(archive.read(key="k1")) == 20
    assert archive.read(key="another") == []


def test_it_says_of_a_topic_what_the_manifests_say(archive: Archive) -> None:
    archive.export()
    records, manifests = archive.read(), archive.manifests()

    async def work(place: Place) -> None:
        reader = ArchiveReader(place)
        found = await reader.describe(TOPIC)
        assert found is not None
        assert (found.events, found.first, found.last) == (20, records[0].at, records[-1].at)
        assert found.size == sum(one.size for one in manifests)
        assert await reader.describe(TOPOLOGY[0].topic.name) is None

    archive.use(work)


@pytest.mark.parametrize("kind", ["changed", "missing"])
def test_a_damaged_segment_is_not_replayed(archive: Archive, kind: str) -> None:
    archive.export()
    file = archive.lines_file(2)
    if kind == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(BusUnavailableError, match=kind):
        archive.read()


def test_a_segment_that_was_erased_is_passed_over(archive: Archive) -> None:
    archive.export()
    archive.seal()
    held = {one.id: number for number, _ in enumerate(archive.manifests(), 1) for one in _events(archive, number)}
    archive.erase(2)
    assert ids(archive.read()) == [name for name, number in held.items() if number != 2]


def _events(archive: Archive, number: int) -> list[object]:
    first, last = archive.manifests()[number - 1].positions[0]
    return [one.event for one in archive.read(Start(after={0: first - 1})) if one.offset <= last]


def test_a_manifest_that_is_missing_ends_the_reading_there(archive: Archive) -> None:
    archive.export()
    (archive.folder / TOPIC / f"{TOPIC}.00000002.json").unlink()
    with pytest.raises(PlaceError, match="segment 2 is missing"):
        archive.read()


def test_positions_that_the_bus_had_forgotten_are_told(archive: Archive) -> None:
    archive.export(WHOLE)
    archive.publish(20, 25)
    archive.publish(25, 30, days=8)  # the topic keeps 7
    (one,) = archive.export(WHOLE)
    assert one.missed == ("partition 0: positions 21 to 25 were not on the bus any more",)
    assert ids(archive.read()) == [*names(0, 20), *names(25, 30)]


def test_a_bus_that_was_made_anew_is_not_taken_for_the_old_one(archive: Archive) -> None:
    archive.export()
    for file in archive.bus_file.parent.glob("bus.db*"):
        file.unlink()
    archive.publish(100, 130)
    with pytest.raises(AnewError, match="numbers its records anew since audit-trail"):
        archive.export()


def test_of_two_exports_at_once_one_wins_and_the_archive_is_whole(archive: Archive) -> None:
    """The slower one finds the manifest there: its files have names of their own, and are nobody's."""
    second = FolderPlace(archive.folder)

    class Late(FolderPlace):
        """Puts its manifest when another export has put one."""

        async def put(self, name: str, source: Path | bytes) -> bool:
            if name.endswith(".json"):
                other = EmbeddedBus(archive.bus_file)
                await exported(other, second, WHOLE)
                await other.close()
            return await super().put(name, source)

    async def work() -> None:
        bus = EmbeddedBus(archive.bus_file)
        try:
            await exported(bus, Late(archive.folder))
        finally:
            await bus.close()

    with pytest.raises(PlaceError, match="another export"):
        run(work())
    assert ids(archive.read()) == names(0, 20)
    archive.seal()
    assert archive.wrong() == {}
    assert len(archive.use(lambda place: strays(place, TOPIC))) == 2
    assert SMALL.size < WHOLE.size


def test_a_folder_never_writes_over_what_is_there(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path)
    assert run(place.put("a/one", b"1"))
    assert not run(place.put("a/one", b"2"))
    assert run(place.read("a/one")) == b"1"
    assert list((tmp_path / ".parts").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PlaceError, match=r"file|directory"):
        run(FolderPlace(tmp_path / "file").put("a/one", b"1"))


def test_what_was_half_written_is_seen_by_nobody_and_goes_after_a_day(archive: Archive) -> None:
    archive.export()
    parts = archive.folder / ".parts"
    left = parts / "killed"
    left.mkdir(parents=True)
    (left / "lines").write_bytes(b"half")
    before = archive.manifests()
    assert ids(archive.read()) == names(0, 20)
    os.utime(left, (0, 0))
    archive.publish(20, 21)
    archive.export()
    assert not left.exists()
    assert archive.manifests()[: len(before)] == before
    shutil.rmtree(parts)
    assert ids(archive.read()) == names(0, 21)

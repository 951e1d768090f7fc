"""An export knows the bus of before: what gives positions a second time is refused, and nothing is lost unseen."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.archive.anew import AnewError
from shared.archive.export import Exported
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Topic
from tests.support.archives import Archive, ids
from tests.support.buses.use import event, publish, run

ANEW = "numbers its records anew since audit-trail"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def forgotten(archive: Archive) -> None:
    for file in archive.bus_file.parent.glob("bus.db*"):
        file.unlink()


def refused(archive: Archive) -> None:
    """Expect that an export refuses and writes nothing."""
    before = archive.manifests()
    with pytest.raises(AnewError, match=ANEW):
        archive.export()
    assert archive.manifests() == before


def test_a_bus_that_was_restored_to_an_earlier_day_is_refused(archive: Archive, tmp_path: Path) -> None:
    archive.publish(0, 5)
    shutil.copy(archive.bus_file, tmp_path / "kept")
    archive.publish(5, 10)
    archive.export()
    forgotten(archive)
    shutil.copy(tmp_path / "kept", archive.bus_file)
    assert archive.export() == [], "nothing came since: it may still be the same one"
    archive.publish(100, 104)
    refused(archive)
    archive.publish(104, 108)
    refused(archive)


def test_a_bus_that_was_made_anew_is_refused_also_where_one_record_came_from_the_future(archive: Archive) -> None:
    archive.publish(0, 1, days=3650)
    archive.publish(1, 5)
    archive.export()
    forgotten(archive)
    archive.publish(100, 104)
    refused(archive)
    archive.publish(104, 130)
    refused(archive)


def test_a_bus_that_was_made_anew_is_refused_also_where_the_last_position_is_another_topics(archive: Archive) -> None:
    """The embedded bus numbers all its topics together, so a topic's positions have gaps."""
    archive.publish(0, 6)
    archive.export()
    forgotten(archive)
    archive.publish(100, 105)

    async def other() -> None:
        bus = EmbeddedBus(archive.bus_file)
        await bus.ensure(Topic("another"))
        await publish(bus, "another", [event(200)])
        await bus.close()

    run(other())
    archive.publish(105, 110)
    refused(archive)


def exported_without(archive: Archive, *offsets: int) -> list[Exported]:
    """Take single records from the bus, as a compacted topic loses them, publish more, and export."""
    archive.publish(0, 6)
    archive.export()
    with closing(sqlite3.connect(archive.bus_file)) as file, file:
        file.executemany("DELETE FROM record WHERE offset = ?", [(one,) for one in offsets])
    archive.publish(6, 8)
    return archive.export()


def test_a_bus_that_lost_only_its_last_record_is_the_same_one(archive: Archive) -> None:
    assert sum(one.manifest.records for one in exported_without(archive, 6)) == 2
    assert ids(archive.read()) == [f"e{number}" for number in range(8)]
    archive.seal()
    assert archive.wrong() == {}


def test_a_bus_that_lost_all_that_was_archived_goes_on(archive: Archive) -> None:
    assert sum(one.manifest.records for one in exported_without(archive, *range(1, 7))) == 2


def test_a_bus_of_which_nothing_can_be_compared_is_refused(archive: Archive) -> None:
    """The last record is gone, and what is left was erased in the archive."""
    archive.publish(0, 6)
    archive.export()
    archive.seal()
    for sequence in range(1, len(archive.manifests()) + 1):
        archive.erase(sequence)
    assert archive.export() == [], "the manifest alone has what the last record is known by"
    with closing(sqlite3.connect(archive.bus_file)) as file, file:
        file.execute("DELETE FROM record WHERE offset = 6")
    archive.publish(6, 8)
    refused(archive)

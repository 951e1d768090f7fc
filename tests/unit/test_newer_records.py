"""What a newer release has stored is neither guessed at nor overwritten; what it only added to is read."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.archive.manifest import Manifest, NoManifestError
from shared.bus.embedded import EmbeddedBus
from shared.bus.progress import Progress
from shared.bus.protocol import BusUnavailableError
from shared.changes import authors, record
from shared.changes.authors import Author
from shared.cluster.kinds import Resource, parse_kind
from shared.cluster.memory import Memory
from shared.episodes import contact, members, namespaces
from shared.episodes.contact import Contact
from shared.episodes.members import Member
from shared.episodes.namespaces import Projection
from shared.episodes.stored import VERSION
from shared.events.outcome import Retry
from shared.local.broker.database import Database
from shared.stores.memory import MemoryStore
from shared.stores.protocol import ABSENT, StoreUnavailableError
from shared.stores.sqlite import SqliteStore
from tests.support.archives import sealed_archive
from tests.support.correlator import Rig, play, problem
from tests.support.objects import Rig as ChangesRig
from tests.support.objects import play as play_changes
from tests.support.objects import web

MEMBER = Member(
    "thing", 1.0, "k", "id", 1.0, "", {"severity": "high"}, {"team": "a"}, {"node": "n"}, 2, 0.0, "", 3.0,
    seen=4.0, lines=[[4.0, "m", "Failed", "no such image", 2]], cause=["node", "n-1", "is not ready", "Node/n", "node"],
)  # fmt: skip
MORE = ["what a newer release put behind", {"and": 1}]


def longer(data: bytes) -> bytes:
    """Return a stored row with more behind."""
    return orjson.dumps([*orjson.loads(data), *MORE])


def test_an_episodes_record_of_a_newer_version_is_left_as_it_is_and_its_observation_tried_again() -> None:
    newer = orjson.dumps({"v": VERSION + 1, "tracks": "of another form"})

    async def work(rig: Rig) -> None:
        await rig.send(problem(expires=100))
        (entry,) = [entry async for entry in rig.store.scan("thing.")]
        await rig.store.put(entry.key, newer, expected=entry.revision)
        assert isinstance((await rig.send(problem(1, count=2))).outcome, Retry)
        await rig.tick(60)
        await rig.tick(1200)
        after = await rig.store.get(entry.key)
        assert after is not None
        assert after.value == newer
        assert await rig.due(), "it is looked at again, by whoever reads it"

    play(work)


def test_an_objects_record_of_a_newer_version_is_left_as_it_is_and_its_version_tried_again() -> None:
    newer = orjson.dumps([2, "of another form"]) + b"\nand more"

    async def work(rig: ChangesRig) -> None:
        await rig.send(web(1), "add")
        (entry,) = [entry async for entry in rig.store.scan("object.")]
        await rig.store.put(entry.key, newer, expected=entry.revision)
        told = await rig.send(web(2, 5))
        assert (told.outcome, told.reply) == (Retry("a newer release wrote the record of this object"), None)
        after = await rig.store.get(entry.key)
        assert after is not None
        assert after.value == newer

    play_changes(work)


def test_an_objects_record_that_is_damaged_still_counts_as_never_seen() -> None:
    assert [record.decode(data) for data in (b"", b"[]", b"[0]", b"{}", b"[1, 2]\n", b"7")] == [None] * 6
    with pytest.raises(record.NewerError):
        record.decode(b"[2]")


def test_what_a_newer_release_puts_behind_a_row_is_left_out() -> None:
    place, first = Projection(5.0, {"team": "a"}), Contact(5.0, "baseline")
    author = Author("jane", "update", "a-1")
    member = [getattr(MEMBER, name) for name in MEMBER.__dataclass_fields__ if name != "thing"]
    assert namespaces.decode(longer(namespaces.encode(place))) == place
    assert contact.decode(longer(contact.encode(first))) == first
    assert authors.decode(longer(authors.encode(author))) == author
    assert members.decode("thing", orjson.dumps([[*member, *MORE], member[:-1]])) == (
        MEMBER,
        Member("thing", *member[:-1]),
    )
    assert members.decode("thing", b'[{"at": 1}]') == ()


def test_what_a_newer_release_remembers_of_a_clusters_objects_is_known() -> None:
    async def work() -> None:
        store = MemoryStore()
        memory = Memory(store, "c", Resource(parse_kind("v1/Pod"), "pods", namespaced=True))
        await store.put(memory.key("u"), longer(orjson.dumps(["7", "shop", "web", "u"])), expected=ABSENT)
        assert await memory.versions(["u"]) == {"u": "7"}
        (seen,) = await memory.all()
        assert (seen.version, seen.name) == ("7", "web")

    asyncio.run(work())


def test_a_manifest_of_a_newer_version_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    manifest = sealed_archive(tmp_path).manifests()[0]
    newer = orjson.dumps({**manifest.model_dump(mode="json"), "version": 2, "more": True})
    with pytest.raises(NoManifestError, match="a newer Tidings wrote it"):
        Manifest.from_bytes(newer)
    with pytest.raises(NoManifestError, match="damaged"):
        Manifest.from_bytes(newer.replace(b'"version":2', b'"version":1'))


def use_store(file: Path) -> None:
    async def work() -> None:
        store = SqliteStore(file)
        try:
            await store.put("k", b"1", expected=ABSENT)
        finally:
            await store.close()

    asyncio.run(work())


def use_bus(file: Path) -> None:
    async def work() -> None:
        bus = EmbeddedBus(file)
        try:
            await bus.keep_progress("topic", "group", Progress(1, []))
        finally:
            await bus.close()

    asyncio.run(work())


def use_broker(file: Path) -> None:
    Database(file).close()


def use_broker_as_guest(file: Path) -> None:
    Database(file, guest=True).close()


@pytest.mark.parametrize(
    ("use", "made_by", "error"),
    [
        (use_store, use_store, StoreUnavailableError),
        (use_bus, use_bus, BusUnavailableError),
        (use_broker, use_broker, sqlite3.DatabaseError),
        (use_broker_as_guest, use_broker, sqlite3.DatabaseError),
    ],
)
def test_a_file_that_a_newer_release_has_laid_out_anew_is_not_written_to(
    use: Callable[[Path], None], made_by: Callable[[Path], None], error: type[Exception], tmp_path: Path
) -> None:
    file = tmp_path / "file.db"
    made_by(file)
    use(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute("CREATE TABLE newer(a)")
        before = schema(connection)
    with pytest.raises(error):
        use(file)
    with closing(sqlite3.connect(file)) as connection:
        assert schema(connection) == before


def schema(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

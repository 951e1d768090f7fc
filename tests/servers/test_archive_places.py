"""An archive in a folder and one in S3 keep the same promises; S3 is a real server that checks signatures."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.archive.folder import FolderPlace
from shared.archive.place import Place, PlaceError, open_place
from shared.settings.environment import SettingsError
from tests.support.archives import TOPIC, Archive, ids
from tests.support.buses.use import run
from tests.support.s3 import BUCKET, S3Rig, running


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Rig]:
    with running(tmp_path_factory.mktemp("s3")) as rig:
        yield rig


@pytest.fixture(params=["folder", "s3"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Place]:
    if request.param == "folder":
        return lambda: FolderPlace(tmp_path / "place")
    rig = request.getfixturevalue("s3")
    return lambda: on(rig, f"pre fix+ä/{tmp_path.name}")


def on(rig: S3Rig, prefix: str, key: str = "right") -> Place:
    return open_place(f"s3://{BUCKET}/{prefix}", rig.environment(key))


async def listed(place: Place) -> tuple[list[str], list[str]]:
    folders = [one async for one in place.folders()]
    return folders, [name for folder in folders for name in [one async for one in place.names(folder)]]


def test_what_was_put_there_is_read_and_never_written_over(opened: Callable[[], Place], tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(9_000_000))

    async def work() -> None:
        place = opened()
        assert await place.put("a/one", b"1")
        assert not await place.put("a/one", b"2")
        assert await place.put("b/large", large)
        assert await place.read("a/one") == b"1"
        assert await place.read("a/other") is None
        async with place.open("b/large") as file:
            assert file is not None
            assert file.read_bytes() == large.read_bytes()
        async with place.open("b/other") as file:
            assert file is None
        assert await listed(place) == (["a", "b"], ["a/one", "b/large"])
        await place.remove("a/one")
        await place.remove("a/one")
        assert await listed(place) == (["b"], ["b/large"])
        await place.close()

    run(work())


def test_nothing_is_there_before_something_was_put(opened: Callable[[], Place]) -> None:
    async def work() -> None:
        place = opened()
        assert await listed(place) == ([], [])
        assert [one async for one in place.names("a")] == []
        await place.close()

    run(work())


def test_an_archive_of_several_runs_is_whole_wherever_it_lies(opened: Callable[[], Place], tmp_path: Path) -> None:
    archive = Archive(tmp_path, opened)
    archive.publish(0, 12)
    archive.export()
    archive.publish(12, 24)
    archive.export()
    assert archive.seal() == len(archive.manifests())
    assert ids(archive.read()) == [f"e{number}" for number in range(24)]
    assert {one.state for one in archive.verify()} == {"whole"}
    archive.erase(2)
    assert [one.state for one in archive.verify()].count("erased") == 1
    assert archive.wrong() == {}
    assert 0 < len(ids(archive.read())) < 24


def test_more_objects_than_one_answer_lists_are_all_listed(s3: S3Rig, tmp_path: Path) -> None:
    names = [f"{TOPIC}/{number:05d}" for number in range(1010)]

    async def work() -> list[str]:
        place = on(s3, tmp_path.name)
        waiting = iter(names)

        async def put() -> None:
            for name in waiting:
                await place.put(name, b"x")

        await asyncio.gather(*(put() for _ in range(8)))
        found = [one async for one in place.names(TOPIC)]
        await place.close()
        return found

    assert run(work()) == names


def test_s3_that_says_no_is_one_sentence_without_the_secret(s3: S3Rig) -> None:
    async def work() -> None:
        place = on(s3, "x", "geheim")
        try:
            await place.put("a/one", b"1")
        finally:
            await place.close()

    with pytest.raises(PlaceError, match="status 403 SignatureDoesNotMatch") as raised:
        run(work())
    assert "geheim" not in str(raised.value)


def test_an_s3_that_was_away_is_waited_for(s3: S3Rig) -> None:
    async def work() -> None:
        place = on(s3, "away")
        s3.stop()
        try:
            with pytest.raises(PlaceError, match=r"cannot connect|held back"):
                await place.put("a/one", b"1")
        finally:
            s3.start()
            await place.close()
        place = on(s3, "away")
        assert await place.put("a/one", b"1")
        await place.close()

    run(work())


@pytest.mark.parametrize(
    ("where", "settings", "said"),
    [
        ("s3://", {}, "write s3://BUCKET/PREFIX"),
        ("s3://Bucket_X/p", {}, "write s3://BUCKET/PREFIX"),
        ("s3://bucket/p", {}, "S3 needs them"),
        ("gs://bucket/p", {}, "is no place of an archive"),
        ("s3://bucket/p", {"ARCHIVE_S3_ENDPOINT": "http://s3.example"}, "must be https"),
        ("s3://bucket/p", {"ARCHIVE_S3_ENDPOINT": "https://s3.example/path"}, "must have no path"),
        ("s3://bucket/p", {"ARCHIVE_S3_CA_FILE": "nowhere"}, "is not a PEM bundle"),
    ],
)
def test_what_cannot_be_a_place_is_said(where: str, settings: dict[str, str], said: str) -> None:
    keys = {"ARCHIVE_S3_ACCESS_KEY": "a", "ARCHIVE_S3_SECRET_KEY": "geheim"} if settings else {}
    with pytest.raises(SettingsError, match=said) as raised:
        open_place(where, {**keys, **settings})
    assert "geheim" not in str(raised.value)

"""Whatever is done to an archive without the key, `verify` finds, and says where."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.archive.manifest import manifest_path
from tests.support.archives import EVENTS, TOPIC, Archive, recompressed, sealed_archive
from tests.support.examples import examples


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return sealed_archive(tmp_path)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = sealed_archive(tmp_path_factory.mktemp("sealed"))
    made.erase(2)
    return made


def test_an_archive_that_nobody_touched_is_whole(archive: Archive) -> None:
    found = archive.verify()
    assert {one.state for one in found} == {"whole"}
    assert sum(one.records for one in found) == EVENTS


def test_what_is_not_sealed_yet_is_told_and_is_checked_all_the_same(archive: Archive) -> None:
    archive.publish(EVENTS, EVENTS + 2)
    archive.export()
    assert [one.state for one in archive.verify()][-1] == "unsealed"
    archive.lines_file(len(archive.manifests())).unlink()
    assert "missing" in next(iter(archive.wrong().values()))


@given(data=st.data())
@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_single_bit_of_archive_and_roots_counts(sealed: Archive, data: st.DataObject) -> None:
    folders = (sealed.folder, sealed.roots_folder)
    files = sorted(file for folder in folders for file in folder.rglob("*.*") if file.is_file())
    file = data.draw(st.sampled_from(files))
    before = file.read_bytes()
    place, bit = data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(0, 7))
    file.write_bytes(before[:place] + bytes([before[place] ^ (1 << bit)]) + before[place + 1 :])
    try:
        assert sealed.wrong(), f"{file.name}, byte {place}, bit {bit}"
    finally:
        file.write_bytes(before)


RECORDS = [
    (lambda lines: [lines[0].replace(b'"number":', b'"namber":'), *lines[1:]], "record 1 (partition 0, position"),
    (lambda lines: lines[:1] + lines[2:], "stands where one was taken out"),
    (lambda lines: [lines[1], lines[0], *lines[2:]], "stands where another one was"),
    (lambda lines: [lines[0], *lines], "was put there"),
    (lambda lines: [*lines, lines[-1]], "was put there"),
    (lambda lines: lines[:-1], "cannot be read or is missing"),
    (list, "all its records are as they were"),
]


@pytest.mark.parametrize(("change", "said"), RECORDS)
def test_the_record_is_named_that_was_changed_removed_reordered_or_doubled(
    archive: Archive, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    recompressed(change)(archive)
    wrong = archive.wrong()
    assert list(wrong) == [f"{TOPIC}.00000002"]
    assert said in wrong[f"{TOPIC}.00000002"]


def test_without_the_hashes_of_its_records_it_is_known_that_one_is_wrong_but_not_which(archive: Archive) -> None:
    (archive.folder / archive.manifests()[1].leaves_path).unlink()
    assert archive.wrong() == {
        f"{TOPIC}.00000002": "the file of its hashes is missing or damaged; its records are as they should be"
    }
    recompressed(lambda lines: lines[1:])(archive)
    assert "which record it is cannot be told" in archive.wrong()[f"{TOPIC}.00000002"]


def removed(archive: Archive, number: int) -> None:
    for file in archive.folder.glob(f"{TOPIC}/{TOPIC}.{number:08d}.*"):
        file.unlink()


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_segment_that_is_gone_is_missed_also_the_last_one(archive: Archive, number: int) -> None:
    number = min(number, len(archive.manifests()))
    removed(archive, number)
    assert "its manifest is missing" in archive.wrong()[f"{TOPIC}.{number:08d}"]


def test_a_segment_that_is_gone_with_its_seal_is_missed(archive: Archive) -> None:
    removed(archive, 2)
    (archive.roots_folder / TOPIC / f"{TOPIC}.00000002.sealed.json").unlink()
    assert archive.wrong() == {f"{TOPIC}.00000002": "neither its manifest nor its seal is there"}


def test_a_seal_that_is_gone_is_missed(archive: Archive) -> None:
    (archive.roots_folder / TOPIC / f"{TOPIC}.00000002.sealed.json").unlink()
    assert archive.wrong() == {f"{TOPIC}.00000002": "its seal is missing among the roots"}


def test_segments_that_changed_places_and_one_that_is_there_twice_are_found(archive: Archive) -> None:
    folder = archive.folder / TOPIC
    second, third = (folder / f"{TOPIC}.0000000{number}.json" for number in (2, 3))
    both = second.read_bytes(), third.read_bytes()
    second.write_bytes(both[1])
    third.write_bytes(both[0])
    assert set(archive.wrong()) == {f"{TOPIC}.00000002", f"{TOPIC}.00000003"}
    second.write_bytes(both[0])
    third.write_bytes(both[1])
    last = len(archive.manifests())
    shutil.copyfile(second, archive.folder / manifest_path(TOPIC, last + 1))
    assert archive.wrong() == {f"{TOPIC}.{last + 1:08d}": "its manifest: it is the manifest of another segment"}


def test_a_file_that_no_manifest_names_is_told_and_is_no_fault(archive: Archive) -> None:
    (archive.folder / TOPIC / f"{TOPIC}.00000002.20260101T000000Z.0123456789ab.jsonl.gz").write_bytes(b"left behind")
    assert [one.state for one in archive.verify()].count("stray") == 1
    assert archive.wrong() == {}

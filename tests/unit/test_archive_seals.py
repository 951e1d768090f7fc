"""Without the key nobody can make, change or pass off a seal; what is sealed is whole, and what was erased is told."""

import gzip
import hashlib
import itertools
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from shared.archive.facts import Facts
from shared.archive.manifest import Manifest, NoManifestError, erased_path, file_name, manifest_path
from shared.archive.place import UnsoundError
from shared.archive.record import to_line
from shared.archive.seal import Judge, Sealer, Signed
from shared.bus.protocol import Record
from tests.support.archives import EVENTS, PUBLIC, TOPIC, Archive, keys, recompressed, sealed_archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return sealed_archive(tmp_path)


def test_a_seal_by_another_key_counts_for_nothing(archive: Archive) -> None:
    _, other = keys()
    assert all("signed by another key" in one.said[0] for one in archive.verify(other))
    assert {one.state for one in archive.verify(other + PUBLIC)} == {"whole"}, (
        "keys of several years, one after another"
    )


def test_a_seal_of_which_one_bit_is_another_counts_for_nothing(archive: Archive) -> None:
    file = archive.roots_folder / TOPIC / f"{TOPIC}.00000001.sealed.json"
    data, judge = file.read_bytes(), Judge.of(PUBLIC)
    assert judge.problem(Signed.from_bytes(data)) == ""
    for place, bit in itertools.product(range(len(data)), range(8)):
        changed = data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]
        try:
            found = Signed.from_bytes(changed)
        except NoManifestError:
            continue
        assert judge.problem(found), f"byte {place}, bit {bit}"


def test_who_can_write_archive_and_roots_but_has_no_key_can_forge_nothing(archive: Archive, tmp_path: Path) -> None:
    """Another history with seals that claim to be of our key."""
    other = Archive(tmp_path / "other")
    other.bus_file.parent.mkdir()
    other.sealer = Sealer(keys()[0])
    other.publish(100, 100 + EVENTS)
    other.export()
    other.seal()
    ours = Signed.from_bytes((archive.roots_folder / TOPIC / f"{TOPIC}.00000001.sealed.json").read_bytes()).key
    for file in other.roots_folder.glob("*/*.json"):
        claimed = Signed.from_bytes(file.read_bytes()).model_copy(update={"key": ours})
        file.write_bytes(claimed.to_bytes())
    wrong = other.wrong()
    assert len(wrong) == len(other.manifests())
    assert all("its signature is wrong" in said for said in wrong.values())


def test_who_can_write_the_archive_cannot_make_another_history(archive: Archive, tmp_path: Path) -> None:
    """The same positions with other events, exported properly: the roots elsewhere say that it is not the one."""
    forged = Archive(tmp_path / "forged")
    forged.bus_file.parent.mkdir()
    forged.publish(100, 100 + EVENTS)
    forged.export()
    shutil.rmtree(archive.folder)
    shutil.copytree(forged.folder, archive.folder)
    assert len(archive.wrong()) == len(archive.manifests())
    with pytest.raises(UnsoundError, match="is not the one that was sealed"):
        archive.seal()


def test_what_was_erased_on_purpose_is_told_from_what_is_missing(archive: Archive) -> None:
    archive.erase(2, "asked for by law")
    found = {one.segment: one for one in archive.verify()}
    assert found[f"{TOPIC}.00000002"].state == "erased"
    assert found[f"{TOPIC}.00000002"].said[0].endswith("asked for by law")
    assert archive.wrong() == {}
    assert not archive.lines_file(2).exists()


def test_nobody_without_the_key_can_say_that_it_was_erased(archive: Archive) -> None:
    other = Archive(archive.folder.parent / "other")
    other.folder.parent.mkdir()
    other.publish(0, EVENTS)
    other.export()
    other.seal()
    other.erase(2)
    archive.lines_file(2).unlink()
    shutil.copyfile(other.folder / erased_path(TOPIC, 2), archive.folder / erased_path(TOPIC, 2))
    assert "the roots do not" in archive.wrong()[f"{TOPIC}.00000002"]


def test_erasing_that_was_killed_is_told_and_done_by_doing_it_again(archive: Archive) -> None:
    body = archive.lines_file(2).read_bytes()
    archive.erase(2, "first")
    archive.lines_file(2).write_bytes(body)
    (archive.folder / erased_path(TOPIC, 2)).unlink()
    assert "erase it again" in archive.wrong()[f"{TOPIC}.00000002"]
    archive.erase(2, "second")
    (found,) = [one for one in archive.verify() if one.state == "erased"]
    assert found.said[0].endswith("first"), "what was signed first counts"
    assert archive.wrong() == {}


def test_a_seal_cannot_be_passed_off_as_the_word_that_it_was_erased(archive: Archive) -> None:
    seal = archive.roots_folder / TOPIC / f"{TOPIC}.00000002.sealed.json"
    for folder in (archive.folder, archive.roots_folder):
        shutil.copyfile(seal, folder / erased_path(TOPIC, 2))
    archive.lines_file(2).unlink()
    assert "it says something else" in archive.wrong()[f"{TOPIC}.00000002"]


def test_a_seal_that_was_made_again_later_does_not_fit_between_the_others(archive: Archive) -> None:
    """Also who has the key cannot change one seal alone."""
    file = archive.roots_folder / TOPIC / f"{TOPIC}.00000002.sealed.json"
    old = Signed.from_bytes(file.read_bytes()).statement
    file.write_bytes(archive.sealer.sign(old.model_copy(update={"at": old.at + timedelta(days=1)})).to_bytes())
    assert archive.wrong() == {f"{TOPIC}.00000003": "its seal is not the one that followed the seal before it"}


def made_up(archive: Archive, sequence: int, records: list[Record], previous: Manifest) -> None:
    """Put a segment there that fits its manifest, as whoever can write there may."""
    facts = Facts(previous)
    lines = [to_line(one) for one in records]
    leaves = b"".join(facts.add(one, line) for one, line in zip(records, lines, strict=True))
    body = gzip.compress(b"".join(line + b"\n" for line in lines))
    sha256 = hashlib.sha256(body).hexdigest()
    assert facts.first is not None
    manifest = previous.model_copy(
        update={
            "sequence": sequence,
            "records": len(records),
            "first": facts.first,
            "last": facts.last,
            "positions": facts.positions,
            "after": facts.after,
            "ends": facts.ends,
            "size": len(body),
            "sha256": sha256,
            "file": file_name(TOPIC, sequence, facts.first, sha256),
            "root": facts.root,
            "previous": previous.digest(),
        }
    )
    for path, data in ((manifest.lines_path, body), (manifest.leaves_path, leaves)):
        (archive.folder / path).write_bytes(data)
    (archive.folder / manifest_path(TOPIC, sequence)).write_bytes(manifest.to_bytes())


def test_records_that_are_there_already_are_not_sealed_again(archive: Archive) -> None:
    last, records = archive.manifests()[-1], archive.read()
    made_up(archive, last.sequence + 1, records[-3:], last)
    said = archive.wrong()[f"{TOPIC}.{last.sequence + 1:08d}"]
    assert "partition 0 begins with what the segments before it hold" in said
    assert "comes again" in said
    with pytest.raises(UnsoundError, match="comes again"):
        archive.seal()


def test_a_record_that_is_twice_in_a_segment_is_not_sealed(archive: Archive) -> None:
    last, (one, *_) = archive.manifests()[-1], archive.read()
    new = [one._replace(offset=one.offset + 1000), one._replace(offset=one.offset + 1001)]
    made_up(archive, last.sequence + 1, [*new, new[1]], last)
    with pytest.raises(UnsoundError, match=r"record 3 \(partition 0, position 1002\) comes again"):
        archive.seal()


def test_a_segment_of_another_history_is_not_sealed_behind_this_one(archive: Archive) -> None:
    first, last = archive.manifests()[0], archive.manifests()[-1]
    record = archive.read()[0]._replace(offset=5000)
    made_up(archive, last.sequence + 1, [record], first.model_copy(update={"after": last.after, "ends": last.ends}))
    with pytest.raises(UnsoundError, match="is not the one that followed the segment before it"):
        archive.seal()
    assert list(archive.wrong()) == [f"{TOPIC}.{last.sequence + 1:08d}"]


def test_what_is_not_whole_is_not_sealed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.publish(0, EVENTS)
    archive.export()
    recompressed(lambda lines: lines[1:])(archive)
    with pytest.raises(UnsoundError, match=rf"{TOPIC}.00000002: its file is not the one that was written"):
        archive.seal()
    assert [one.state for one in archive.verify()][:2] == ["whole", "wrong"]


def test_only_what_is_sealed_can_be_erased(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.publish(0, EVENTS)
    archive.export()
    with pytest.raises(UnsoundError, match="missing among the roots"):
        archive.erase(1)
    assert archive.lines_file(1).exists()

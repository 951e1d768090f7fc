"""What is written into a segment is read from it again, whole; and nothing else is taken for it."""

import gzip
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.archive.facts import Facts
from shared.archive.lines import DamagedError, Writer, leaves_of, lines, root_of
from shared.archive.manifest import Manifest, NoManifestError
from shared.archive.record import from_line, to_line
from shared.bus.protocol import Record
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from tests.support.examples import examples

TOPIC = "security-events"
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
EVENTS = st.builds(
    CloudEvent,
    id=TEXTS,
    source=TEXTS,
    type=TEXTS,
    subject=TEXTS | st.just(""),
    datacontenttype=st.sampled_from(["application/json", "text/plain"]),
    dataschema=TEXTS | st.just(""),
    time=st.none() | TIMES,
    extensions=st.dictionaries(st.from_regex(r"x[a-z0-9]{1,8}", fullmatch=True), TEXTS, max_size=3),
    data=VALUES,
)
OTHERS = st.builds(NotAnEvent, st.sampled_from([400, 415]), TEXTS)


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Return records of three partitions, in the order of each."""
    found, offsets = [], [0, 0, 0]
    for event in draw(st.lists(EVENTS | OTHERS, min_size=1, max_size=12)):
        partition = draw(st.integers(0, 2))
        offsets[partition] += draw(st.integers(1, 3))
        body = orjson.dumps(event.data) if isinstance(event, CloudEvent) else draw(st.binary(max_size=30))
        found.append(Record(TOPIC, partition, offsets[partition], draw(TIMES), event, body))
    return found


def one(offset: int = 1, partition: int = 0) -> Record:
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=offset)
    return Record(TOPIC, partition, offset, at, CloudEvent(f"e{offset}", "s", "t", data={"n": offset}), b"")


def written(folder: Path, wanted: Iterable[Record], previous: Manifest | None = None) -> tuple[Manifest, Path, Path]:
    with Writer(folder, previous) as writer:
        for record in wanted:
            writer.add(record)
        return writer.end(TOPIC, "nats"), writer.body, writer.leaves


@given(records())
@settings(max_examples=examples(30), deadline=None)
def test_every_record_comes_back_as_it_was_from_its_line(wanted: list[Record]) -> None:
    for record in wanted:
        found = from_line(TOPIC, to_line(record))
        assert (found.topic, found.partition, found.offset, found.at) == (TOPIC, *_place(record))
        assert found.event == record.event
        if isinstance(record.event, NotAnEvent):
            assert found.body == record.body


def _place(record: Record) -> tuple[int, int, datetime]:
    return record.partition, record.offset, record.at


@given(records())
@settings(max_examples=examples(20), deadline=None)
def test_a_segments_manifest_says_what_its_files_hold(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Record]
) -> None:
    manifest, body, leaves = written(tmp_path_factory.mktemp("segment"), wanted)
    found = Facts(None)
    for line in lines(body):
        found.add(from_line(TOPIC, line), line)
    assert (found.records, found.differences(manifest)) == (len(wanted), [])
    assert root_of(leaves_of(leaves)) == manifest.root
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    assert (manifest.first, manifest.last) == (min(r.at for r in wanted), max(r.at for r in wanted))


def test_any_tool_that_knows_gzip_and_json_can_read_it(tmp_path: Path) -> None:
    _, body, _ = written(tmp_path, [one(1), one(2)])
    found = [orjson.loads(line) for line in gzip.decompress(body.read_bytes()).splitlines()]
    assert [(line["offset"], line["event"]["id"]) for line in found] == [(1, "e1"), (2, "e2")]


def test_what_a_bus_gives_twice_is_written_once(tmp_path: Path) -> None:
    first, *_ = written(tmp_path, [one(1), one(2), one(1), one(2), one(3), one(1, partition=1)])
    assert (first.records, dict(first.after)) == (4, {0: 3, 1: 1})
    second, *_ = written(tmp_path, [one(3), one(4)], first)
    assert (second.records, second.sequence, second.previous) == (1, 2, first.digest())
    assert dict(second.after) == {0: 4, 1: 1}


def test_a_manifest_of_which_one_bit_is_another_is_none(tmp_path: Path) -> None:
    manifest, *_ = written(tmp_path, [one(1)])
    data = manifest.to_bytes()
    for place in range(len(data)):
        for bit in range(8):
            changed = data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]
            try:
                found = Manifest.from_bytes(changed)
            except NoManifestError:
                continue
            assert found.digest() != manifest.digest(), "what names it by its hash sees that it is another one"


@pytest.mark.parametrize("file", ["../x", "security-events.00000001.20260301T000001Z.000000000000.jsonl.gz", ""])
def test_a_manifest_cannot_name_a_file_of_somebody_elses(tmp_path: Path, file: str) -> None:
    manifest, *_ = written(tmp_path, [one(1)])
    with pytest.raises(NoManifestError):
        Manifest.from_bytes(manifest.model_copy(update={"file": file}).to_bytes())


@pytest.mark.parametrize("cut", [1, 8, 30])
def test_a_file_that_is_cut_off_is_told_from_one_that_ends(tmp_path: Path, cut: int) -> None:
    _, body, _ = written(tmp_path, [one(number) for number in range(1, 50)])
    body.write_bytes(body.read_bytes()[:-cut])
    with pytest.raises(DamagedError, match="cut off"):
        list(lines(body))


def test_a_line_without_an_end_takes_no_memory_without_an_end(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(gzip.compress(b"x" * (64 * 1024 * 1024)))
    with pytest.raises(DamagedError, match="no end"):
        list(lines(bomb))


def test_memory_does_not_grow_with_a_segment(tmp_path: Path) -> None:
    """A hash for each power of two, a page of lines, zlib's window: written, read and summed up."""
    peaks = []
    for count in (500, 10_000):
        (tmp_path / str(count)).mkdir()
        tracemalloc.start()
        manifest, body, leaves = written(tmp_path / str(count), map(one, range(1, count + 1)))
        facts = Facts(None)
        for line in lines(body):
            facts.add(from_line(TOPIC, line), line)
        assert root_of(leaves_of(leaves)) == facts.root == manifest.root
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000

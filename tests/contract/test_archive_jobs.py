"""The jobs of every night: one topic's fault stops no other's, what was begun is finished, nothing is no success."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.archive.folder import FolderPlace
from shared.archive.place import PlaceError, UnsoundError
from shared.archive.sealing import erase
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Topic
from shared.cli.commands import build
from tests.support.archives import PRIVATE, SMALL, TOPIC, Archive, exported, ids
from tests.support.buses.use import event, publish, run
from tests.support.functions import environment

APP = build(["archive"])
EVENTS = 24
ALPHA, BETA = "alpha", "beta"


@dataclass
class Jobs:
    """An archive, and the jobs that run on it: rows on stdout, sentences on stderr."""

    archive: Archive

    def run(self, name: str, *more: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        roots = () if name == "list" else ("--roots", str(self.archive.roots_folder))
        at = ("--at", str(self.archive.folder), *roots, *more, "--output", "jsonl")
        ended = CliRunner().invoke(APP, ["archive", name, *at], env=environment({"ARCHIVE_SEAL_KEY": PRIVATE}))
        assert ended.exit_code == code, ended.output
        return [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr

    def expire(self, *more: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        return self.run("expire", "--older-than", "30d", *more, code=code)

    def exported(self, bus_of: Callable[[], EmbeddedBus], *topics: str) -> None:
        """Export two segments of each topic."""

        async def work() -> None:
            bus, place = bus_of(), FolderPlace(self.archive.folder)
            for topic in topics:
                await bus.ensure(Topic(topic))
                for number in range(2):
                    await publish(bus, topic, [event(number)])
                    await exported(bus, place, topic=topic)
            await bus.close()

        run(work())


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(Archive(tmp_path))


@pytest.fixture
def old(jobs: Jobs) -> Jobs:
    """Return those of an archive of sealed segments that are older than a year."""
    jobs.archive.publish(0, EVENTS, days=-400)
    jobs.archive.export()
    jobs.archive.seal()
    return jobs


@pytest.fixture
def two(jobs: Jobs) -> Jobs:
    """Return those of an archive of two topics, two segments each, of which nothing is sealed."""
    jobs.exported(lambda: EmbeddedBus(jobs.archive.bus_file), ALPHA, BETA)
    return jobs


class Killed(FolderPlace):
    """Ends where something is to be removed, of which so many files are."""

    left = 0

    async def remove(self, name: str) -> None:
        if self.left == 0:
            raise PlaceError("killed")
        self.left -= 1
        await super().remove(name)


@pytest.mark.parametrize("removed", [0, 1])
def test_an_erasure_that_was_killed_is_finished_by_the_next_expiry_and_is_not_replayed(old: Jobs, removed: int) -> None:
    archive = old.archive
    first, *others = archive.manifests()
    place = Killed(archive.folder)
    place.left = removed
    with pytest.raises(PlaceError, match="killed"):
        run(erase(place, archive.roots, first, "asked for", archive.sealer))
    assert len(ids(archive.read())) == sum(one.records for one in others), "the rest of what was erased is not read"
    assert list(archive.wrong()) == [first.name]
    rows, _ = old.expire()
    assert [one["segment"] for one in rows] == [one.name for one in archive.manifests()]
    assert [file.name for file in (archive.folder / TOPIC).iterdir() if not file.name.endswith(".json")] == []
    assert archive.wrong() == {}
    assert old.expire() == ([], "")


def test_a_topic_that_is_damaged_keeps_no_other_from_its_seals_nor_from_being_listed(two: Jobs) -> None:
    (two.archive.folder / ALPHA / f"{ALPHA}.00000001.json").unlink()
    rows, said = two.run("seal", code=1)
    assert [one["segment"] for one in rows] == [f"{BETA}.00000001", f"{BETA}.00000002"]
    assert said == "tidings: alpha: segment 1 is missing: tidings trail verify says more\n"
    rows, said = two.run("list", code=1)
    assert {one["segment"].split(".")[0] for one in rows} == {BETA}
    assert "segment 1 is missing" in said


@pytest.mark.parametrize("fault", ["not sealed", "damaged"])
def test_a_topic_that_cannot_be_erased_keeps_no_other_from_it(jobs: Jobs, fault: str) -> None:
    archive = jobs.archive
    jobs.exported(lambda: EmbeddedBus(archive.bus_file, lambda: 1_700_000_000.0), ALPHA, BETA)
    jobs.run("seal")
    if fault == "not sealed":
        (archive.roots_folder / ALPHA / f"{ALPHA}.00000001.sealed.json").unlink()
    else:
        (archive.folder / ALPHA / f"{ALPHA}.00000001.json").write_bytes(b"{}")
    rows, said = jobs.expire(code=1)
    assert [one["segment"] for one in rows] == [f"{BETA}.00000001", f"{BETA}.00000002"]
    assert f"{ALPHA}.00000001" in said
    assert list((archive.folder / BETA).glob("*.gz")) == []


def test_a_topic_that_cannot_be_exported_keeps_no_other_from_it(two: Jobs, tmp_path: Path) -> None:
    for file in tmp_path.glob("bus.db*"):
        file.unlink()

    async def anew() -> None:
        bus = EmbeddedBus(tmp_path / "bus.db")
        for topic in (ALPHA, "gamma"):
            await bus.ensure(Topic(topic))
            await publish(bus, topic, [event(number) for number in range(50, 53)])
        await bus.close()

    run(anew())
    asked = ["archive", "export", "--to", str(two.archive.folder), "--topics", f"{ALPHA},gamma", "--bus", "embedded"]
    settings = environment({"EMBEDDED_BUS": str(tmp_path / "bus.db")})
    ended = CliRunner().invoke(APP, [*asked, "-o", "jsonl"], env=settings)
    assert ended.exit_code == 1
    assert [json.loads(line)["segment"] for line in ended.stdout.splitlines()] == ["gamma.00000001"]
    assert ended.stderr.startswith(f"tidings: {ALPHA}: this bus numbers its records anew since {ALPHA}.00000002")


@pytest.mark.parametrize("name", ["seal", "list", "expire"])
@pytest.mark.parametrize("there", [False, True])
def test_a_job_on_a_place_where_no_archive_is_fails(jobs: Jobs, name: str, *, there: bool) -> None:
    """A share that is not mounted is a folder that is empty."""
    if there:
        jobs.archive.folder.mkdir()
    more = ("--older-than", "1d") if name == "expire" else ()
    assert jobs.run(name, *more, code=1) == ([], f"tidings: there is no archive at {jobs.archive.folder}\n")


@pytest.mark.parametrize("first", [2, 3])
def test_a_seal_job_fails_where_less_is_there_than_was_sealed(old: Jobs, first: int) -> None:
    archive = old.archive
    gone = archive.manifests()[first - 1 :]
    for one in gone:
        (archive.folder / TOPIC / f"{one.name}.json").unlink()
    assert old.run("seal", code=1) == (
        [],
        f"tidings: {gone[0].name}: it was sealed, and its manifest is missing\n",
    )


def test_a_seal_job_fails_where_a_whole_topic_is_gone_but_seals_what_came_to_others(two: Jobs) -> None:
    two.run("seal")
    for file in (two.archive.folder / ALPHA).iterdir():
        file.unlink()
    two.exported(lambda: EmbeddedBus(two.archive.bus_file), "gamma")
    rows, said = two.run("seal", code=1)
    assert [one["segment"] for one in rows] == ["gamma.00000001", "gamma.00000002"]
    assert said == "tidings: alpha.00000001: it was sealed, and its manifest is missing\n"


def test_a_manifest_that_is_gone_from_the_middle_keeps_nothing_new_from_its_seal(old: Jobs) -> None:
    archive = old.archive
    archive.publish(EVENTS, EVENTS + 1)
    (new,) = archive.export(SMALL)
    (archive.folder / TOPIC / f"{TOPIC}.00000002.json").unlink()
    rows, said = old.run("seal", code=1)
    assert [one["segment"] for one in rows] == [new.manifest.name]
    assert "00000002: it was sealed" in said
    with pytest.raises(UnsoundError, match="segment 2 is missing"):
        archive.read()


def test_what_a_killed_export_left_is_named_before_it_is_removed_and_as_it_is(old: Jobs) -> None:
    stray = f"{TOPIC}/{TOPIC}.00000001.20200101T000000Z.0123456789ab.jsonl.gz"
    (old.archive.folder / stray).write_bytes(b"left")
    dry, _ = old.expire("--dry-run")
    assert {"segment": stray, "state": "stray"}.items() <= dry[0].items()
    assert {one["state"] for one in dry[1:]} == {"expired"}
    assert (old.archive.folder / stray).exists()
    assert old.expire() == (dry, "")
    assert not (old.archive.folder / stray).exists()

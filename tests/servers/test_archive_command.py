"""`tidings archive` as a user or a CronJob runs it: from real buses, killed in the middle, and replayed years later."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.bus.protocol import Start, Topic
from shared.bus.topology import TOPOLOGY
from shared.cli.commands import build
from shared.events.cloudevent import CloudEvent
from shared.local.standins import splunk
from shared.local.standins.splunk import Splunk
from tests.support.archives import PRIVATE, PUBLIC
from tests.support.buses.use import publish, read, run
from tests.support.functions import environment
from tests.support.records import classified, classified_event
from tests.support.s3 import BUCKET
from tests.support.s3 import running as running_s3
from tests.support.servers import serve

TIDINGS = Path(sys.executable).with_name("tidings")
APP = build(["archive", "replay", "trail"])
PATIENCE = 60.0
SPLUNK = {"SPLUNK_HEC_URL": "http://127.0.0.1:9", "SPLUNK_TOKEN": "t"}


@dataclass
class Place:
    """A bus with the topics of Tidings, a folder for archives and roots, and the keys."""

    rig: Any
    folder: Path
    topic: str

    def settings(self, **more: str) -> dict[str, str]:
        keys = {"ARCHIVE_SEAL_KEY_FILE": str(self.folder / "seal.pem"), "COLUMNS": "200"}
        return environment({**self.rig.environment(), **keys, **more})

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(TIDINGS), *arguments],
            cwd=self.folder,
            env=self.settings(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0, **more: str) -> str:
        """Run it in this process: most of what a process takes is its start."""
        ended = CliRunner().invoke(APP, arguments, env=self.settings(**more))
        assert ended.exit_code == code, ended.output
        return ended.stdout if code == 0 else ended.stderr

    def rows(self, *arguments: str, **more: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--output", "jsonl", **more).splitlines()]

    def publish(self, events: list[CloudEvent]) -> None:
        async def work() -> None:
            bus = self.rig.bus()
            await bus.ensure(Topic(self.topic, partitions=3))
            for begin in range(0, len(events), 200):
                await publish(bus, self.topic, events[begin : begin + 200])
            await bus.close()

        run(work())

    def export(self, *arguments: str, **more: str) -> list[dict[str, Any]]:
        return self.rows("archive", "export", "--to", "archive", "--topics", self.topic, *arguments, **more)


@pytest.fixture(params=["embedded", "nats", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return placed(request.getfixturevalue(f"rig_{request.param}"), tmp_path, monkeypatch)


@pytest.fixture
def embedded(rig_embedded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return placed(rig_embedded, tmp_path, monkeypatch)


def placed(rig: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (folder / "seal.pem").write_text(PRIVATE)
    (folder / "seal.pub.pem").write_text(PUBLIC)
    monkeypatch.chdir(folder)
    return Place(rig, folder, f"archived-{time.time_ns()}")


@pytest.fixture
def collector() -> Iterator[tuple[Splunk, dict[str, str]]]:
    app = splunk.new_app()
    with serve(app) as url:
        yield app, {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": splunk.TOKENS[0].value}
    app.close()


def events(first: int, end: int, *, size: int = 0) -> list[CloudEvent]:
    made = [
        classified_event(classified(f"id-{number}", message=f"{number} " + "x" * size)) for number in range(first, end)
    ]
    return [one.with_extensions(partitionkey=f"k{number % 7}") for number, one in enumerate(made)]


def test_an_export_killed_at_any_time_and_run_again_has_each_record_once(place: Place) -> None:
    place.publish(events(0, 3000, size=700))
    kills = 0
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        process = place.start(
            *("archive", "export", "--to", "archive", "--topics", place.topic, "--segment-size", "128KiB")
        )
        if kills == 3:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            break
        before = manifests(place)
        while process.poll() is None and manifests(place) <= before + kills and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        kills += 1
    assert kills == 3
    assert archived(place) == on_the_bus(place)
    assert place.run("archive", "seal", "--at", "archive", "--roots", "roots")
    assert place.rows("archive", "seal", "--at", "archive", "--roots", "roots") == [], "all has its seal"
    found = place.rows("trail", "verify", "--at", "archive", "--roots", "roots", "--public-key", "seal.pub.pem")
    assert {one["state"] for one in found} <= {"whole", "stray"}
    assert sum(one["records"] for one in found) == 3000


def manifests(place: Place) -> int:
    return len(list((place.folder / "archive").glob(f"{place.topic}/*.json")))


def archived(place: Place) -> list[tuple[int, int, str]]:
    found = []
    for manifest in sorted((place.folder / "archive" / place.topic).glob("*.json")):
        file = manifest.parent / json.loads(manifest.read_bytes())["file"]
        for line in gzip.decompress(file.read_bytes()).splitlines():
            value = json.loads(line)
            found.append((value["partition"], value["offset"], value["event"]["id"]))
    return sorted(found)


def on_the_bus(place: Place) -> list[tuple[int, int, str]]:
    async def work() -> list[tuple[int, int, str]]:
        bus = place.rig.bus()
        found = await read(bus, place.topic, Start())
        await bus.close()
        return sorted((one.partition, one.offset, one.event.id) for one in found if isinstance(one.event, CloudEvent))

    return run(work())


def test_an_archive_replayed_into_an_emptied_collector_gives_the_same_events(
    place: Place, collector: tuple[Splunk, dict[str, str]]
) -> None:
    app, settings = collector
    place.publish(events(0, 500))
    place.export()
    middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    time.sleep(max(0.0, 2.1 - time.time() % 1))
    place.publish(events(500, 800))
    place.export("--roots", "roots")
    command = ("replay", "--source", "archive", "--at", "archive", "--topics", place.topic, "--target", "splunk")
    place.run(*command, **settings)
    assert sorted(app.event_ids()) == sorted(f"id-{number}" for number in range(800))
    dry = json.loads(place.run(*command, "--dry-run", "--from", middle, "--output", "json", **settings))
    assert dry == [{"topic": place.topic, "events": 300}]
    kept = ("--checkpoint", "kept.json", "--output", "json")
    first = json.loads(place.run(*command, "--to", middle, *kept, **settings))
    assert sum(first["outcomes"].values()) == 500
    rest = json.loads(place.run(*command, *kept, **settings))
    assert sum(rest["outcomes"].values()) == 300


def test_a_terminated_export_ends_its_segment_and_says_what_it_wrote(embedded: Place) -> None:
    embedded.publish(events(0, 3000, size=700))
    process = embedded.start(
        *("archive", "export", "--to", "archive", "--topics", embedded.topic, "--segment-size", "64KiB", "-o", "jsonl")
    )
    while not manifests(embedded) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert len(out.splitlines()) == manifests(embedded)
    embedded.export()
    assert archived(embedded) == on_the_bus(embedded)


def test_what_was_changed_is_found_by_verify_and_not_replayed(embedded: Place) -> None:
    embedded.publish(events(0, 50))
    embedded.export("--roots", "roots")
    (file,) = (embedded.folder / "archive").glob("*/*.jsonl.gz")
    file.write_bytes(file.read_bytes()[:-9])
    check = ("trail", "verify", "--at", "archive", "--roots", "roots", "--public-key", "seal.pub.pem")
    ended = CliRunner().invoke(APP, check, env=embedded.settings())
    assert ended.exit_code == 1
    assert "its file is not the one that was written" in ended.stdout
    replay = ("replay", "--source", "archive", "--at", "archive", "--topics", embedded.topic, "--target", "splunk")
    err = embedded.run(*replay, code=1, **SPLUNK)
    assert "was changed: tidings trail verify says where" in err


def test_segments_expire_as_a_whole_and_are_told_from_missing_ones(embedded: Place) -> None:
    embedded.publish(events(0, 60, size=700))
    embedded.export("--segment-size", "32KiB", "--roots", "roots")
    at = ("--at", "archive", "--roots", "roots")
    assert embedded.rows("archive", "expire", *at, "--older-than", "7y") == []
    listed = embedded.rows("archive", "list", "--at", "archive")
    assert {one["state"] for one in listed} == {"there"}
    embedded.run("archive", "erase", listed[0]["segment"], *at, "--why", "case 7")
    time.sleep(1.1)
    dry = embedded.rows("archive", "expire", *at, "--older-than", "1s", "--dry-run")
    assert len(dry) == len(listed) - 1
    assert embedded.rows("archive", "expire", *at, "--older-than", "1s") == dry
    assert not list((embedded.folder / "archive").glob("*/*.jsonl.gz"))
    found = embedded.rows("trail", "verify", *at, "--public-key", "seal.pub.pem")
    assert {one["state"] for one in found} == {"erased"}
    assert found[0]["said"][0].endswith("case 7")
    assert embedded.export() == [], "what was erased is not exported again"


def test_an_archive_in_s3_is_exported_sealed_verified_and_replayed_alike(
    embedded: Place, collector: tuple[Splunk, dict[str, str]], tmp_path: Path
) -> None:
    app, settings = collector
    embedded.publish(events(0, 300))
    with running_s3(tmp_path) as s3:
        more = {**s3.environment(), **settings}
        where = f"s3://{BUCKET}/tidings"
        made = embedded.rows(
            *("archive", "export", "--to", where, "--topics", embedded.topic, "--roots", "roots"), **more
        )
        assert sum(one["records"] for one in made) == 300
        check = ("trail", "verify", "--at", where, "--roots", "roots", "--public-key", "seal.pub.pem")
        assert {one["state"] for one in embedded.rows(*check, **more)} == {"whole"}
        embedded.run(
            *("replay", "--source", "archive", "--at", where, "--topics", embedded.topic, "--target", "splunk"), **more
        )
    assert sorted(app.event_ids()) == sorted(f"id-{number}" for number in range(300))


def test_a_ticket_is_explained_from_the_archive_once_the_bus_has_forgotten(embedded: Place) -> None:
    topics = [row.topic.name for row in TOPOLOGY]
    embedded.topic = topics[0]
    embedded.publish(events(0, 3))
    embedded.export()
    found = embedded.rows("trail", "k-1", "--at", "archive")
    assert [one["what"] for one in found] == ["observed"] * 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("archive", "export", "--to", "a", "--segment-size", "64"), 2, "is no size"),
        (("archive", "export", "--to", "a", "--segment-size", "5GiB"), 2, "4GiB is the largest"),
        (("archive", "export", "--to", "a", "--segment-age", "soon"), 2, "is no span of time"),
        (("archive", "export", "--to", "a", "--bus", "carrier-pigeon"), 2, "there is no bus"),
        (("archive", "export", "--to", "a", "--topics", "nowhere"), 1, "there is no topic nowhere"),
        (("archive", "export", "--to", "gs://a"), 1, "is no place of an archive"),
        (("archive", "erase", "x", "--at", "a", "--why", "y"), 2, "a segment is named as"),
        (("archive", "erase", "x.00000001", "--at", "a", "--why", "y"), 1, "it is missing"),
        (("archive", "expire", "--at", "a", "--older-than", "0d"), 2, "is no span of time"),
        (("trail", "verify", "--at", "a"), 1, "ARCHIVE_PUBLIC_KEY is not set"),
        (("trail", "verify", "--at", "a", "--public-key", "nowhere.pem"), 1, "cannot be read"),
        (("trail", "verify", "--at", "a", "--public-key", "seal.pem"), 1, "must be PEM"),
        (("trail", "verify", "--at", "a", "--public-key", "seal.pub.pem"), 1, "there is no archive at a: "),
        (("replay", "--source", "archive", "--target", "splunk"), 2, "belong together"),
        (("replay", "--source", "archive", "--at", "a", "--target", "splunk", "--group", "g"), 2, "takes no archive"),
    ],
)
def test_what_cannot_be_is_one_sentence(embedded: Place, arguments: tuple[str, ...], code: int, said: str) -> None:
    embedded.publish([])
    err = embedded.run(*arguments, code=code)
    assert said in err
    assert err.count("\n") == 1, err


def test_a_key_that_is_none_is_told_before_anything_is_written(embedded: Place) -> None:
    embedded.publish(events(0, 3))
    (embedded.folder / "seal.pem").write_text("-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----\n")
    command = ("archive", "export", "--to", "archive", "--topics", embedded.topic, "--roots", "roots")
    err = embedded.run(*command, code=1)
    assert "is no Ed25519 key in PEM" in err
    assert "geheim" not in err
    assert not (embedded.folder / "archive").exists()


def test_an_export_of_nothing_says_so(embedded: Place) -> None:
    embedded.publish([])
    ended = CliRunner().invoke(
        APP, ["archive", "export", "--to", "a", "--topics", embedded.topic], env=embedded.settings()
    )
    assert (ended.exit_code, "nothing to export" in ended.stderr) == (0, True), ended.output


def test_what_was_erased_is_told(embedded: Place) -> None:
    embedded.publish(events(0, 3))
    (segment,) = embedded.export("--roots", "roots")
    command = ("archive", "erase", segment["segment"], "--at", "archive", "--roots", "roots", "--why", "case 7")
    assert embedded.rows(*command) == [{**segment, "state": "erased"}]


def test_an_archive_of_nothing_sealed_is_told_to_be_sealed(embedded: Place) -> None:
    embedded.publish(events(0, 3))
    embedded.export()
    err = embedded.run("trail", "verify", "--at", "archive", "--public-key", "seal.pub.pem", code=1)
    assert "tidings archive seal comes first" in err

"""`tidings up`, its files and its commands: what one release leaves the other goes on with, both ways."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary
from shared.events.versions import REFUSED
from shared.stores.registry import sqlite_url
from tests.support.archives import PRIVATE, PUBLIC
from tests.support.line import LOST, OPEN, READY, RESOLVED, node_event, numbers, states, tick, title
from tests.support.releases import NOW, Release
from tests.support.servers import Standin
from tests.support.tickets import episode

NODES = ("w1", "w2")
WAYS = ("upgrade", "rollback")
_SECONDS = 20.0


@dataclass(frozen=True)
class Embedded:
    """One embedded system that runs, of any release."""

    address: str

    def post(self, *events: CloudEvent) -> None:
        """Hand it events as a producer does."""
        for event in events:
            headers, body = encode_binary(event)
            request = Request(self.address, body, dict(headers), method="POST")  # noqa: S310 - our own address
            with urlopen(request, timeout=10) as answer:  # noqa: S310
                assert answer.status == 202

    def listed(self, what: str) -> list[dict[str, Any]]:
        """Return a list of its API."""
        with urlopen(f"{self.address}/api/v1/{what}", timeout=10) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)["items"]
            return found

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true, with a tick each half second: its own come every ten seconds."""
        deadline, next_tick = time.monotonic() + _SECONDS, 0.0
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            if time.monotonic() >= next_tick:
                self.post(tick())
                next_tick = time.monotonic() + 0.5
            time.sleep(0.02)

    def waits_for_the_instance(self) -> bool:
        """Return whether a ticket for each node was tried, and is to be tried again."""
        (row,) = [one for one in self.listed("destinations") if one["name"] == "servicenow_incident"]
        return row["waiting"] >= len(NODES) and bool(row["retries"])


def pair(way: str, before: Release) -> tuple[Release, Release]:
    """Return which release is first, and which goes on."""
    return (before, NOW) if way == "upgrade" else (NOW, before)


def leave(release: Release, folder: Path, away: Mapping[str, str]) -> Path:
    """Have a release take two problems in while their ticket system is away, archive them, and end."""
    with release.up(folder, "--with", "archive", **away) as address:
        system = Embedded(address)
        system.post(*(node_event(node, LOST, 1) for node in NODES))
        system.until(system.waits_for_the_instance)
    return folder / "data"


@pytest.fixture(scope="module")
def left(before: Release, away: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return a data folder of each release, by its name; each test takes a copy."""
    return {one.name: leave(one, tmp_path_factory.mktemp("left"), away) for one in (before, NOW)}


def test_what_waits_in_a_data_folder_is_delivered_and_ended_by_the_next_release_and_after_a_rollback(
    before: Release, left: Mapping[str, Path], instance: Standin, settings: Mapping[str, str], tmp_path: Path
) -> None:
    shutil.copytree(left[before.name], tmp_path / "data")
    with NOW.up(tmp_path, "--with", "archive", **settings) as address:
        system = Embedded(address)
        system.until(lambda: len(states(instance.url)) == len(NODES))
        opened = numbers(instance.url)
        system.post(node_event("w1", READY, 2))
        system.until(lambda: states(instance.url) == {title("w1"): RESOLVED, title("w2"): OPEN})
    with before.up(tmp_path, "--with", "archive", **settings) as address:
        back = Embedded(address)
        back.post(node_event("w2", READY, 2))
        back.until(lambda: set(states(instance.url).values()) == {RESOLVED})
        assert back.listed("dead-letters") == []
        assert {one["state"] for one in back.listed("episodes")} == {"resolved"}
    assert numbers(instance.url) == opened


@pytest.mark.parametrize("way", WAYS)
def test_archived_segments_and_seals_of_one_release_are_proved_gone_on_with_and_read_by_the_other(
    way: str, before: Release, left: Mapping[str, Path], away: Mapping[str, str], tmp_path: Path
) -> None:
    first, second = pair(way, before)
    shutil.copytree(left[first.name], tmp_path / "data")
    (tmp_path / "public.pem").write_text(PUBLIC)
    export = ("archive", "export", "--to", "archive", "--roots", "elsewhere", "--data", "data")
    verify = ("trail", "verify", "--at", "archive", "--roots", "elsewhere", "--public-key", "public.pem")
    replay = ("replay", "--source", "archive", "--at", "archive", "--target", "splunk", "--dry-run")
    first.run(tmp_path, *export, ARCHIVE_SEAL_KEY=PRIVATE)
    second.run(tmp_path, *verify)
    there = segments(tmp_path)
    assert there
    with second.up(tmp_path, "--with", "archive", **away) as address:
        system = Embedded(address)
        system.post(node_event("w3", LOST, 1))
        system.until(lambda: len(system.listed("episodes")) == len(NODES) + 1)
    second.run(tmp_path, *export, ARCHIVE_SEAL_KEY=PRIVATE)
    assert there < segments(tmp_path), "it goes on behind what the other one sealed"
    first.run(tmp_path, *verify)
    assert "kubernetes-events" in (read := first.run(tmp_path, *replay))
    assert second.run(tmp_path, *replay) == read


def segments(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("archive/*/*.json")}


@pytest.mark.parametrize("way", WAYS)
def test_exported_state_of_one_release_is_imported_whole_by_the_other(
    way: str, before: Release, left: Mapping[str, Path], tmp_path: Path
) -> None:
    first, second = pair(way, before)
    shutil.copytree(left[first.name], tmp_path / "data")
    source, target = tmp_path / "data" / "state.db", tmp_path / "other" / "state.db"
    first.run(tmp_path, "state", "export", "state.jsonl", "--store", sqlite_url(source))
    second.run(tmp_path, "state", "import", "state.jsonl", "--store", sqlite_url(target))
    assert entries(target) == entries(source) != {}
    shown = second.run(tmp_path, "episodes", "list", "--data", "other", "--output", "jsonl")
    assert len(shown.splitlines()) == len(NODES)


def entries(file: Path) -> dict[str, bytes]:
    with closing(sqlite3.connect(file)) as connection:
        return dict(connection.execute("SELECT key, value FROM entry").fetchall())


def test_an_event_of_a_version_that_nobody_reads_yet_is_a_dead_letter_that_says_so(
    instance: Standin, settings: Mapping[str, str], tmp_path: Path
) -> None:
    one = CloudEvent("1", "tests", "dev.tidings.problem.opened.v2", data=episode().model_dump(mode="json"))
    with NOW.up(tmp_path, **settings) as address:
        system = Embedded(address)
        system.post(one)
        system.until(lambda: bool(system.listed("dead-letters")))
        (letter,) = system.listed("dead-letters")
    assert (letter["type"], letter["stage"], letter["reason"]) == (one.type, REFUSED.stage, REFUSED.reason)
    assert states(instance.url) == {}


@pytest.mark.parametrize("file", ["broker.db", "state.db"])
def test_a_folder_that_a_newer_release_has_laid_out_anew_is_not_started_on(file: str, tmp_path: Path) -> None:
    with NOW.up(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "data" / file)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(AssertionError, match=r"data: a newer release laid it out \(layout 1, this one knows 0\)"):
        NOW.run(
            tmp_path, "up", "--once", "--feed", "none", "--data", "data", "--listen", "127.0.0.1:0",
            "--knative", str(NOW.root / "knative"),
        )  # fmt: skip

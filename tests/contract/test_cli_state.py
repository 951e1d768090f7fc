"""`tidings state export|import` between real stores of every durable kind."""

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from shared.cli.commands import build
from shared.episodes import browse
from shared.stores.protocol import ABSENT, Entry
from shared.stores.registry import STORES, open_store
from tests.support.correlator import Rig, problem, told
from tests.support.nats import store_url

DURABLE = sorted(name for name, kind in STORES.items() if kind.durable)
OTHERS = [(source, target) for source in DURABLE for target in DURABLE]
CONTENT: Mapping[str, tuple[bytes, float | None]] = {
    "thing.a": (b'{"v": 1}', None),
    "claim.x.y": ("ü".encode(), 3600.0),
    "contact.c": (b"\xff", None),
    "namespace.n": (b"{}", None),
    "due.000000000001.a": (b"1", None),
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build(arguments[:1]), list(arguments), env={"STORE_URL": None})


def fill(url: str, content: Mapping[str, tuple[bytes, float | None]] = CONTENT) -> None:
    async def main() -> None:
        store = open_store(url, {})
        for key, (value, ttl) in content.items():
            assert await store.put(key, value, expected=ABSENT, ttl=ttl) is not None
        await store.close()

    asyncio.run(main())


def read(url: str) -> dict[str, Entry]:
    async def main() -> dict[str, Entry]:
        store = open_store(url, {})
        try:
            return {entry.key: entry async for entry in store.scan("")}
        finally:
            await store.close()

    return asyncio.run(main())


def two(source: str, target: str, folder: Path) -> tuple[str, str]:
    """Return the URLs of two empty stores."""
    for name in ("from", "to"):
        (folder / name).mkdir()
    return store_url(source, folder / "from"), store_url(target, folder / "to")


@pytest.mark.parametrize(("source", "target"), OTHERS)
def test_state_moves_from_any_store_to_any_other(source: str, target: str, tmp_path: Path) -> None:
    here, there = two(source, target, tmp_path)
    fill(here)
    file = tmp_path / "state.jsonl"
    ended = run("state", "export", str(file), "--store", here, "--output", "json")
    assert ended.exit_code == 0, ended.output
    assert {row["family"]: row["exported"] for row in json.loads(ended.stdout)} == {
        "claim": 1, "contact": 1, "due": 1, "namespace": 1, "thing": 1, "all": 5,
    }  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o600, "events are in it"
    ended = run("state", "import", str(file), "--store", there)
    assert ended.exit_code == 0, ended.output
    found = read(there)
    assert {key: entry.value for key, entry in found.items()} == {key: value for key, (value, _) in CONTENT.items()}
    expires = found["claim.x.y"].expires
    assert expires is not None
    assert 3500 < expires - time.time() < 3602
    assert found["thing.a"].expires is None


@pytest.mark.parametrize("target", DURABLE)
def test_a_store_that_holds_something_is_only_added_to_on_request(target: str, tmp_path: Path) -> None:
    here, there = two("sqlite", target, tmp_path)
    fill(here)
    fill(there, {"thing.a": (b"own", None)})
    file = tmp_path / "state.jsonl"
    assert run("state", "export", str(file), "--store", here).exit_code == 0
    ended = run("state", "import", str(file), "--store", there)
    assert ended.exit_code == 1
    assert "holds something already" in ended.stderr
    assert list(read(there)) == ["thing.a"]
    ended = run("state", "import", str(file), "--merge", "--store", there, "-o", "jsonl")
    assert ended.exit_code == 0
    (everything,) = [row for row in map(json.loads, ended.stdout.splitlines()) if row["family"] == "all"]
    assert everything == {"family": "all", "written": 4, "kept": 1, "expired": 0}
    assert "1 entry of the file stayed as the store had them" in ended.stderr
    assert read(there)["thing.a"].value == b"own"
    assert len(read(there)) == 5


def test_an_episode_that_moved_is_known_and_goes_on(tmp_path: Path) -> None:
    """From the correlator on SQLite to one on NATS."""
    here, there = two("sqlite", "nats", tmp_path)

    async def see(url: str, seconds: float, count: int) -> str:
        rig = Rig(STORE_URL=url)
        rig.store = open_store(url, {})  # type: ignore[assignment]
        rig.function = rig.build()
        await rig.function.start()
        found = told(await rig.send(problem(seconds, count=count)))
        await rig.function.stop()
        assert [one.id for one in (await browse.listing(rig.store)).episodes] == [found.id]
        await rig.store.close()
        return found.id

    first = asyncio.run(see(here, 0, 1))
    file = tmp_path / "state.jsonl"
    assert run("state", "export", str(file), "--store", here).exit_code == 0
    assert run("state", "import", str(file), "--store", there).exit_code == 0
    listed = run("episodes", "list", "--store", there, "-o", "json")
    assert [row["id"] for row in json.loads(listed.stdout)] == [first]
    assert asyncio.run(see(there, 700, 20)) == first


def test_a_broken_file_writes_nothing(tmp_path: Path) -> None:
    here, there = two("sqlite", "sqlite", tmp_path)
    fill(here)
    file = tmp_path / "state.jsonl"
    assert run("state", "export", str(file), "--store", here).exit_code == 0
    file.write_bytes(file.read_bytes().replace(b"claim.x", b"claim.z"))
    ended = run("state", "import", str(file), "--store", there)
    assert (ended.exit_code, ended.stderr) == (
        1,
        f"tidings: {file}: it is not what was exported: its checksum differs\n",
    )
    assert read(there) == {}


def test_an_export_to_stdout_is_the_file_and_nothing_else(tmp_path: Path) -> None:
    here, there = two("sqlite", "sqlite", tmp_path)
    fill(here)
    ended = run("state", "export", "-", "--store", here)
    assert ended.exit_code == 0
    file = tmp_path / "piped"
    file.write_bytes(ended.stdout_bytes)
    assert run("state", "import", str(file), "--store", there).exit_code == 0
    assert len(read(there)) == 5


def test_an_export_replaces_no_file_unasked(tmp_path: Path) -> None:
    here, _ = two("sqlite", "sqlite", tmp_path)
    fill(here)
    file = tmp_path / "state.jsonl"
    file.write_text("another backup")
    ended = run("state", "export", str(file), "--store", here)
    assert (ended.exit_code, file.read_text()) == (1, "another backup")
    assert ended.stderr == f"tidings: {file} is there already: name another file, or replace it by --force\n"
    assert run("state", "export", str(file), "--force", "--store", here).exit_code == 0
    assert file.read_text() != "another backup"


def test_an_export_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "state.jsonl"
    file.write_text("the last backup")
    ended = run("state", "export", str(file), "--force", "--store", "nats://127.0.0.1:1/b")
    assert ended.exit_code == 1
    assert "NATS cannot be reached" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["state.jsonl"]
    assert file.read_text() == "the last backup"


def test_a_store_that_is_not_there_is_no_backup(tmp_path: Path) -> None:
    backup = tmp_path / "state.jsonl"
    backup.write_text("the last one\n", encoding="utf-8")
    missing = tmp_path / "typo.db"
    ended = run("state", "export", str(backup), "--force", "--store", f"sqlite://{missing}")
    assert (ended.exit_code, backup.read_text(encoding="utf-8"), missing.exists()) == (1, "the last one\n", False)
    assert f"there is no store at {missing}" in ended.stderr

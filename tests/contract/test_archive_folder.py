"""A folder as an archive's place: several processes at once, and a disk that takes no more."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.archive.export import Bounds
from shared.archive.place import PlaceError
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Topic
from shared.cli.commands import build
from shared.events.cloudevent import CloudEvent
from tests.support.archives import TOPIC, Archive
from tests.support.buses.use import publish, run
from tests.support.functions import environment

_PUTS = 200
_PUT = """
import asyncio, sys
from pathlib import Path
from shared.archive.folder import FolderPlace

async def work(place, topic):
    for number in range(int(sys.argv[3])):
        await place.put(f"{topic}/{number}", b"x")

asyncio.run(work(FolderPlace(Path(sys.argv[1])), sys.argv[2]))
"""


def test_jobs_of_several_processes_share_a_folder(tmp_path: Path) -> None:
    """Each looks at what the others have on its way there, which is gone a moment later."""
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", _PUT, str(tmp_path), f"topic{number}", str(_PUTS)], stderr=-1, text=True
        )
        for number in range(3)
    ]
    ended = [(job.communicate(timeout=60)[1], job.returncode) for job in jobs]
    assert ended == [("", 0)] * len(jobs)
    assert len(list(tmp_path.glob("topic*/*"))) == len(jobs) * _PUTS


@contextmanager
def full_beyond(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def filled(archive: Archive) -> None:
    async def work() -> None:
        bus = EmbeddedBus(archive.bus_file)
        await bus.ensure(Topic(TOPIC))
        await publish(
            bus, TOPIC, [CloudEvent(f"e{number}", "tests", "t", data=os.urandom(20_000).hex()) for number in range(20)]
        )
        await bus.close()

    run(work())


def test_a_disk_that_is_full_is_told_with_the_place(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    filled(archive)
    with full_beyond(150_000), pytest.raises(PlaceError, match=f"{archive.folder}.*: File too large"):
        archive.export(Bounds(size=1 << 30, age=timedelta(days=1)))
    assert list((archive.folder / ".parts").iterdir()) == []
    assert archive.manifests() == []


def test_the_command_says_which_place_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)
    filled(archive)
    monkeypatch.chdir(tmp_path)
    asked = ["archive", "export", "--to", "kept", "--topics", TOPIC, "--bus", "embedded"]
    settings = environment({"EMBEDDED_BUS": str(archive.bus_file), "COLUMNS": "200"})
    with full_beyond(150_000):
        ended = CliRunner().invoke(build(["archive"]), asked, env=settings)
    assert ended.exit_code == 1
    assert ended.stderr == "tidings: kept: File too large\n"

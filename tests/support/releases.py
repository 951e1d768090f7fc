"""The release before this one, as it lies in the project's own history, to run beside what is here.

It is the newest tag `v*` below this commit. While there is none, it is the commit that tests/upgrade/before.txt names.
It runs with the libraries of this release: what those change is not tested here.
"""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.support.functions import TIDINGS, Served, environment, serving

PINNED = ROOT / "tests" / "upgrade" / "before.txt"
_PARTS = ("shared", "functions", "knative", "docs/schemas")
_SECONDS = 60.0


@dataclass(frozen=True)
class Release:
    """One release's code. `name` is for people, as `v0.1.0`."""

    name: str
    root: Path

    def serving(self, function: str, log: Path, settings: Mapping[str, str]) -> AbstractContextManager[Served]:
        """Run one of its functions."""
        return serving(function, log, {**settings, **self._settings})

    def run(self, folder: Path, *arguments: str, **settings: str) -> str:
        """Run its command `tidings` in a folder, and return what it printed. Fails where that does not end well."""
        ended = subprocess.run(
            [str(TIDINGS), *arguments], cwd=folder, env=environment({**settings, **self._settings}),
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, f"{self.name}: {ended.stderr or ended.stdout}"
        return ended.stdout

    @contextmanager
    def up(self, folder: Path, *arguments: str, **settings: str) -> Iterator[str]:
        """Run its embedded system on `folder/data`, and yield its address."""
        command = [str(TIDINGS), "up", "--listen", "127.0.0.1:0", "--data", "data", "--feed", "none", "-o", "jsonl"]
        environ = environment({**settings, **self._settings, "PYTHONUNBUFFERED": "1"})
        with subprocess.Popen(
            [*command, "--knative", str(self.root / "knative"), *arguments],
            cwd=folder, env=environ, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line, f"{self.name} did not start"
                yield json.loads(line)["address"]
            finally:
                process.terminate()
                process.wait(20)

    def code(self) -> Path:
        """Return where a process that runs it has its code from."""
        asked = [sys.executable, "-P", "-c", "import functions, shared; print(shared.__path__[0])"]
        ended = subprocess.run(asked, env=environment(self._settings), capture_output=True, text=True, check=True)
        return Path(ended.stdout.strip()).parent

    def schema(self, name: str) -> dict[str, Any]:
        """Return one of its published schemas."""
        found: dict[str, Any] = json.loads((self.root / "docs" / "schemas" / f"{name}.json").read_text())
        return found

    @property
    def _settings(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.root)}


NOW = Release("now", ROOT)


def unpacked(folder: Path, checkout: Path = ROOT) -> Release | None:
    """Unpack the release before a checkout's; None where the history that it lies in is not there."""
    described = _git(checkout, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    name = (described or PINNED.read_bytes()).decode().strip()
    packed = _git(checkout, "archive", "--format=tar", name, "--", *_PARTS)
    if packed is None:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed)) as content:
        content.extractall(folder, filter="data")
    return Release(name, folder)


def _git(checkout: Path, *arguments: str) -> bytes | None:
    """Return what git says of a checkout, None where it has nothing to say: no history, or not that far back."""
    if not (checkout / ".git").exists():  # a folder above may have a history of its own
        return None
    command = ["git", "-C", str(checkout), *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except OSError:
        return None
    return ended.stdout if ended.returncode == 0 else None

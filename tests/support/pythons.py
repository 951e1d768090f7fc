"""Print the path of another Python of the machine, the oldest or the newest that Tidings runs on; nothing without one.

    python tests/support/pythons.py UV oldest|newest

`uv` looks on PATH and among its own; what pyenv has installed is only found when its folders are named.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

_NEEDED = (3, 11)


def others(uv: str) -> list[tuple[tuple[int, ...], str]]:
    """Return version and path of each released CPython with the usual threads that can run Tidings, oldest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *map(str, pyenv.glob("versions/*/bin"))]
    folders = [folder for folder in folders if Path(folder).name != "shims"]
    listed = subprocess.run(
        [uv, "python", "list", "--only-installed", "--output-format", "json"],
        env={**os.environ, "PATH": os.pathsep.join(folders)},
        capture_output=True,
        check=True,
    )
    found = [
        (tuple(map(int, python["version"].split("."))), python["path"])
        for python in json.loads(listed.stdout)
        if python["implementation"] == "cpython"
        and python["variant"] == "default"
        and python["version"].replace(".", "").isdecimal()
    ]
    return sorted((version, path) for version, path in found if version >= _NEEDED)


def other(uv: str, which: str) -> Path | None:
    """Return the oldest or newest one, where that is older or newer than this one."""
    here = sys.version_info[:3]
    if which == "oldest":
        return next((Path(path) for version, path in others(uv) if version < here), None)
    return next((Path(path) for version, path in reversed(others(uv)) if version[:2] > here[:2]), None)


if __name__ == "__main__":
    print(other(*sys.argv[1:]) or "")  # noqa: T201 - its output

"""Print the path of the machine's newest Python, or nothing where that is not newer than this one.

`uv` looks on PATH and among its own; what pyenv has installed is only found when its folders are named.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def newest(uv: str) -> Path | None:
    """Return the newest released CPython with the usual threads that runs here, if it is newer than this one."""
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
    version, path = max(found, default=((0,), ""))
    return Path(path) if version[:2] > sys.version_info[:2] else None


if __name__ == "__main__":
    print(newest(sys.argv[1]) or "")  # noqa: T201 - its output

"""Real servers by Go modules, built once a machine into the user's cache folder, outside of the checkout."""

import os
import shutil
import subprocess
from pathlib import Path


def cache() -> Path:
    """Return the folder for what is built once a machine."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tidings"


def missing(binary: Path) -> str:
    """Return what keeps a server from being built here, empty where it was built already or can be."""
    return "" if binary.exists() or shutil.which("go") else "Go is not on this machine"


def go(*words: str, folder: Path) -> str:
    """Run Go in a folder and return what it says. Raises subprocess.CalledProcessError; its own words are on stderr."""
    # Idle priority: minutes of compiling must not disturb what else is measured or tested on the machine.
    idle = ["chrt", "-i", "0"] if shutil.which("chrt") else []
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [*idle, "go", *words], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, check=True
    )
    return done.stdout

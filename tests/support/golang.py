"""Real servers by Go modules, built once a machine into the user's cache folder, outside of the checkout."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
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


def built(target: Path, make: Callable[[Path, Path], None]) -> Path:
    """Return a server's path. Where it is not there yet `make` builds it, in an empty folder, into a file of that.

    Raises subprocess.CalledProcessError where Go could not fetch or compile it; Go's own words are on stderr.
    """
    if target.exists():
        return target
    folder = cache() / f"{target.name}-build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = folder / "made"
    make(folder, made)
    made.replace(target)
    shutil.rmtree(folder)
    return target


def command(target: Path, build: Callable[[], Path], minutes: int) -> None:
    """Build a server as a command does, with a word before what takes long."""
    if why := missing(target):
        sys.exit(f"{why}: {target.name} cannot be built.")
    begun = time.monotonic()
    if not target.exists():
        print(f"Building {target.name}, once for this machine; it takes some {minutes} minutes ...", flush=True)  # noqa: T201
    print(f"{build()} ({time.monotonic() - begun:.0f} s)")  # noqa: T201 - a command line

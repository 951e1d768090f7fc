"""What func's builders do with this checkout, step by step and without func: the scaffolding, and what is installed.

func writes a project `service` to .func/build, whose link `f` leads to the function, and has pip install it there. Here
uv does what pip would, from its cache. The steps are those of shared/reference/knative.md, 1.3.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.containerfile import context
from tests.support.functions import environment
from tests.support.hosts import SERVICE, Process, listening

CONSTRAINTS = "requirements/constraints.txt"
S2I_HOME = "opt/app-root/src"
_UV = Path(sys.executable).with_name("uv")
SCAFFOLDING = """\
[project]
name = "service"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["func-python==0.8.1", "function @ {root:uri}/f"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.metadata]
allow-direct-references = true
"""


@dataclass(frozen=True)
class Built:
    """What a builder made: the packages that it installed, and how the image runs it."""

    packages: Path
    command: tuple[str, ...]
    cwd: Path
    env: dict[str, str]

    @contextmanager
    def running(self, function: str, log: Path) -> Iterator[Process]:
        """Run one function of the image until the context ends."""
        own = {"FUNCTION_TARGET": function, "LISTEN_ADDRESS": "127.0.0.1:0", **self.env}
        with log.open("wb") as output:
            process = subprocess.Popen(self.command, cwd=self.cwd, env=environment(own), stdout=output, stderr=output)
            try:
                yield listening("func", process, log)
            finally:
                process.terminate()
                process.wait(30)


def s2i(folder: Path) -> Built:
    """Build as s2i does: all is moved to the image's home, and installed into the image's environment."""
    home = context(folder / S2I_HOME, ".funcignore")
    build = _scaffold(home)
    image = folder / "opt" / "app-root"
    subprocess.run([_UV, "venv", "-q", "--allow-existing", "-p", sys.executable, image], check=True, timeout=60)
    _install(build, home, "-p", str(image / "bin" / "python"))
    start = home / "app.sh"
    start.write_text("#!/bin/bash\nset -e\nexec python .func/build/service/main.py\n", encoding="utf-8")
    start.chmod(0o755)
    path = {"PATH": f"{image / 'bin'}:{os.environ['PATH']}"}
    (packages,) = image.glob("lib/python3.*/site-packages")
    return Built(packages, ("./app.sh",), home, path)


def host(folder: Path) -> Built:
    """Build as the host builder does: installed into a folder, which is a layer beside one of the checkout itself."""
    root = context(folder / "func", ".funcignore")
    build = _scaffold(root)
    _install(build, root, "-p", sys.executable, "--target", "lib")
    # The image's Python has no packages of its own.
    subprocess.run([_UV, "venv", "-q", "-p", sys.executable, folder / "usr"], check=True, timeout=60)
    command = (str(folder / "usr" / "bin" / "python"), str(build / "service" / "main.py"))
    return Built(build / "lib", command, folder, {"PYTHONPATH": str(build / "lib")})


def _scaffold(root: Path) -> Path:
    build = root / ".func" / "build"
    (build / "service").mkdir(parents=True)
    (build / "pyproject.toml").write_text(SCAFFOLDING, encoding="utf-8")
    (build / "service" / "__init__.py").touch()
    (build / "service" / "main.py").write_text(SERVICE, encoding="utf-8")
    (build / "f").symlink_to(Path("..", ".."))
    return build


def _install(build: Path, root: Path, *where: str) -> None:
    """Install the scaffolding. pip takes its constraints for what it builds with, too, up to 25.2."""
    constraints = str(root / CONSTRAINTS)
    env = {**os.environ, "UV_CONSTRAINT": constraints, "UV_BUILD_CONSTRAINT": constraints, "UV_OFFLINE": "1"}
    command = [_UV, "pip", "install", "-q", *where, "--compile-bytecode", "."]
    ended = subprocess.run(command, cwd=build, env=env, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode:
        raise RuntimeError(f"the builder's install ended with {ended.returncode}: {ended.stderr}")

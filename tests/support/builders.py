"""What func's builders do with this checkout, step by step and without func: the scaffolding, and what is installed.

func writes a project `service` to .func/build, whose link `f` leads to the function, and has pip install it there. Here
uv does what pip would, from its cache. The steps are those of shared/reference/knative.md, 1.3; for pack also those of
func's pkg/buildpacks/scaffolder.go and of the buildpack paketo-buildpacks/pip-install.
"""

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.containerfile import context
from tests.support.functions import environment
from tests.support.hosts import SERVICE, Process, listening
from tests.support.servers import ROOT

CONSTRAINTS = "requirements/constraints.txt"
S2I_HOME = "opt/app-root/src"
# What func's own buildpack, the first of all, leaves where it is.
_STAYS = {"fn", ".func", ".git", ".gitignore", "func.yaml"}
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


def build_envs() -> dict[str, str]:
    """Return the variables that func gives to s2i and to pack alike."""
    import yaml  # not with the module: a test of what a start loads comes by here

    build = yaml.safe_load((ROOT / "func.yaml").read_text(encoding="utf-8"))["build"]
    return {one["name"]: one["value"] for one in build["buildEnvs"]}


def pip_options(home: Path) -> list[str]:
    """Return what the file of PIP_CONFIG_FILE tells pip where s2i has put the checkout to `home`."""
    config = configparser.ConfigParser()
    config.read_string(_moved(build_envs()["PIP_CONFIG_FILE"], home).read_text(encoding="utf-8"))
    return [
        word
        for option, value in config["install"].items()
        for word in ({"constraint": "-c", "requirement": "-r"}[option], str(_moved(value, home)))
    ]


def _moved(path: str, home: Path) -> Path:
    return home / Path(path).relative_to(f"/{S2I_HOME}")


def s2i(folder: Path) -> Built:
    """Build as s2i does: all is moved to the image's home, and installed into the image's environment."""
    home = context(folder / S2I_HOME, ".funcignore")
    build = _scaffold(home)
    image = folder / "opt" / "app-root"
    subprocess.run([_UV, "venv", "-q", "--allow-existing", "-p", sys.executable, image], check=True, timeout=60)
    _install(build, home, *pip_options(home), "-p", str(image / "bin" / "python"), ".")
    start = home / "app.sh"
    start.write_text("#!/bin/bash\nset -e\nexec python .func/build/service/main.py\n", encoding="utf-8")
    start.chmod(0o755)
    path = {"PATH": f"{image / 'bin'}:{os.environ['PATH']}"}
    (packages,) = image.glob("lib/python3.*/site-packages")
    return Built(packages, ("./app.sh",), home, path)


def host(folder: Path) -> Built:
    """Build as the host builder does, with PIP_CONSTRAINT: into a folder, a layer beside one of the checkout itself."""
    root = context(folder / "func", ".funcignore")
    build = _scaffold(root)
    _install(build, root, "-c", str(root / CONSTRAINTS), "-p", sys.executable, "--target", "lib", ".")
    command = (_bare_python(folder / "usr"), str(build / "service" / "main.py"))
    return Built(build / "lib", command, folder, {"PYTHONPATH": str(build / "lib")})


def pack(folder: Path) -> Built:
    """Build as pack's buildpacks do. Raises RuntimeError where they would not choose pip."""
    workspace = context(folder / "workspace", ".funcignore")
    build = _scaffold(workspace)
    requirement = build_envs()["BP_PIP_REQUIREMENT"]
    if not (workspace / requirement).is_file():
        raise RuntimeError(f"the buildpacks choose Poetry, for {requirement} is not in the checkout")
    _move_to_fn(workspace, build)
    layer = folder / "layers" / "packages"
    # `pip install --user`, with the layer as PYTHONUSERBASE.
    _install(workspace, workspace / "fn", "-p", sys.executable, "--prefix", str(layer), "-r", requirement)
    (packages,) = layer.glob("lib/python3.*/site-packages")
    command = (_bare_python(folder / "layers" / "cpython"), "-m", "service.main")
    return Built(packages, command, workspace, {"PYTHONPATH": str(packages)})


def _move_to_fn(workspace: Path, build: Path) -> None:
    """Do what func's own buildpack does: the checkout goes to fn, and the scaffolding to where it was."""
    (workspace / "fn").mkdir(exist_ok=True)
    for path in [path for path in workspace.iterdir() if path.name not in _STAYS]:
        path.rename(workspace / "fn" / path.name)
    for path in list(build.iterdir()):
        path.rename(workspace / path.name)
    shutil.rmtree(workspace / ".func")
    (workspace / "f").unlink()
    (workspace / "f").symlink_to("fn")


def _bare_python(folder: Path) -> str:
    """Return the image's Python, which has no packages of its own."""
    subprocess.run([_UV, "venv", "-q", "-p", sys.executable, folder], check=True, timeout=60)
    return str(folder / "bin" / "python")


def _scaffold(root: Path) -> Path:
    build = root / ".func" / "build"
    (build / "service").mkdir(parents=True)
    (build / "pyproject.toml").write_text(SCAFFOLDING, encoding="utf-8")
    (build / "service" / "__init__.py").touch()
    (build / "service" / "main.py").write_text(SERVICE, encoding="utf-8")
    (build / "f").symlink_to(Path("..", ".."))
    return build


def _install(cwd: Path, root: Path, *words: str) -> None:
    """Install what pip is told to. It takes its constraints for what it builds with, too, up to 25.2."""
    env = {**os.environ, "UV_BUILD_CONSTRAINT": str(root / CONSTRAINTS), "UV_OFFLINE": "1"}
    command = [_UV, "pip", "install", "-q", "--compile-bytecode", *words]
    ended = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode:
        raise RuntimeError(f"the builder's install ended with {ended.returncode}: {ended.stderr}")

"""The steps of a Containerfile without a container runtime: a folder stands for the file system of the stage at hand.

What runs is what the Containerfile says, with three differences: paths of the image are paths in the folder; what
microdnf installs, Python 3.11, is the one of this machine; and the network is not asked, for uv, which `make` installed
from the same locked file, takes all that is locked from its cache.
"""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pathspec
from dockerfile_parse import DockerfileParser

from tests.support.servers import ROOT

CONTAINERFILE = ROOT / "Containerfile"
_OF_THE_IMAGE = re.compile(r"(?<![\w./-])/(?=(?:opt|src)\b)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_DNF = re.compile(r"microdnf install -y [-\w= ]*?(?P<packages>python3\.11) && microdnf clean all")
_UV = "/opt/build/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/uv.txt"
_CACHE = ("UV_NO_CACHE",)
_SECONDS = 300


@dataclass(frozen=True)
class Stage:
    """A stage as far as it was built: its variables, and what runs in it."""

    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    command: tuple[str, ...] = ()


def instructions(file: Path = CONTAINERFILE) -> list[tuple[str, str]]:
    """Return the instructions, each with its words on one line."""
    parser = DockerfileParser(fileobj=io.BytesIO(file.read_bytes()))
    return [(one["instruction"], one["value"]) for one in parser.structure if one["instruction"] != "COMMENT"]


def context(folder: Path, ignorefile: str = ".dockerignore") -> Path:
    """Copy to a folder what a builder is given of this checkout, by its file of what to ignore; return the folder."""
    lines = (ROOT / ignorefile).read_text(encoding="utf-8").splitlines()
    ignored = pathspec.PathSpec.from_lines("gitignore", lines)
    for here, folders, files in os.walk(ROOT):
        place = Path(here).relative_to(ROOT)
        # What lies hidden at the top is left out whole and need not be walked: .venv has ten thousand files.
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not ignored.match_file((place / name).as_posix()):
                (folder / place).mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(here, name), folder / place / name)
    return folder


class Emulated:
    """The build of an image in a folder; `root` is the file system of the stage that was built last."""

    def __init__(self, folder: Path, arguments: dict[str, str]) -> None:
        self.root = folder / "root"
        self._context = context(folder / "context")
        self._stages = folder / "stages"
        self._tools = folder / "tools"
        self._arguments = arguments
        self._names: dict[str, Stage] = {}
        self._stages.mkdir()
        self._tools.mkdir()
        base = Path(sys.base_prefix, "bin", "python3.11")
        (self._tools / "python3.11").symlink_to(base)

    def build(self) -> Stage:
        """Run all steps and return the last stage. Raises ValueError for what this cannot do."""
        stage, name, globals_ = Stage(), "", {}
        for instruction, value in instructions():
            if instruction == "FROM":
                self._keep(name, stage)
                origin, _, name = (self._filled(value, globals_) + " AS ").partition(" AS ")
                name = name.removesuffix(" AS ").strip()
                stage = self._begin(origin.strip())
            elif instruction == "ARG" and not self._names and not name:
                key, _, default = value.partition("=")
                globals_[key] = self._arguments.get(key, default)
            elif instruction == "ARG":
                stage = replace(stage, env={**stage.env, value: globals_[value]})
            else:
                stage = self._step(stage, instruction, self._filled(value, stage.env))
        return stage

    def inside(self, text: str) -> str:
        """Return a text with paths of the image as those of the folder."""
        return _OF_THE_IMAGE.sub(f"{self.root}/", text)

    def _begin(self, origin: str) -> Stage:
        shutil.rmtree(self.root, ignore_errors=True)
        if origin in self._names:
            shutil.copytree(self._stages / origin, self.root, symlinks=True, copy_function=os.link)
            return self._names[origin]
        self.root.mkdir(parents=True)
        return Stage()

    def _keep(self, name: str, stage: Stage) -> None:
        if name:
            self._names[name] = stage
            self.root.rename(self._stages / name)

    def _step(self, stage: Stage, instruction: str, value: str) -> Stage:
        match instruction:
            case "RUN":
                self._run(stage, value)
            case "COPY":
                self._copy(stage, shlex.split(value))
            case "ENV":
                return replace(stage, env={**stage.env, **dict(one.split("=", 1) for one in shlex.split(value))})
            case "WORKDIR":
                Path(self.inside(value)).mkdir(parents=True, exist_ok=True)
                return replace(stage, workdir=value)
            case "USER":
                return replace(stage, user=value)
            case "CMD":
                return replace(stage, command=tuple(json.loads(value)))
            case "EXPOSE":
                pass
            case _:
                raise ValueError(f"the emulation knows no {instruction}")
        return stage

    def _run(self, stage: Stage, command: str) -> None:
        if _DNF.fullmatch(command):
            return
        uv = Path(sys.executable).with_name("uv")
        command = self.inside(command.replace(_UV, f"ln -s {uv} /opt/build/bin/uv"))
        env = {name: value for name, value in self.environment(stage).items() if name not in _CACHE}
        ended = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=self.inside(stage.workdir),
            env={**env, "UV_OFFLINE": "1", "UV_LINK_MODE": "copy"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if ended.returncode:
            raise ValueError(f"{command} ended with {ended.returncode}: {ended.stdout}{ended.stderr}")

    def environment(self, stage: Stage) -> dict[str, str]:
        """Return the variables of a process in the image, its paths those of the folder."""
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "UV_CACHE_DIR"}}
        own = {name: self.inside(value) if name == "PATH" else value for name, value in stage.env.items()}
        path = f"{own.get('PATH', '').split(':')[0]}:{self._tools}:{os.environ['PATH']}"
        return {**kept, **own, "PATH": path.removeprefix(":")}

    def _copy(self, stage: Stage, words: list[str]) -> None:
        source, target = self._context, Path(self.inside(stage.workdir), self.inside(words[-1]))
        names = words[:-1]
        if names[0].startswith("--from="):
            source = self._stages / names.pop(0).removeprefix("--from=")
        for name in names:
            found = source / name.removeprefix("/")
            if found.is_dir():
                shutil.copytree(found, target, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, target / found.name)

    def _filled(self, value: str, variables: dict[str, str]) -> str:
        return _VARIABLE.sub(lambda found: variables[found[1]], value)

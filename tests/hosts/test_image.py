"""The image that the Containerfile describes, built without a container runtime, and what runs in it."""

import hashlib
import json
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import could_not_run
from tests.support.containerfile import Emulated, Stage, context, instructions
from tests.support.functions import environment
from tests.support.host_requests import BINARY, EVENT, post
from tests.support.hosts import Process, ask, listening
from tests.support.locked import installed, locked

MEGABYTE = 1_000_000
AS_OPENSHIFT = ("unshare", "--user", "--map-user=1000680000", "--map-group=0")
KINDS = ("runtime", "full", "framework")


class Image:
    """One kind of the image: its file system in a folder, and what its last stage says."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.built = kind, Emulated(folder, {"LOCK": kind})
        self.stage: Stage = self.built.build()
        self.layer = self.built.root / "opt" / "tidings"
        (self.packages,) = self.layer.glob("lib/python3.*/site-packages")

    def files(self) -> dict[str, Path]:
        """Return the files by their path in the image, links left out."""
        found = (path for path in sorted(self.built.root.rglob("*")) if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.built.root)): path for path in found}

    def digests(self) -> dict[str, str]:
        """Return a digest of each file."""
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in self.files().items()}

    @contextmanager
    def running(self, settings: Mapping[str, str], log: Path) -> Iterator[Process]:
        """Run what the image runs, as OpenShift does: a number that nobody knows, group 0, nothing to write to."""
        env = environment({**self.built.environment(self.stage), "LOG_LEVEL": "info", "PORT": "0", **settings})
        program, *words = self.stage.command
        command = [*AS_OPENSHIFT, str(self.layer / "bin" / program), *words]
        with log.open("wb") as output, self._read_only():
            process = subprocess.Popen(
                command, cwd=self.built.inside(self.stage.workdir), env=env, stdout=output, stderr=output
            )
            try:
                yield listening(self.kind, process, log)
            finally:
                process.terminate()
                process.wait(30)

    @contextmanager
    def _read_only(self) -> Iterator[None]:
        folders = [path for path in self.built.root.rglob("*") if path.is_dir() and not path.is_symlink()]
        for folder in folders:
            folder.chmod(0o555)
        try:
            yield
        finally:
            for folder in folders:
                folder.chmod(0o755)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    return {kind: Image(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_holds_what_is_locked_and_tidings_and_nothing_else(kind: str, images: dict[str, Image]) -> None:
    image = images[kind]
    assert installed(image.packages) == {**locked(f"{kind}.txt"), "function": "0.1.0"}
    assert [path.name for path in image.built.root.iterdir()] == ["opt"]
    assert [path.name for path in (image.built.root / "opt").iterdir()] == ["tidings"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_answers_an_event_for_a_user_whom_nobody_knows(
    kind: str, images: dict[str, Image], tmp_path: Path
) -> None:
    if subprocess.run([*AS_OPENSHIFT, "true"], capture_output=True, check=False).returncode:
        could_not_run("this machine lets nobody be another user", "allow user namespaces (unshare --user)")
    settings = {"FUNCTION_TARGET": "classifier", "HOST": "127.0.0.1", "HOME": "/", "GUNICORN_LOG_LEVEL": "info"}
    with images[kind].running(settings, tmp_path / "log") as process:
        assert process.send(ask("/health/readiness")).status == 200
        answer = process.send(post(BINARY, json.dumps(EVENT).encode()))
    assert answer.status == 200
    assert b"dev.tidings.infrastructure.v1" in answer.body + str(answer.headers).encode()


def test_the_python_layer_of_a_functions_image_is_below_60_megabytes(images: dict[str, Image]) -> None:
    assert sum(path.stat().st_size for path in images["runtime"].files().values()) <= 60 * MEGABYTE


@pytest.mark.parametrize("ignorefile", [".dockerignore", ".funcignore"])
def test_what_a_builder_is_given_is_below_5_megabytes(ignorefile: str, tmp_path: Path) -> None:
    given = [path for path in context(tmp_path / "given", ignorefile).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in given) <= 5 * MEGABYTE
    assert not [path for path in given if path.suffix == ".pyc" or path.name == ".env"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_module_has_byte_code_that_no_start_compares_with_its_source(kind: str, images: dict[str, Image]) -> None:
    modules = [path for path in images[kind].packages.rglob("*.py") if path.parent.name.isidentifier()]
    missing = []
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-311.pyc"
        if not compiled.is_file() or compiled.read_bytes()[4:8] != b"\x01\0\0\0":
            missing.append(module)
    assert len(modules) > 500
    assert missing == []


def test_everything_may_be_read_and_nothing_must_be_written(images: dict[str, Image]) -> None:
    for image in images.values():
        closed = [name for name, path in image.files().items() if not path.stat().st_mode & stat.S_IROTH]
        assert closed == []


def test_two_builds_are_the_same_byte_for_byte(images: dict[str, Image]) -> None:
    first = images["runtime"].digests()
    # In the same place: its path is in scripts and in byte code, as that of an image is.
    folder = images["runtime"].built.root.parent
    shutil.rmtree(folder)
    folder.mkdir()
    images["runtime"] = Image("runtime", folder)
    again = images["runtime"].digests()
    assert {name for name in first.keys() | again.keys() if first.get(name) != again.get(name)} == set()


def test_the_command_line_of_the_full_image_works(images: dict[str, Image]) -> None:
    image = images["full"]
    for command in (["tidings", "--help"], ["publish", "--help"], ["python", "-m", "shared.local.standins", "--help"]):
        ended = subprocess.run(
            [str(image.layer / "bin" / command[0]), *command[1:]],
            env=image.built.environment(image.stage),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stderr.decode()


def test_an_image_that_was_told_no_function_says_so(images: dict[str, Image]) -> None:
    image = images["runtime"]
    ended = subprocess.run(
        [str(image.layer / "bin" / "tidings"), "serve"],
        env=environment(image.built.environment(image.stage)),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert b"FUNCTION_TARGET" in ended.stderr


def test_the_containerfile_asks_for_no_root_and_takes_nothing_without_its_hash() -> None:
    steps = instructions()
    assert [value for instruction, value in steps if instruction == "USER"] == ["1001:0"]
    assert "ADD" not in {instruction for instruction, _ in steps}
    installs = [part for _, value in steps for part in value.split("&&") if "pip install" in part]
    assert len(installs) == 4
    assert all("--require-hashes" in part or "--no-deps --no-index" in part for part in installs)
    assert {value.split(" AS ")[0] for instruction, value in steps if instruction == "FROM"} == {
        "${BASE}",
        "${LOCK}",
        "python",
        "layer",
    }
    bases = [value for instruction, value in steps if instruction == "ARG" and value.startswith("BASE=")]
    assert len(bases) == 1
    assert bases[0].rpartition("/")[2].startswith("ubi-minimal:9.")

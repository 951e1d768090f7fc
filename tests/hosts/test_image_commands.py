"""What manifests run by its name, in an environment with what the image of `kn func build` has, and nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, could_not_run
from tests.support.builders import pip_options
from tests.support.functions import environment

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
FILES = sorted(path for path in (ROOT / "knative").glob("**/*.yaml") if path.name != "kustomization.yaml")


def commands() -> Iterator[str]:
    """Yield each command of a container as far as its first option: program, function or group, and what of it."""
    for path in FILES:
        for item in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            spec = item.get("spec", {}) if isinstance(item.get("spec"), dict) else {}
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            for container in spec.get("template", {}).get("spec", {}).get("containers", []):
                words = container.get("command", [])
                if words[:1] in (["tidings"], ["publish"]):
                    yield " ".join(word for word in words if not word.startswith("-"))


COMMANDS = sorted(set(commands()))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the programs of an environment as pip makes it there."""
    folder = tmp_path_factory.mktemp("image")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("function-*.whl")
    subprocess.run([UV, "venv", "-q", "-p", sys.executable, str(folder / "venv")], check=True, timeout=60)
    install = [UV, "pip", "install", "-q", "--offline", "-p", str(folder / "venv" / "bin" / "python"), str(wheel)]
    ended = subprocess.run([*install, *pip_options(ROOT)], capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode != 0:
        could_not_run(f"uv has not all of that in its cache: {ended.stderr[-200:]}", "make hosts")
    return folder / "venv" / "bin"


def test_jobs_and_deployments_run_commands() -> None:
    assert {"publish", "tidings archive export", "tidings archive seal", "tidings bus apply"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_image_has_every_command_that_a_manifest_runs(command: str, image: Path) -> None:
    program, *words = command.split()
    ended = subprocess.run(
        [str(image / program), *words, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment({"PATH": os.environ["PATH"]}),
        cwd=image,
    )
    assert ended.returncode == 0, ended.stderr
    assert "usage" in ended.stdout.lower()


def test_the_image_has_what_the_settings_of_components_load(image: Path) -> None:
    """AUTH=oidc, seals, and the buses that `archive` may be told of."""
    loaded = "import aio_pika, aiokafka, cryptography, jwt, nats"
    ended = subprocess.run([str(image / "python"), "-c", loaded], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr

"""func's builders on this checkout: what they install is what is locked, and it answers an event."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.runtime.registry import FUNCTIONS
from tests.support.builders import Built, build_envs, host, pack, s2i
from tests.support.host_requests import BINARY, EVENT, post
from tests.support.hosts import ask, python_of
from tests.support.locked import installed, locked

BUILDERS: dict[str, Callable[[Path], Built]] = {"s2i": s2i, "host": host, "pack": pack}
# Besides the function: func's own project, which pack runs without installing it, and what func.yaml asks for.
SERVICE = {"service": "0.1.0"}
BESIDES = {"s2i": {**SERVICE, **locked("func.txt")}, "host": SERVICE, "pack": locked("func.txt")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    python_of("knfunc")  # with it func-python came to the cache
    return {name: build(tmp_path_factory.mktemp(name)) for name, build in BUILDERS.items()}


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_builder_installs_what_is_locked_and_nothing_else(builder: str, built: dict[str, Built]) -> None:
    assert installed(built[builder].packages) == {**locked("knfunc.txt"), **BESIDES[builder], "function": "0.1.0"}


@pytest.mark.parametrize("builder", BUILDERS)
def test_what_a_builder_made_answers_an_event(builder: str, built: dict[str, Built], tmp_path: Path) -> None:
    with built[builder].running("classifier", tmp_path / "log") as process:
        assert process.send(ask("/health/readiness")).status == 200
        answer = process.send(post(BINARY, json.dumps(EVENT).encode()))
    assert answer.status == 200
    assert b"dev.tidings.infrastructure.v1" in answer.body + str(answer.headers).encode()


@pytest.mark.parametrize("builder", BUILDERS)
def test_what_a_builder_made_has_every_function_with_its_rules_compiled(builder: str, built: dict[str, Built]) -> None:
    functions = built[builder].packages / "functions"
    assert {path.parent.name for path in functions.glob("*/handler.py")} == set(FUNCTIONS)
    assert (functions / "classifier" / "_compiled.bin").is_file()


@pytest.mark.parametrize(("variable", "code"), [("PIP_CONFIG_FILE", 0), ("PIP_CONSTRAINT", 1)])
def test_pip_goes_on_without_its_file_of_options_and_not_without_constraints(variable: str, code: int) -> None:
    """func.yaml's variables are for s2i and pack alike, and pack has nothing where s2i puts the checkout."""
    missing = build_envs()["PIP_CONFIG_FILE"]
    assert not Path(missing).exists()
    command = [sys.executable, "-m", "pip", "install", "--no-index", "pip"]
    ended = subprocess.run(command, env={**os.environ, variable: missing}, capture_output=True, timeout=60, check=False)
    assert ended.returncode == code, ended.stderr


def test_the_constraints_leave_to_func_what_differs_with_its_version() -> None:
    assert {"func-python", "cloudevents"}.isdisjoint(locked("constraints.txt"))
    assert locked("knfunc.txt").keys() - locked("constraints.txt").keys() == {"func-python", "cloudevents"}


def test_the_python_layer_that_func_makes_is_below_60_megabytes(built: dict[str, Built]) -> None:
    packages = (path for path in built["host"].packages.rglob("*") if path.is_file())
    assert sum(path.stat().st_size for path in packages) <= 60_000_000

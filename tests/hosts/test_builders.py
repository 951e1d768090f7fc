"""func's builders on this checkout: what they install is what is locked, and it answers an event."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from shared.runtime.registry import FUNCTIONS
from tests.support.builders import CONSTRAINTS, S2I_HOME, SCAFFOLDING, Built, host, s2i
from tests.support.host_requests import BINARY, EVENT, post
from tests.support.hosts import ask, python_of
from tests.support.locked import installed, locked
from tests.support.servers import ROOT

BUILDERS: dict[str, Callable[[Path], Built]] = {"s2i": s2i, "host": host}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    python_of("knfunc")  # with it func-python came to the cache
    return {name: build(tmp_path_factory.mktemp(name)) for name, build in BUILDERS.items()}


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_builder_installs_what_is_locked_and_nothing_else(builder: str, built: dict[str, Built]) -> None:
    assert installed(built[builder].packages) == {**locked("knfunc.txt"), "function": "0.1.0", "service": "0.1.0"}


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


def test_the_constraints_are_where_func_yaml_tells_s2i_that_they_are(built: dict[str, Built]) -> None:
    assert f"value: /{S2I_HOME}/{CONSTRAINTS}\n" in (ROOT / "func.yaml").read_text(encoding="utf-8")
    assert (built["s2i"].cwd / CONSTRAINTS).is_file()


def test_the_constraints_leave_to_func_what_differs_with_its_version() -> None:
    assert {"func-python", "cloudevents"}.isdisjoint(locked("constraints.txt"))
    assert locked("knfunc.txt").keys() - locked("constraints.txt").keys() == {"func-python", "cloudevents"}


def test_pack_installs_nothing_as_the_page_says() -> None:
    """Its Poetry refuses a project that does not run on each Python that the scaffolding allows (tried with 2.5.1)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    scaffolding = tomllib.loads(SCAFFOLDING)["project"]
    assert "3.10" in SpecifierSet(scaffolding["requires-python"])
    assert "3.10" not in SpecifierSet(project["requires-python"])
    assert "| `pack` | nothing: " in (ROOT / "docs" / "deploy" / "kn-func.md").read_text(encoding="utf-8")


def test_the_python_layer_that_func_makes_is_below_60_megabytes(built: dict[str, Built]) -> None:
    packages = (path for path in built["host"].packages.rglob("*") if path.is_file())
    assert sum(path.stat().st_size for path in packages) <= 60_000_000

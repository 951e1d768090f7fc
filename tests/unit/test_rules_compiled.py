"""Compiled packs: the same rules, only when fresh, and without YAML on the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.rules import compiled, shipped
from shared.rules.shipped import RulesError, load_shipped
from shared.start.compiled import write

PACK = """\
pack: demo
description: d
defaults: {category: infrastructure, subcategory: pod, severity: low}
rules:
  - {name: one, match: {reason: A, count: {gt: 2.5}, message: {any: [{prefix: a}, {not: [b, c]}]}}}
"""
OWN = PACK.replace("demo", "own").replace("name: one", "name: two").replace("reason: A", "reason: B")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "function" / "rules"
    made.mkdir(parents=True)
    (made / "demo.yaml").write_text(PACK, encoding="utf-8")
    return made


def no_yaml(_folder: Path) -> None:
    raise AssertionError("the packs were parsed again")


def test_compiled_rules_are_the_rules(folder: Path) -> None:
    parsed = shipped.parse_folder(folder)
    file = folder.parent / compiled.FILE
    file.write_bytes(shipped.compile_folder(folder))
    assert compiled.load(file, folder) == parsed


def test_a_checkout_parses_once_and_then_loads_the_compiled_form(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_shipped(folder=folder)
    monkeypatch.setattr(shipped, "parse_folder", no_yaml)
    assert load_shipped(folder=folder).rules == first.rules


def test_a_changed_pack_makes_the_compiled_form_stale(folder: Path) -> None:
    load_shipped(folder=folder)
    (folder / "demo.yaml").write_text(PACK.replace("name: one", "name: three"), encoding="utf-8")
    assert [rule.name for rule in load_shipped(folder=folder).rules] == ["three"]


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xe9\x03\x00"])
def test_a_damaged_compiled_form_is_made_anew(folder: Path, damage: bytes) -> None:
    (folder.parent / compiled.FILE).write_bytes(damage)
    assert len(load_shipped(folder=folder)) == 1


def test_a_folder_that_cannot_be_written_does_no_harm(folder: Path) -> None:
    assert not write(folder / "missing" / compiled.FILE, b"x")
    assert list(folder.parent.glob("*.bin*")) == []


def test_own_packs_stand_above_the_shipped_ones(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "own.yaml").write_text(OWN, encoding="utf-8")
    ruleset = load_shipped(own, folder=folder)
    assert [(rule.name, rule.own) for rule in ruleset.rules] == [("two", True), ("one", False)]


def test_broken_packs_and_a_missing_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.yaml").write_text("pack: bad", encoding="utf-8")
    with pytest.raises(RulesError) as caught:
        load_shipped(folder=folder)
    assert {Path(problem.file).name for problem in caught.value.problems} == {"bad.yaml"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(RulesError, match="no rule packs"):
        load_shipped(folder=tmp_path / "empty")
    with pytest.raises(RulesError, match="no such file or folder"):
        load_shipped(folder=tmp_path / "none" / "rules")


def test_a_start_with_compiled_rules_imports_nothing_heavy(root: Path) -> None:
    """The compiled path needs no YAML, no checks, and none of what only other functions or the command line use."""
    code = (
        "import sys\n"
        "from functions.classifier.handler import new\n"
        "from shared.telemetry.metrics import Metrics\n"
        "from shared.rules import compiled, shipped\n"
        "import asyncio\n"
        "compiled.load = lambda *_: []\n"
        "function = new({}, Metrics())\n"
        "asyncio.run(function.start())\n"
        "assert function.readiness().ready\n"
        "print(*sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(ran.stdout.split())
    heavy = {"yaml", "rich", "typer", "httpx2", "jinja2", "prometheus_client", "kubernetes", "sqlite3"}
    assert not loaded & heavy
    assert not loaded & {"shared.rules.model", "shared.rules.loader", "shared.rules.validation", "shared.cli"}

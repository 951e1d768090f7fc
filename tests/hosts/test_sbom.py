"""`make sbom`: what an image is made of, and that all of it may be used by everybody."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.hosts import python_of
from tests.support.locked import locked, plain
from tests.support.servers import ROOT

LOCKS = ("full", "framework", "knfunc")  # runtime is a part of each
PERMISSIVE = {
    "0BSD",
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC License (ISCL)",
    "MIT",
    "MIT License",
    "MIT-0",
    "PSF-2.0",
}
EXCEPTIONS = {
    # It binds who changes the files under it, and we change none: the wheel is used as it comes.
    "orjson": {"MPL-2.0"},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    for host in ("sbom", *LOCKS):
        python_of(host)
    for lock in LOCKS:
        command = ["/usr/bin/make", "-s", "sbom", f"LOCK={lock}", f"SBOM={folder}"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


def components(folder: Path, lock: str) -> list[dict[str, Any]]:
    found = json.loads((folder / f"{lock}.cdx.json").read_text(encoding="utf-8"))
    assert (found["bomFormat"], found["metadata"]["component"]["name"]) == ("CycloneDX", "function")
    return list(found["components"])


@pytest.mark.parametrize("lock", LOCKS)
def test_the_list_has_what_is_locked_each_with_its_licence_and_its_place_in_the_index(lock: str, written: Path) -> None:
    found = components(written, lock)
    assert {plain(one["name"]): one["version"] for one in found} == locked(f"{lock}.txt")
    assert [one["name"] for one in found if not one.get("licenses")] == []
    assert [one["name"] for one in found if not one["purl"].startswith("pkg:pypi/")] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_that_runs_is_under_a_permissive_licence_or_has_a_reason(lock: str, written: Path) -> None:
    lines = (written / f"{lock}-licences.md").read_text(encoding="utf-8").splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    licences = {plain(name): _parts(licence) for name, _, licence, _ in cells}
    assert licences.keys() == locked(f"{lock}.txt").keys()
    refused = {name: parts - PERMISSIVE - EXCEPTIONS.get(name, set()) for name, parts in licences.items()}
    assert {name: parts for name, parts in refused.items() if parts} == {}


def test_no_exception_is_kept_that_nothing_needs() -> None:
    assert EXCEPTIONS.keys() <= locked("full.txt").keys()


def _parts(licence: str) -> set[str]:
    """Return the licences of an expression. Where one may choose, each must do: nobody here chooses."""
    if " AND " in licence or " OR " in licence:
        licence = licence.replace("(", "").replace(")", "")
    return set(re.split(r" AND | OR |; ", licence))

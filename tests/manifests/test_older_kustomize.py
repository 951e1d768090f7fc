"""What kustomize of older kubectls reads otherwise than the one of the tests, and is therefore not written.

Compared by hand were 4.5.7, as old as OpenShift 4.12, 5.5.0 (kubectl 1.32) and 5.8.1 (kubectl 1.37): all the same.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.kustomize import KNATIVE

_ALONE = re.compile(r"^\$patch: delete$", re.MULTILINE)
_FILES = re.compile(r"<<'END'\n(.*?)\nEND$", re.MULTILINE | re.DOTALL)
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *KNATIVE.glob("**/*.md")])


def selected(file: Path) -> Iterator[Any]:
    """Yield the members of each `select` and `reject` of a kustomization's replacements."""
    for one in yaml.safe_load(file.read_text(encoding="utf-8")).get("replacements", ()):
        for target in one["targets"]:
            for selector in (target["select"], *target.get("reject", ())):
                yield from selector.values()


def test_what_a_replacement_selects_is_named_whole() -> None:
    """Up to 5.5 a pattern there is a name that nothing has, so that nothing is replaced, in silence."""
    names = [name for file in KNATIVE.glob("**/kustomization.yaml") for name in selected(file)]
    assert len(names) > 80
    assert [name for name in names if not re.fullmatch(r"[\w.-]+", name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_file_of_a_page_deletes_two_things_at_once(page: Path) -> None:
    """At 5.5 the second `$patch: delete` of one file is a panic."""
    files = _FILES.findall(page.read_text(encoding="utf-8"))
    assert [file for file in files if len(_ALONE.findall(file)) > 1] == []

"""The hosts that all tests here share: each function is started in all of them once."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.hosts import HOSTS, Process, hosting_all, new_library, python_of


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the installed wheel and the scaffolding; without the environments nothing here can run."""
    for host in HOSTS:
        python_of(host)
    return new_library(tmp_path_factory.mktemp("hosts"))


@pytest.fixture(scope="session")
def classifier(folder: Path) -> Iterator[dict[str, Process]]:
    """Return the classifier in every host."""
    with ExitStack() as stack:
        yield stack.enter_context(hosting_all("classifier", folder, {host: {"CLUSTER": "prod"} for host in HOSTS}))

"""Real servers for the tests of this folder, each started once: slower than the fast tiers, and fetched first."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import could_not_run
from tests.support.opensearch.fetch import fetched, missing
from tests.support.opensearch.server import OpenSearch, running


@pytest.fixture(scope="session")
def opensearch() -> Iterator[OpenSearch]:
    """Return an OpenSearch that runs."""
    why = missing()
    if why:
        could_not_run(why, "install Java 17 and Maven")
    try:
        fetched()
    except subprocess.CalledProcessError as error:
        could_not_run(f"Maven could not fetch OpenSearch: {error.output[-300:]}", "let Maven reach its repository")
    with running() as server:
        yield server

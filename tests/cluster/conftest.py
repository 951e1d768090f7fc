"""One real API server for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.conftest import could_not_run
from tests.support.apiserver.admin import Admin
from tests.support.apiserver.server import ApiServer, missing, running


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Return an API server that runs; a test that kills it starts it again."""
    why = missing()
    if why:
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    with running(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture(scope="session")
def admin(cluster: ApiServer) -> Admin:
    """Return the kubernetes package's client with all rights: whatever it sees is the truth."""
    return Admin(cluster)

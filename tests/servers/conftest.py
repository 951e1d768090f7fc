"""Real servers for the tests of this folder, each started once: slower than the fast tiers, and fetched first."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from shared.bus.registry import BUSES
from tests.conftest import could_not_run
from tests.support.buses.registry import RIGS
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


def _bus_rig(name: str) -> Any:
    @pytest.fixture(scope="session", name=f"rig_{name}")
    def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        with RIGS[name](tmp_path_factory.mktemp(name)) as running_rig:
            yield running_rig

    return rig


rig_embedded, rig_nats, rig_kafka, rig_rabbitmq = map(_bus_rig, ("embedded", "nats", "kafka", "rabbitmq"))


@pytest.fixture(params=list(BUSES))
def rig(request: pytest.FixtureRequest) -> Any:
    """Return the rig of each bus, its server started once a session."""
    return request.getfixturevalue(f"rig_{request.param}")


@pytest.fixture(params=[name for name in BUSES if name != "embedded"])
def server(request: pytest.FixtureRequest) -> Any:
    """Return the rig of each bus that is a server of its own."""
    return request.getfixturevalue(f"rig_{request.param}")

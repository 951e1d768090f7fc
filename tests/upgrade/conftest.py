"""What these tests share: the release before, a policy that both releases know, and an instance that outlives both."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import COULD_NOT_RUN
from tests.support.releases import Release, unpacked
from tests.support.servers import Standin, standin

_POLICY = "defaults: {group_wait: 0s, group_interval: 0s, repeat_interval: 0s, flap: off, ticket_limit: off}\n"
_NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return the release before this one."""
    found = unpacked(tmp_path_factory.mktemp("before"))
    if found is None:
        # No failure, whatever is required: a source archive has no history, and a shallow clone is what CI often has.
        pytest.skip(
            f"{COULD_NOT_RUN}the release before is not in this checkout; to enable: git fetch --unshallow --tags"
        )
    return found


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Standin]:
    """Run a stand-in of ServiceNow."""
    with standin("servicenow", tmp_path / "servicenow.db") as running:
        yield running


@pytest.fixture(scope="session")
def away(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return settings of all functions, but for the store's, with an instance that is away."""
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(_POLICY)
    return {
        "SERVICENOW_INSTANCE": _NOWHERE, "SERVICENOW_USERNAME": "tidings", "SERVICENOW_PASSWORD": "tidings",
        "CORRELATOR_POLICY": str(policy), "FIRST_CONTACT": "ticket",
    }  # fmt: skip


@pytest.fixture
def settings(away: Mapping[str, str], instance: Standin) -> Mapping[str, str]:
    """Return the same with an instance that is there."""
    return {**away, "SERVICENOW_INSTANCE": instance.url}

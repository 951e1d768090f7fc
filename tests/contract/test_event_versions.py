"""A type of ours in another version is refused by every function, before it is looked at."""

import asyncio

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Rejected
from shared.events.versions import REFUSED, is_unread
from shared.local.broker.event_kinds import kinds
from shared.runtime.edge import Edge, status_of
from shared.runtime.registry import FUNCTIONS, load
from shared.telemetry.metrics import Metrics
from tests.contract.test_serve import SETTINGS
from tests.support.records import classified
from tests.support.tickets import episode

KEEPS = "archive"
"""It keeps what it does not read (tests/contract/test_archive.py)."""
PAYLOADS = {
    "dev.tidings.infrastructure.v2": classified().model_dump(mode="json"),
    "dev.tidings.observed.v2": classified().observation.model_dump(mode="json"),
    "dev.tidings.problem.opened.v2": episode().model_dump(mode="json"),
    "dev.tidings.change.started.v10": {},
    "dev.tidings.delivery.v0": {},
    "dev.tidings.tick.v2": None,
    "dev.tidings.security": classified().model_dump(mode="json"),
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {KEEPS}))
def test_another_version_is_refused_though_its_data_would_fit(name: str) -> None:
    async def work() -> None:
        edge = Edge(load(name, SETTINGS[name], Metrics()), Metrics())
        for number, (kind, data) in enumerate(PAYLOADS.items()):
            result = await edge.dispatch(CloudEvent(str(number), "s", kind, data=data))
            assert (result.outcome, result.reply) == (REFUSED, None), kind

    asyncio.run(work())


def test_what_is_refused_is_a_dead_letter_at_once_that_says_why() -> None:
    assert isinstance(REFUSED, Rejected)
    status, headers, _ = status_of(REFUSED)
    assert status == 422
    assert dict(headers) == {"kne-stage": "decode", "kne-reason": REFUSED.reason}


def test_every_type_that_this_release_knows_is_one_that_it_reads() -> None:
    assert [kind.type for kind in kinds() if is_unread(kind.type)] == []

"""A replica is killed with an event in its hands: the embedded broker sends it again, to the one that comes after."""

import asyncio
from pathlib import Path

from shared.events.cloudevent import CloudEvent, type_of_transition
from shared.local.broker.broker import Broker
from shared.local.broker.delivery_spec import DeliverySpec
from shared.local.broker.http_caller import HttpCaller
from shared.local.broker.records import TriggerStatus
from shared.local.broker.topology import Topology
from shared.stores.registry import sqlite_url
from shared.telemetry.metrics import Metrics
from tests.support.brokers import trigger
from tests.support.functions import serving
from tests.support.incidents import instance
from tests.support.steps import Replica, claim_of, problem, replica, until
from tests.support.steps_function import BEFORE_CLAIM

EAGER = DeliverySpec(retry=1000, backoff_policy="linear", backoff_delay=0.05, dead_letter_sink="KafkaSink/letters")
ONE = problem("f01-broker")
EVENT = CloudEvent(ONE.id, "tidings/correlator", type_of_transition("opened"), data=ONE.model_dump(mode="json"))


async def hand_over(folder: Path, first: Replica, settings: dict[str, str]) -> TriggerStatus:
    """Let the broker send the event to a replica that is killed and followed by another; return how it ended."""
    caller = HttpCaller(first.served.url, 20.0, 8, Metrics())
    topology = Topology(triggers=(trigger("tickets", EVENT.type, EAGER),))
    broker = Broker(topology, {"tickets": caller}, folder / "broker.db", Metrics())
    await broker.start()
    try:
        assert await broker.publish(EVENT)
        await asyncio.to_thread(until, lambda: first.reached(ONE))
        first.kill()
        port = first.served.url.rpartition(":")[2]
        with serving("servicenow-incident", folder / "second.log", settings, ["--port", port]):
            assert await broker.idle(15)
        (status,) = broker.status()
        return status
    finally:
        await broker.stop()
        await caller.close()


def test_f01_what_a_replica_was_killed_with_before_its_claim_is_redelivered_by_the_broker(tmp_path: Path) -> None:
    """F01: SIGKILL before claim | redelivered; one ticket."""
    store = tmp_path / "store.db"
    settings = {"SERVICENOW_USERNAME": "tidings", "SERVICENOW_PASSWORD": "tidings", "STORE_URL": sqlite_url(store)}
    with instance() as sn, replica(tmp_path / "first", store, sn.url, 20.0, {ONE.id: BEFORE_CLAIM}) as first:
        status = asyncio.run(hand_over(tmp_path, first, {**settings, "SERVICENOW_INSTANCE": sn.url}))
        assert status.retried >= 1, "the connection broke, and it was sent again"
        assert (status.delivered, status.dead, status.lost) == (1, 0, 0)
        claim = claim_of(store, ONE)
        assert claim is not None
        assert claim.token == 1, "the dead one had claimed nothing"
        assert len(sn.incidents()) == len(sn.active()) == 1

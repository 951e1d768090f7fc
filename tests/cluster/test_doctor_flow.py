"""`tidings doctor --kubeconfig`: does a probe get through the broker, and what lies in the dead letters."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from shared.bus.registry import open_bus
from shared.bus.topology import LETTERS, wanted
from shared.events.cloudevent import CloudEvent
from tests.conftest import could_not_run
from tests.support.apiserver.flowing import READY, Installed, account, installed_in, make_ready, own_address
from tests.support.apiserver.server import missing


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Installed]:
    if why := missing():
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    if own_address().startswith("127."):
        could_not_run("this machine has no address but the loopback's", "a network interface")
    with installed_in(tmp_path_factory.mktemp("flow"), shared_data / "data" / "crds") as found:
        yield found


def test_a_probe_that_comes_to_the_function_is_told(installed: Installed) -> None:
    ((state, finding),) = installed.doctor("events", "--probe", "20")
    assert (state, finding.rpartition(" in ")[0]) == ("good", "a probe came to correlator"), finding
    assert installed.plane.paths == ["/tidings/tidings"]
    (line,) = [one for one in installed.plane.function.lines() if one["message"] == "a probe arrived"]
    assert line["function"] == "correlator"


def test_a_probe_that_is_swallowed_is_told_with_where_to_look(installed: Installed) -> None:
    installed.plane.status = 204  # takes it, and hands it to nobody
    try:
        ((state, finding),) = installed.doctor("events", "--probe", "1")
    finally:
        installed.plane.status = 202
    assert state == "bad"
    assert finding.startswith("the broker took a probe that did not come to correlator in 1 s: look at their Triggers")


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "wants a token"), (403, "services/proxy"), (404, "does not know the broker"), (503, "look at its pods")],
)
def test_a_broker_that_does_not_take_a_probe_is_told_with_why(installed: Installed, status: int, said: str) -> None:
    installed.plane.status = status
    try:
        ((state, finding),) = installed.doctor("events")
    finally:
        installed.plane.status = 202
    assert state == "bad"
    assert said in finding


def test_no_probe_is_sent_where_none_is_wanted_or_the_broker_is_not_ready(installed: Installed) -> None:
    before = len(installed.plane.paths)
    assert installed.doctor("events", "--probe", "0") == [["unseen", "no probe was asked for"]]
    broken = {**READY, "status": "False", "reason": "TopicNotPresent"}
    installed.status("brokers", "tidings", {"conditions": [broken]})
    try:
        assert installed.doctor("events") == [["unseen", "not tried: the Broker is not as it should be"]]
        assert installed.doctor("Broker") == [["bad", "tidings is not ready: TopicNotPresent"]]
    finally:
        make_ready(installed)
    assert len(installed.plane.paths) == before


def test_a_teams_trigger_that_does_not_resolve_is_told_although_it_is_in_no_file(installed: Installed) -> None:
    names = {"name": "teams", "namespace": "tidings"}
    subscriber = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "gone"}}
    spec = {"broker": "tidings", "subscriber": subscriber}
    installed.applier.apply(
        {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": names, "spec": spec}
    )
    failed = {**READY, "status": "False", "reason": "SubscriberResolveFailed"}
    installed.status("triggers", "teams", {"conditions": [failed]})
    told = installed.doctor("Trigger", "--probe", "0")
    assert ["bad", "teams is not ready: SubscriberResolveFailed (it is in no file)"] in told
    installed.status("triggers", "teams", {"conditions": [READY]})
    assert {state for state, _ in installed.doctor("Trigger", "--probe", "0")} == {"good"}


def test_dead_letters_are_counted_on_the_bus_that_is_named(installed: Installed, tmp_path: Path) -> None:
    ask = partial(installed.doctor, "dead letters", "--probe", "0")
    ((state, finding),) = ask()
    assert (state, "tidings-dead-letters" in finding, "BUS" in finding) == ("unseen", True, True)
    environ = {"BUS": "embedded", "EMBEDDED_BUS": str(tmp_path / "bus.db")}
    assert ask(**environ)[0][0] == "bad", "there is no such topic yet"

    async def publish(*events: CloudEvent) -> None:
        bus = open_bus("embedded", environ)
        await bus.ensure(next(row for row in wanted(1) if row.name == LETTERS))
        for event in events:
            await bus.publish(LETTERS, event)
        await bus.close()

    asyncio.run(publish())
    assert ask(**environ) == [["good", "none in dead-letters"]]
    asyncio.run(publish(CloudEvent("1", "test", "dev.tidings.unread.v1")))
    assert ask(**environ) == [["bad", "1 event in dead-letters: mend the cause, then tidings replay them"]]


def test_who_may_only_read_is_told_which_right_a_probe_needs(installed: Installed) -> None:
    config = account(installed, "reader", ["get", "list"])
    told = installed.doctor("events", config=config)
    assert told[0][0] == "bad"
    assert "the right to create services/proxy in the broker's namespace is missing" in told[0][1]
    assert {state for state, _ in installed.doctor("Trigger", config=config)} == {"good"}


def test_who_may_send_and_not_look_for_it_is_told_so(installed: Installed) -> None:
    config = account(installed, "sender", ["get", "list", "create"], besides=["pods/log"])
    assert installed.doctor("events", config=config) == [
        ["bad", "it was sent, and nobody could look for it: the right to get pods/log is missing"]
    ]

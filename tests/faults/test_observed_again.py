"""What a cluster says again, late or fifty times, on its way through the functions to the ticket and to the SIEM."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from functions.classifier.handler import new as new_classifier
from functions.siem_forwarder.handler import new as new_forwarder
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.codec import encode_binary
from shared.events.outcome import Done, Duplicate, Ignored, Outcome
from shared.local.standins import splunk
from shared.runtime.function import Call, Function
from shared.telemetry.metrics import Metrics
from tests.support.correlator import Rig
from tests.support.functions import Served, serving
from tests.support.incidents import Delivering, Instance, instance
from tests.support.servers import serve

NOW = datetime.now(UTC).replace(microsecond=0)
PACK = """\
pack: own
description: own
defaults: {category: infrastructure, subcategory: workload, severity: high}
rules:
  - {name: widget, match: {kind: Widget}, condition: widget-changed, ended_by: [], expires: 1h}
"""


def widget(version: str) -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "shop", "uid": "u-1", "resourceVersion": version}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}


def back_off(count: int, seconds: float) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "shop", "uid": "e-1", "resourceVersion": str(100 + count)},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web"},
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "type": "Warning",
        "count": count,
        "lastTimestamp": (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": {"component": "kubelet", "host": "worker-3"},
    }


def sent(number: int | str, data: dict[str, Any], verb: str = "update", seconds: float = 0.0) -> CloudEvent:
    """Return what ApiServerSource posts, `seconds` from now by its clock."""
    return CloudEvent(
        id=str(number),
        source=f"https://10.0.0.{len(str(number))}:443",
        type=f"dev.knative.apiserver.resource.{verb}",
        time=NOW + timedelta(seconds=seconds),
        data=data,
    )


class Way:
    """All functions in the order of the Triggers, on stand-ins; each `feed` is one event from a source."""

    def __init__(self, classifier: Function, rig: Rig, ticket: Delivering, forwarders: tuple[Function, ...]) -> None:
        self.classifier = classifier
        self.rig = rig
        self.ticket = ticket
        self.forwarders = cycle(forwarders)  # replicas: what one has sent, the next does not know

    async def feed(self, event: CloudEvent) -> dict[str, Outcome]:
        """Return what each function answered."""
        call = Call(asyncio.get_running_loop().time() + 10)
        verdict = (await self.classifier.handle(event, call)).reply
        assert verdict is not None
        kept = await self.rig.function.handle(verdict, call)
        answers = {"siem": (await next(self.forwarders).handle(verdict, call)).outcome, "correlator": kept.outcome}
        episodes = [*self.rig.sink.events, *([kept.reply] if kept.reply is not None else [])]
        self.rig.sink.events.clear()
        for episode in episodes:
            answers["ticket"] = (await self.ticket.function.handle(episode, call)).outcome
        return answers


def play(sn: Instance, siem: splunk.Splunk, rules: Path | None, main: Callable[[Way], Awaitable[None]]) -> None:
    """Run a scenario with all functions started."""

    async def run(ticket: Delivering, url: str) -> None:
        environ = {"CLUSTER": "prod"} | ({"CLASSIFIER_RULES": str(rules)} if rules is not None else {})
        classifier = new_classifier(environ, Metrics())
        collector = {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token"}
        forwarders = (new_forwarder(collector, Metrics()), new_forwarder(collector, Metrics()))
        rig = Rig()
        for function in (classifier, *forwarders, rig.function):
            await function.start()
        try:
            await main(Way(classifier, rig, ticket, forwarders))
        finally:
            for function in (classifier, *forwarders, rig.function):
                await function.stop()

    with serve(siem) as url:
        sn.play(lambda ticket: run(ticket, url))


def test_f22_the_same_change_under_a_new_id_is_one_ticket_and_one_identity_everywhere(tmp_path: Path) -> None:
    """F22: same object change with new CE id (source restart/HA) | same identity → Duplicate."""
    (tmp_path / "own.yaml").write_text(PACK, encoding="utf-8")
    siem = splunk.new_app()

    async def main(way: Way) -> None:
        call = Call(0.0)
        again = (sent("b-2-of-another-replica", widget("7"), "add"), sent(3, widget("7"), "update", 30))
        first = sent(1, widget("7"))
        assert await way.feed(first) == {"siem": Done(), "correlator": Done(), "ticket": Done()}
        replies = [(await way.classifier.handle(event, call)).reply for event in (first, *again)]
        assert len({reply.id for reply in replies if reply is not None}) == 1, "the same identity"
        for event in again:
            answers = await way.feed(event)
            assert answers["correlator"] == Duplicate()
            assert answers["ticket"] == Duplicate()
        sent_on = siem.event_ids()
        assert len(sent_on) > 1, "each replica sent a copy"
        assert len(set(sent_on)) == 1, "copies at the SIEM carry one event_id"
        assert (await way.feed(sent(4, widget("8"))))["correlator"] != Duplicate(), "a change is none"
        assert len(set(siem.event_ids())) == 2

    with instance() as sn:
        play(sn, siem, tmp_path, main)
        assert len(sn.incidents()) == 1
    siem.close()


def test_f22_an_event_that_is_listed_again_under_a_new_id_is_a_duplicate_too() -> None:
    """F22: same object change with new CE id (source restart/HA) | same identity → Duplicate."""
    siem = splunk.new_app()

    async def main(way: Way) -> None:
        first = await way.feed(sent(1, back_off(3, 0)))
        assert first == {"siem": Done(), "correlator": Done(), "ticket": Done()}
        again = await way.feed(sent("b-2-of-another-replica", back_off(3, 0), "add", 30))
        assert (again["correlator"], again["ticket"]) == (Duplicate(), Duplicate())
        assert len(set(siem.event_ids())) == 1, "the same identity"

    with instance() as sn:
        play(sn, siem, None, main)
        assert len(sn.incidents()) == 1
    siem.close()


def test_f24_what_is_deleted_before_it_is_added_leaves_no_ticket_open() -> None:
    """F24: delete before add | closes/ignores, no crash."""
    siem = splunk.new_app()
    names = {"name": "web", "namespace": "shop", "uid": "p-1"}

    async def main(way: Way) -> None:
        for number, (verb, version, seconds) in enumerate((("delete", "9", 60), ("add", "7", 5))):
            data = {"apiVersion": "v1", "kind": "Pod", "metadata": {**names, "resourceVersion": version}}
            assert isinstance((await way.feed(sent(number, data, verb, seconds)))["correlator"], Ignored)
        assert sn.incidents() == [], "ignored"
        await way.feed(sent("late", back_off(3, 10), seconds=10))
        tick = CloudEvent("t", "tick", TICK, time=NOW + timedelta(seconds=700))
        assert (await way.rig.function.handle(tick, Call(asyncio.get_running_loop().time() + 10))).outcome == Done()
        for episode in way.rig.sink.events:
            await way.ticket.function.handle(episode, Call(asyncio.get_running_loop().time() + 10))
        assert sn.active() == [], "closed"

    with instance() as sn:
        play(sn, siem, None, main)
        assert [row["state"] for row in sn.incidents()] == ["6"]
    siem.close()


def test_f24_over_http_a_delete_that_comes_first_is_answered_and_the_next_one_too(tmp_path: Path) -> None:
    """F24: delete before add | closes/ignores, no crash."""

    def reply_of(served: Served, event: CloudEvent) -> tuple[dict[str, str], bytes]:
        headers, body = encode_binary(event)
        status, answered, reply = served.request("POST", "/", dict(headers), body)
        assert status == 200
        return {"content-type": answered["content-type"]}, reply

    deleted = sent(1, widget("9"), "delete", 60)
    added = sent(2, widget("7"), "add", 5)
    with (
        serving("classifier", tmp_path / "c.log", {"CLUSTER": "prod"}) as classifier,
        serving("correlator", tmp_path / "k.log", {"K_SINK": "http://127.0.0.1:9"}) as correlator,
    ):
        for event in (deleted, added):
            headers, body = reply_of(classifier, event)
            assert correlator.request("POST", "/", headers, body)[0] == 204, "ignored"
        for served in (classifier, correlator):
            assert served.request("GET", "/health")[0] == 200
            assert served.terminate() == 0
            assert {line["level"] for line in served.lines()} <= {"info", "warning"}


def test_f25_a_count_from_1_to_50_is_one_incident_with_few_notes() -> None:
    """F25: Event series count 1→50 | updates one ticket, no 50 tickets."""
    siem = splunk.new_app()

    async def main(way: Way) -> None:
        for count in range(1, 51):
            answers = await way.feed(sent(count, back_off(count, count), "add" if count == 1 else "update", count))
            assert answers["correlator"] == Done()

    with instance() as sn:
        play(sn, siem, None, main)
        (row,) = sn.incidents()
        notes = sn.notes(row)
        assert notes == [], "nobody was told fifty times"
        assert "50" in row["description"], "it was updated all the same"
    assert len(set(siem.event_ids())) == 50, "the SIEM has each of them"
    siem.close()

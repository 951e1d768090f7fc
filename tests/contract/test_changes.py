"""The function `changes` behind its edge: what it says of a version, and of what is none."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from functions.changes.handler import new
from shared.changes import authors
from shared.changes.authors import Author
from shared.events.cloudevent import OBSERVED, CloudEvent
from shared.events.codec import decode
from shared.events.echo import VIA
from shared.events.model import Observation, observed_data
from shared.events.outcome import Done, Duplicate, Ignored, Rejected, Retry
from shared.local.broker.event_kinds import kinds
from shared.runtime.edge import Edge
from shared.settings.environment import SettingsError
from shared.sources.context import Context
from shared.sources.registry import decode_payload
from shared.stores.protocol import ABSENT
from shared.telemetry.metrics import Metrics
from tests.support.objects import NOW, STORED, Rig, node, observation, on, play, sent, thing, web
from tests.support.rollouts import MOVES, deployment


@STORED
def test_a_change_is_told_and_an_update_that_changes_nothing_ends_here(name: str, tmp_path: Path) -> None:
    async def work(rig: Rig) -> None:
        added = await rig.send(web(1), "add")
        assert added.outcome == Done()
        assert observation(added).message == "Deployment/shop/web was added by kubectl-scale"
        same = await rig.send(web(2, readyReplicas=3))
        assert (same.outcome, same.reply) == (Ignored("nothing that matters changed"), None)
        assert rig.dropped("no_change") == 1
        changed = await rig.send(web(3, 5))
        assert observation(changed).message == ("Deployment/shop/web was changed by kubectl-scale: spec.replicas 3 → 5")
        assert rig.sink.events == []

    on(name, tmp_path, work)


def test_the_reply_is_an_event_that_filters_and_traces_can_use() -> None:
    async def work(rig: Rig) -> None:
        trace = f"00-{'a' * 32}-{'b' * 16}-01"
        reply = (await rig.edge.dispatch(sent(web(1), "add", traceparent=trace))).reply
        assert reply is not None
        assert (reply.type, reply.subject) == ("dev.tidings.observed.v1", "Deployment/shop/web")
        assert reply.id == f"{reply.data['identity']}.observed"
        wanted = {"cluster": "c", "kind": "Deployment", "namespace": "shop", "name": "web", "tidingsvia": "changes"}
        assert wanted.items() <= reply.extensions.items()
        assert reply.extensions["traceparent"].split("-")[1] == "a" * 32
        known = next(one.free for one in kinds() if (one.type, one.name) == (OBSERVED, "changes"))
        assert reply.extensions.keys() - known == {VIA}
        assert Observation.model_validate_json(json.dumps(reply.data)).model_dump(mode="json") == reply.data

    play(work)


def test_a_condition_that_began_while_nobody_watched_is_told_when_the_object_is_added_anew() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(node(1, "True"), "add")
        began = observation(await rig.send(node(9, "False"), "add"))
        assert (began.reason, rig.sink.events) == ("NodeNotReady", [])

    play(work)


def test_a_condition_that_begins_alone_is_the_reply_with_the_identity_of_its_version() -> None:
    async def work(rig: Rig) -> None:
        first = observation(await rig.send(node(1, "True"), "add"))
        began = observation(await rig.send(node(2, "Unknown")))
        assert (began.reason, began.type, rig.sink.events) == ("NodeNotReady", "Warning", [])
        ended = observation(await rig.send(node(3, "True")))
        assert (ended.reason, ended.type) == ("NodeReady", "Normal")
        assert len({first.identity, began.identity, ended.identity}) == 3

    play(work)


@STORED
def test_a_condition_that_begins_with_a_change_goes_to_the_broker_and_the_change_is_the_reply(
    name: str, tmp_path: Path
) -> None:
    async def work(rig: Rig) -> None:
        await rig.send(node(1, "True"), "add")
        for outcome in (Done(), Duplicate()):
            changed = await rig.send(node(2, "False", unschedulable=True))
            assert changed.outcome == outcome
            assert observation(changed).message.endswith("spec.unschedulable added (true)")
        began, again = rig.sink.events
        assert began.data["reason"] == "NodeNotReady"
        assert (began.id, began.data) == (again.id, again.data)
        assert began.extensions["tidingsvia"] == "changes", "so that it is no echo, and none comes of it"

    on(name, tmp_path, work)


def test_what_the_broker_did_not_take_comes_again_with_the_next_try() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(node(1, "True"), "add")
        rig.sink.broken = True
        assert isinstance((await rig.send(node(2, "False", unschedulable=True))).outcome, Retry)
        rig.sink.broken = False
        again = await rig.send(node(2, "False", unschedulable=True))
        assert observation(again).message.endswith("spec.unschedulable added (true)")
        assert [event.data["reason"] for event in rig.sink.events] == ["NodeNotReady"]

    play(work)


def test_without_a_sink_it_is_not_ready_and_a_second_observation_waits() -> None:
    async def work(rig: Rig) -> None:
        function = new({}, rig.metrics, store=rig.store)
        assert [problem.partition(" ")[0] for problem in function.readiness().problems] == ["K_SINK"]
        edge = Edge(function, rig.metrics)
        assert (await edge.dispatch(sent(node(1, "True"), "add"))).outcome == Done()
        both = await edge.dispatch(sent(node(2, "False", unschedulable=True)))
        assert isinstance(both.outcome, Retry)
        assert observation(await rig.send(node(2, "False", unschedulable=True))).original["change"]["number"] == 1

    play(work)


def test_an_event_that_nobody_marked_as_one_is_passed_on_to_the_classifier() -> None:
    async def work(rig: Rig) -> None:
        involved = {"kind": "Pod", "namespace": "shop", "name": "web-0"}
        event = thing("Event", 1, {"uid": "e-1"}, involvedObject=involved, reason="BackOff", count=4)
        passed = await rig.send(event)
        seen = observation(passed)
        assert (passed.outcome, seen.dialect, seen.reason, seen.count) == (Done(), "kubernetes-event", "BackOff", 4)

    play(work)


def test_what_is_marked_as_an_event_is_passed_over_where_triggers_bring_it_to_the_classifier_as_well() -> None:
    event = thing("Event", 1, {"uid": "e-1"}, involvedObject={"kind": "Pod", "name": "web-0"}, reason="BackOff")

    async def skipping(rig: Rig) -> None:
        passed_over = await rig.edge.dispatch(sent(event, kind="Event"))
        assert (passed_over.reply, rig.sink.events, rig.dropped("not_ours")) == (None, [], 1)
        assert isinstance(passed_over.outcome, Ignored)
        assert observation(await rig.send(event)).dialect == "kubernetes-event", "nobody else takes what is not marked"
        assert observation(await rig.edge.dispatch(sent(event, kind=""))).reason == "BackOff"
        added = await rig.edge.dispatch(sent(web(1), "add", kind="Deployment"))
        assert observation(added).message.startswith("Deployment/shop/web was added")

    async def as_ever(rig: Rig) -> None:
        assert observation(await rig.edge.dispatch(sent(event, kind="Event"))).reason == "BackOff"

    play(skipping, CHANGES_SKIP_EVENTS="true")
    play(as_ever)


@pytest.mark.parametrize("data", [None, 7, "text", [], {}, {"kind": "Pod"}, {"kind": "Pod", "metadata": []}], ids=repr)
def test_what_is_no_object_is_rejected(data: object) -> None:
    async def work(rig: Rig) -> None:
        assert isinstance((await rig.send(data)).outcome, Rejected)

    play(work)


def test_what_is_none_of_its_business_is_ignored() -> None:
    async def work(rig: Rig) -> None:
        for kind in ("dev.tidings.observed.v1", "com.example.other"):
            event = CloudEvent("1", "s", kind, data=web(1))
            assert isinstance((await rig.edge.dispatch(event)).outcome, Ignored)
        assert rig.dropped("not_ours") == 2

    play(work)


def test_the_user_whom_audit_put_down_is_named() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(web(1, 3), "add")
        key = authors.key_of("c", "shop", "web", "2")
        await rig.store.put(key, authors.encode(Author("alice", "patch")), expected=ABSENT, ttl=authors.KEPT_SECONDS)
        assert " by alice with kubectl-scale: " in observation(await rig.send(web(2, 5))).message

    play(work)


def test_the_user_is_named_of_whom_the_audit_log_told_before() -> None:
    """As intake hands a record over; sent again it changes nothing, and a refused or mere read says nothing."""
    record = {
        "auditID": "a-1", "stage": "ResponseComplete", "verb": "patch", "user": {"username": "alice"},
        "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps"},
        "responseStatus": {"code": 200}, "responseObject": {"metadata": {"resourceVersion": "2"}},
    }  # fmt: skip

    def asked(**members: Any) -> CloudEvent:
        (seen,) = cast("list[Observation]", decode_payload({**record, **members}, Context("c", NOW)))
        return CloudEvent("1", "tidings/intake", OBSERVED, time=NOW, data=observed_data(seen))

    async def work(rig: Rig) -> None:
        await rig.send(web(1, 3), "add")
        assert isinstance((await rig.edge.dispatch(asked())).outcome, Done)
        assert isinstance((await rig.edge.dispatch(asked(user={"username": "eve"}))).outcome, Duplicate)
        assert " by alice with kubectl-scale: " in observation(await rig.send(web(2, 5))).message
        for says_nothing in ({"verb": "get"}, {"responseObject": None}, {"user": {}}):
            assert isinstance((await rig.edge.dispatch(asked(**says_nothing))).outcome, Ignored)

    play(work)


def test_a_change_in_a_window_is_planned() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(web(1, 3), "add")
        within = observation(await rig.send(web(2, 4), seconds=60))
        assert within.original["change"]["plan"] == "window Tue 10:00-11:00"
        assert not observation(await rig.send(web(3, 5), seconds=3600)).original["change"]["planned"]

    play(work, CHANGES_WINDOWS="Sat 22:00-02:00 Europe/Paris; Tue 10:00-11:00")


def test_a_window_that_cannot_be_read_stops_the_start_and_says_how_to_write_it() -> None:
    with pytest.raises(SettingsError, match="CHANGES_WINDOWS: 'Sat' is no change window: write it as Sat 22:00"):
        new({"CHANGES_WINDOWS": "Sat"}, Metrics())


IMAGE, WEB = "spec.template.spec.containers[web].image", "registry.example/web"
RECORDED = [
    ("add", "Node/worker-3 was added by OpenAPI-Generator"),
    ("update", None),
    ("update", "Kubelet stopped posting node status."),
    ("update", "kubelet is posting ready status"),
    ("add", "Deployment/shop/web was added by OpenAPI-Generator"),
    (
        "update",
        f"Deployment/shop/web was changed by OpenAPI-Generator: {IMAGE} {WEB}:1.0 → {WEB}:1.1",
    ),
    ("update", 'ReplicaSet "web-6c9" has timed out progressing.'),
    ("add", "Pod/shop/web-6c9-abcde was added by OpenAPI-Generator"),
    ("update", "Pod/shop/web-6c9-abcde was changed by OpenAPI-Generator (status): status.phase Pending → Running"),
    ("add", "PersistentVolumeClaim/shop/data-db-0 was added by OpenAPI-Generator"),
    (
        "update",
        "PersistentVolumeClaim/shop/data-db-0 was changed by OpenAPI-Generator (status): status.phase Pending → Lost",
    ),
    ("add", "Secret/shop/db was added by OpenAPI-Generator"),
    ("add", "ResourceQuota/shop/q was added by OpenAPI-Generator"),
    ("add", "NetworkPolicy/shop/default-deny was added by OpenAPI-Generator"),
    ("delete", "NetworkPolicy/shop/default-deny was deleted"),
    ("add", "ClusterRoleBinding/oops was added by OpenAPI-Generator"),
    (
        "update",
        "Pod/shop/web-6c9-abcde was changed: metadata.deletionTimestamp added (2026-11-23T20:08:33Z)",
    ),
    ("delete", "Pod/shop/web-6c9-abcde was deleted"),
    ("delete", "Deployment/shop/web was deleted"),
]


def test_what_a_real_source_sent_of_objects_is_told(shared_data: Path) -> None:
    async def work(rig: Rig) -> None:
        found: list[tuple[str, str | None]] = []
        path = shared_data / "data" / "recorded" / "apiserversource-resource.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines():
            recorded = json.loads(line)
            headers = {name.lower(): text for name, text in recorded["headers"].items()}
            body = recorded["body"] if isinstance(recorded["body"], str) else json.dumps(recorded["body"])
            event = decode(headers, body.encode())
            assert isinstance(event, CloudEvent)
            if event.extensions["kind"] != "Event":
                reply = (await rig.edge.dispatch(event)).reply
                told = None if reply is None else reply.data["message"]
                found.append((event.type.rpartition(".")[2], told))
                assert "hunter2" not in json.dumps([told, None if reply is None else reply.data])
        assert found == RECORDED
        assert [event.data["reason"] for event in rig.sink.events] == ["BackOff", "ContainerOOMKilled", "ClaimLost"]

    play(work)


@STORED
def test_the_end_of_a_roll_out_is_told_though_it_is_a_matter_of_the_status(name: str, tmp_path: Path) -> None:
    async def work(rig: Rig) -> None:
        for one in (deployment(1, "web:1"), deployment(2, "web:2", generation=2, behind=True)):
            assert (await rig.send(one)).outcome == Done()
        moves = await rig.send(deployment(3, "web:2", MOVES, 1, generation=2))
        assert moves.outcome == Ignored("nothing that matters changed"), "the template told that it began"
        over = await rig.send(deployment(4, "web:2", generation=2))
        assert observation(over).reason == "RolloutCompleted"
        assert observation(over).message == "The roll-out is complete: 3 of 3 are updated"
        again = await rig.send(deployment(4, "web:2", generation=2))
        assert (again.outcome, observation(again).identity) == (Duplicate(), observation(over).identity)

    on(name, tmp_path, work)

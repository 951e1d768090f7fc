"""The function `changes` behind its edge, on every store: once for each version, the same again, never an older one."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from functions.changes.handler import new
from shared.changes import authors
from shared.changes.authors import Author
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.codec import decode
from shared.events.model import Observation
from shared.events.outcome import Done, Duplicate, Ignored, Rejected, Retry
from shared.rules.classify import ENDS_ALL, classify
from shared.rules.shipped import load_shipped
from shared.runtime.edge import Edge
from shared.runtime.function import Result
from shared.settings.environment import SettingsError
from shared.stores.protocol import ABSENT, Entry, StoreUnavailableError
from shared.stores.registry import STORES, open_store
from shared.telemetry.metrics import Metrics
from tests.support.objects import NOW, Object, Rig, manager, observation, play, sent, thing

STORED = pytest.mark.parametrize("name", sorted(STORES))


def on(name: str, folder: Path, work: Callable[[Rig], Awaitable[None]], **environ: str) -> None:
    """Run a scenario with one function on a store of this kind."""

    async def inside() -> None:
        store = open_store(STORES[name].example(folder))
        try:
            await work(Rig(store, **environ))
        finally:
            await store.close()

    asyncio.run(inside())


def web(version: int, replicas: int = 3, **status: object) -> Object:
    fields = {"managedFields": [manager("kubectl-scale", "spec")]}
    return thing("Deployment", version, fields, spec={"replicas": replicas}, status=status)


def node(version: int, ready: str, **spec: object) -> Object:
    item = {"type": "Ready", "status": ready, "message": "so it is", "lastTransitionTime": "2026-11-24T10:00:00Z"}
    return thing("Node", version, {"namespace": ""}, spec=spec, status={"conditions": [item]})


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
        assert Observation.model_validate_json(json.dumps(reply.data)).model_dump(mode="json") == reply.data

    play(work)


@STORED
def test_f22_the_same_version_under_a_new_id_is_the_same_observation_again(name: str, tmp_path: Path) -> None:
    """F22: same object change with new CE id (source restart/HA): same identity → Duplicate."""

    async def work(rig: Rig) -> None:
        await rig.send(web(1), "add")
        first = await rig.send(web(2, 5), event_id="one")
        for verb in ("update", "add"):
            again = await rig.send(web(2, 5), verb, event_id="two")
            assert again.outcome == Duplicate()
            assert observation(again).identity == observation(first).identity
            assert observation(again).original["change"] == observation(first).original["change"]

    on(name, tmp_path, work)


@STORED
def test_f23_an_older_version_never_overwrites_a_newer_one(name: str, tmp_path: Path) -> None:
    """F23: updates out of order (rv 7 before rv 5).

    older update never overwrites newer; noted as work note or ignored.
    """

    async def work(rig: Rig) -> None:
        await rig.send(web(4, 1), "add")
        assert observation(await rig.send(web(7, 3))).message.endswith("spec.replicas 1 → 3")
        late = await rig.send(web(5, 2))
        assert (late.outcome, late.reply) == (Ignored("a newer version of it is known"), None)
        assert rig.dropped("out_of_order") == 1
        assert observation(await rig.send(web(10, 4))).message.endswith("spec.replicas 3 → 4"), "9 < 10 as numbers"

    on(name, tmp_path, work)


def test_f23_a_version_without_a_change_counts_as_the_newest_too() -> None:
    """F23: older update never overwrites newer: also where the newer one had nothing to tell."""

    async def work(rig: Rig) -> None:
        await rig.send(web(4, 3), "add")
        await rig.send(web(7, 3))
        assert isinstance((await rig.send(web(6, 9))).outcome, Ignored)
        assert isinstance((await rig.send(web(7, 3), event_id="again")).outcome, Ignored)
        assert rig.dropped("no_change") == 2

    play(work)


@STORED
def test_f24_a_deletion_before_its_object_is_told_and_the_object_is_not(name: str, tmp_path: Path) -> None:
    """F24: delete before add: closes/ignores, no crash."""

    async def work(rig: Rig) -> None:
        gone = observation(await rig.send(web(9), "delete"))
        assert (gone.operation, gone.dialect) == ("delete", "apiserver-resource")
        assert classify(gone, load_shipped(None)).ends == ENDS_ALL
        assert isinstance((await rig.send(web(8), "add")).outcome, Ignored)
        assert isinstance((await rig.send(web(9), "delete")).outcome, Duplicate)

    on(name, tmp_path, work)


def test_an_object_that_is_made_again_under_its_name_is_another_one() -> None:
    async def work(rig: Rig) -> None:
        named = {"uid": ""}
        await rig.send(thing("Widget", 5, named, spec={"a": 1}), "delete")
        again = await rig.send(thing("Widget", 9, named, spec={"a": 2}), "add", event_id="other")
        assert observation(again).operation == "add"
        other = thing("Widget", 11, {"uid": "other"}, spec={"a": 3})
        assert observation(await rig.send(other, "add", event_id="third")).operation == "add"

    play(work)


def test_what_a_watch_adds_anew_is_a_change_where_it_was_known() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(web(1, 3), "add")
        seen = observation(await rig.send(web(9, 5), "add"))
        assert (seen.operation, seen.message.rpartition(": ")[2]) == ("update", "spec.replicas 3 → 5")

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


class Broken:
    """A store that cannot be asked."""

    async def get(self, key: str) -> Entry | None:
        raise StoreUnavailableError(key)

    put = delete = scan = close = get


def test_f32_a_store_that_is_away_means_come_again_and_is_said_by_readiness() -> None:
    """F32: KV restart / partition / quorum lost: the correlator answers Retry; both recover by themselves."""

    async def work(rig: Rig) -> None:
        function = new({}, rig.metrics, store=Broken(), publisher=rig.sink)  # type: ignore[arg-type]
        await function.start()
        assert function.readiness().problems == ("the store cannot be asked",)
        rig.store, kept = Broken(), rig.store  # type: ignore[assignment]
        assert isinstance((await rig.build().dispatch(sent(web(1)))).outcome, Retry)
        rig.store = kept
        assert (await rig.build().dispatch(sent(web(1)))).outcome == Done()
        await function.stop()

    play(work)


@STORED
def test_f40_of_two_replicas_each_version_is_told_alike(name: str, tmp_path: Path) -> None:
    """F40: two replicas, same key, store CAS race: exactly one winner."""

    async def work(rig: Rig) -> None:
        await rig.send(web(1, 0), "add")
        replicas = [rig.build() for _ in range(4)]
        for version in range(2, 12):
            results = await asyncio.gather(*(one.dispatch(sent(web(version, version))) for one in replicas))
            assert sorted(type(result.outcome).__name__ for result in results) == ["Done", *["Duplicate"] * 3]
            assert len({observation(result).message for result in results}) == 1

    on(name, tmp_path, work)


@pytest.mark.parametrize("seed", range(20))
def test_f23_in_whatever_order_versions_come_the_last_one_is_what_is_known(seed: int) -> None:
    """F23: updates out of order: older update never overwrites newer. Each may come again at any time."""

    async def work(rig: Rig) -> None:
        chance = random.Random(seed)  # noqa: S311 - an order, no secret
        versions = [(version, chance.randrange(4)) for version in range(1, 9)]
        order = [*versions, *chance.sample(versions, 4)]
        chance.shuffle(order)
        for version, replicas in order:
            await rig.send(web(version, replicas))
        last = versions[-1][1]
        final = await rig.send(web(20, 100))
        assert observation(final).message.endswith(f"spec.replicas {last} → 100")

    play(work)


def certificate(version: int, days: float) -> Object:
    ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    return thing("Certificate", version, status={"notAfter": ends, "renewalTime": "2026-11-24T00:00:00Z"})


def secret(version: int, days: float) -> Object:
    ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    notes = {"auth.openshift.io/certificate-not-after": ends}
    return thing("Secret", version, {"annotations": notes}, type="kubernetes.io/tls", data={"tls.key": "aHVudGVyMg=="})


async def tick(rig: Rig, days: float) -> Result:
    return await rig.edge.dispatch(CloudEvent("t", "tick", TICK, time=NOW + timedelta(days=days)))


def reasons(rig: Rig) -> list[str]:
    return [event.data["reason"] for event in rig.sink.events]


@STORED
@pytest.mark.parametrize("made", [certificate, secret])
def test_a_certificate_that_nobody_renews_is_told_by_a_tick_once_and_its_renewal_ends_it(
    name: str, tmp_path: Path, made: Callable[[int, float], Object]
) -> None:
    async def work(rig: Rig) -> None:
        assert observation(await rig.send(made(1, 60), "add")).reason == ""
        for days in (1, 45.9, 46.1, 46.2):
            assert await tick(rig, days) == Result(Done())
            assert reasons(rig) == (["CertificateExpiresSoon"] if days > 46 else [])
        (event,) = rig.sink.events
        assert "aHVudGVyMg==" not in json.dumps(event.data)
        assert event.data["received"] == "2027-01-09T12:24:00Z"
        assert classify(Observation.model_validate(event.data), load_shipped(None)).phase == "problem"
        ended = await rig.send(made(2, 150), seconds=47 * 86_400)
        told = [*reasons(rig), observation(ended).reason]
        assert {"Issuing", "CertificateRenewed"} & set(told)
        await tick(rig, 200)
        assert reasons(rig).count("CertificateExpiresSoon") == 2, "the new one comes to its end, too"

    on(name, tmp_path, work)


def test_a_certificate_that_was_renewed_or_is_gone_is_not_told_of() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(certificate(1, 60), "add")
        await rig.send(certificate(2, 90))
        await rig.send(secret(1, 60), "add")
        await rig.send(secret(2, 60), "delete")
        await tick(rig, 50)
        assert reasons(rig) == []
        await tick(rig, 80)
        assert reasons(rig) == ["CertificateExpiresSoon"]
        assert [entry.key async for entry in rig.store.scan("expiry.")] == []

    play(work)


def test_a_certificate_that_the_broker_did_not_take_is_told_with_the_next_tick() -> None:
    async def work(rig: Rig) -> None:
        await rig.send(certificate(1, 60), "add")
        rig.sink.broken = True
        assert isinstance((await tick(rig, 47)).outcome, Retry)
        rig.sink.broken = False
        assert await tick(rig, 47.1) == Result(Done())
        assert reasons(rig) == ["CertificateExpiresSoon"]
        assert isinstance((await rig.edge.dispatch(CloudEvent("t", "tick", TICK))).outcome, Rejected)

    play(work)


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

"""`watch` and `reconcile` on a real API server: what only that can show."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.events.cloudevent import LISTED, CloudEvent
from shared.events.identity import object_identity
from shared.sources.registry import decode
from shared.stores.registry import sqlite_url
from tests.bench.processes import _status
from tests.support.apiserver.admin import Admin, at_once, patiently
from tests.support.apiserver.server import ApiServer
from tests.support.functions import serving
from tests.support.servers import serve
from tests.support.sinks import Sink
from tests.support.watching import Lab, until

TICK = {"ce-specversion": "1.0", "ce-id": "t", "ce-source": "test", "ce-type": "dev.tidings.tick.v1"}


def lab_on(cluster: ApiServer, folder: Path, kinds: str, **settings: str) -> Lab:
    lab = Lab(folder, cluster.url, kinds, **settings)
    lab.environment["KUBECONFIG"] = str(cluster.kubeconfig(f"{folder.name}.kubeconfig"))
    return lab


def seen(lab: Lab, namespace: str) -> Callable[[], list[tuple[str, str]]]:
    """Return what tells operation and name of what was told of a namespace."""

    def read() -> list[tuple[str, str]]:
        return [
            (event.type.rpartition(".")[2], event.extensions["name"])
            for event in lab.broker.events
            if event.extensions.get("namespace") == namespace
        ]

    return read


def test_an_object_and_an_event_arrive_as_the_oracle_has_them(cluster: ApiServer, admin: Admin, tmp_path: Path) -> None:
    space = admin.namespace("arrive")
    lab = lab_on(cluster, tmp_path, "v1/ConfigMap,v1/Event,v1/Node")
    told = seen(lab, space)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        made = await asyncio.to_thread(admin.config_map, space, "one", colour="red")
        await asyncio.to_thread(admin.event, space, "web.1")
        await until(lambda: len(told()) == 2)
        await watch.stop()
        event = next(event for event in lab.broker.events if event.extensions.get("name") == "one")
        assert event.data["metadata"]["uid"] == made.metadata.uid
        assert (event.data["kind"], event.data["apiVersion"], event.data["data"]) == (
            "ConfigMap",
            "v1",
            {"colour": "red"},
        )
        assert event.source == cluster.url
        assert event.time is not None
        (observation,) = decode(event, cluster="", now=event.time)  # type: ignore[misc]
        version = made.metadata.resource_version
        assert observation.identity == object_identity("lab", made.metadata.uid, version, deleted=False)

    asyncio.run(main())


def test_a_restart_of_the_api_server_loses_nothing(cluster: ApiServer, admin: Admin, tmp_path: Path) -> None:
    space = admin.namespace("restart")
    admin.config_map(space, "before")
    lab = lab_on(cluster, tmp_path, "v1/ConfigMap,v1/Event")
    told = seen(lab, space)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready and ("add", "before") in told())
        await asyncio.to_thread(cluster.kill)
        await until(lambda: not watch.readiness().ready, 30)
        assert "its API server cannot be reached" in watch.readiness().problems[0]
        await asyncio.to_thread(cluster.start)
        await asyncio.to_thread(patiently, lambda: admin.config_map(space, "after"))
        await asyncio.to_thread(patiently, lambda: admin.event(space, "after.1"))
        await asyncio.to_thread(admin.core.delete_namespaced_config_map, "before", space)
        expected = {("add", "after"), ("add", "after.1"), ("delete", "before")}
        await until(lambda: expected <= set(told()) and watch.readiness().ready, 60)
        await watch.stop()

    asyncio.run(main())


def test_after_a_compaction_what_changed_meanwhile_is_told(cluster: ApiServer, admin: Admin, tmp_path: Path) -> None:
    """Events are watched straight from etcd, objects from the server's cache, which a restart empties."""
    space = admin.namespace("compaction")
    admin.config_map(space, "stays")
    admin.config_map(space, "goes")
    lab = lab_on(cluster, tmp_path, "v1/ConfigMap,v1/Event", WATCH_SILENCE="30")
    told = seen(lab, space)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()
        relists = lab.metrics.total("tidings_source_relists_total", function="watch")
        assert relists == 0
        await asyncio.to_thread(admin.event, space, "meanwhile.1")
        await asyncio.to_thread(admin.core.delete_namespaced_config_map, "goes", space)
        last = await asyncio.to_thread(admin.config_map, space, "comes")
        await asyncio.to_thread(cluster.compact, int(last.metadata.resource_version))
        await asyncio.to_thread(cluster.kill)
        await asyncio.to_thread(cluster.start)
        watch = lab.watch()
        await watch.start()
        expected = {("add", "meanwhile.1"), ("add", "comes"), ("delete", "goes")}
        await until(lambda: expected <= set(told()) and watch.readiness().ready, 60)
        await watch.stop()

    asyncio.run(main())
    assert lab.metrics.total("tidings_source_relists_total", function="watch", kind="Event") == 1
    assert lab.metrics.total("tidings_source_relists_total", function="watch", kind="ConfigMap") == 1
    assert told().count(("add", "stays")) == 1


def test_a_token_that_ended_is_said_and_its_successor_read_from_the_file(
    cluster: ApiServer, admin: Admin, tmp_path: Path
) -> None:
    space = admin.namespace("tokens")
    for secret in ("first", "second"):
        admin.core.create_namespaced_secret(space, {"metadata": {"name": secret}})
    admin.core.create_namespaced_service_account(space, {"metadata": {"name": "watcher"}})
    grant(admin, "tokens", space, ["configmaps"])
    token = tmp_path / "token"
    token.write_text(admin.token(space, "watcher", "first"))
    lab = lab_on(cluster, tmp_path, "v1/ConfigMap")
    lab.environment["KUBECONFIG"] = str(cluster.kubeconfig("tokens.kubeconfig", tokenFile=str(token)))
    told = seen(lab, space)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await asyncio.to_thread(admin.core.delete_namespaced_secret, "first", space)
        refused = ("lab: v1/ConfigMap: its API server refuses the token or certificate",)
        await until(lambda: watch.readiness().problems == refused, 40)  # tokens are cached for 10 seconds there
        token.write_text(await asyncio.to_thread(admin.token, space, "watcher", "second"))
        await asyncio.to_thread(admin.config_map, space, "meanwhile")
        await until(lambda: watch.readiness().ready and ("add", "meanwhile") in told(), 40)
        await watch.stop()

    asyncio.run(main())


def grant(admin: Admin, name: str, space: str, resources: list[str]) -> None:
    rules = [{"apiGroups": [""], "resources": resources, "verbs": ["get", "list", "watch"]}]
    admin.rbac.create_cluster_role({"metadata": {"name": name}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "watcher", "namespace": space}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    admin.rbac.create_cluster_role_binding({"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})


def test_what_rbac_refuses_is_said_and_the_rest_goes_on(cluster: ApiServer, admin: Admin, tmp_path: Path) -> None:
    space = admin.namespace("rbac")
    admin.core.create_namespaced_secret(space, {"metadata": {"name": "bound"}})
    admin.core.create_namespaced_service_account(space, {"metadata": {"name": "watcher"}})
    grant(admin, "rbac", space, ["configmaps"])
    lab = lab_on(cluster, tmp_path, "v1/ConfigMap,v1/Secret")
    token = admin.token(space, "watcher", "bound")
    lab.environment["KUBECONFIG"] = str(cluster.kubeconfig("rbac.kubeconfig", token=token))
    told = seen(lab, space)

    async def main() -> None:
        watch, reconcile = lab.watch(), lab.reconcile()
        await watch.start()
        await asyncio.to_thread(admin.config_map, space, "allowed")
        refused = ("lab: v1/Secret: may not be listed and watched",)
        await until(lambda: watch.readiness().problems == refused and ("add", "allowed") in told(), 20)
        await watch.stop()
        await lab.tick(reconcile)
        assert reconcile.readiness().problems == refused
        await reconcile.stop()

    asyncio.run(main())


def test_an_api_server_that_has_frozen_is_red_and_nothing_is_lost(
    cluster: ApiServer, admin: Admin, tmp_path: Path
) -> None:
    space = admin.namespace("frozen")
    lab = lab_on(cluster, tmp_path, "v1/ConfigMap")
    told = seen(lab, space)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await asyncio.to_thread(cluster.freeze)
        try:
            await until(lambda: not watch.readiness().ready, 20)
        finally:
            await asyncio.to_thread(cluster.resume)
        await asyncio.to_thread(patiently, lambda: admin.config_map(space, "thawed"))
        await until(lambda: watch.readiness().ready and ("add", "thawed") in told(), 60)
        await watch.stop()

    asyncio.run(main())


@pytest.fixture(scope="module")
def many(admin: Admin) -> str:
    space = admin.namespace("many")
    at_once(lambda number: admin.config_map(space, f"item-{number:04}", filler="x" * 500), range(5000))
    return space


def test_5000_objects_are_listed_in_pages_in_a_memory_that_does_not_grow(
    cluster: ApiServer, many: str, tmp_path: Path
) -> None:
    names: list[str] = []

    def status(event: CloudEvent) -> int:
        if event.extensions.get("namespace") == many:
            names.append(event.extensions["name"])
        return 202

    sink = Sink(keep=False, status=status)
    with serve(sink) as out:
        settings = {
            "KUBECONFIG": str(cluster.kubeconfig("many.kubeconfig")),
            "CLUSTER": "lab",
            "WATCH_KINDS": "v1/ConfigMap",
            "K_SINK": out,
            "STORE_URL": sqlite_url(tmp_path / "seen.db"),
        }
        with serving("watch", tmp_path / "watch.log", settings) as served:
            before = _status(served.process.pid, "VmHWM")
            wait_for(lambda: sink.counts[LISTED] == 1)
            assert _status(served.process.pid, "VmHWM") - before < 24 * 1024
        assert len(names) == len(set(names)) == 5000
        with serving("reconcile", tmp_path / "reconcile.log", settings) as served:
            while sink.counts[LISTED] < 2:
                assert served.request("POST", "/", TICK, seconds=30)[0] == 204
    assert len(names) == 5000, "nothing has changed since"


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_contexts_are_two_clusters(cluster: ApiServer, admin: Admin, tmp_path: Path) -> None:
    space = admin.namespace("contexts")
    admin.config_map(space, "one")
    lab = lab_on(cluster, tmp_path, "v1/Namespace", WATCH_CONTEXTS="prod-eu1=lab,prod-us1=other")

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())
    named = {event.extensions["cluster"] for event in lab.broker.events if event.extensions.get("name") == space}
    assert named == {"prod-eu1", "prod-us1"}

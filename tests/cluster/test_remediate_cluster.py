"""`remediate` on a real API server, by the rights that its components grant: what only that can show."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cluster.access import Access, from_kubeconfig
from shared.events.model import ObjectRef
from shared.events.outcome import Rejected, Retry
from tests.conftest import ROOT, could_not_run
from tests.e2e.test_up_watches import get, up
from tests.support.apiserver.server import ApiServer, missing, running
from tests.support.remedied_cluster import HOOKS, POD, Place, placed
from tests.support.remedies import MARK, Lab, hook, names, report, written

USER = "system:serviceaccount:tidings:tidings-remediate"
SWITCH = {"REMEDIATE_SWITCH": "tidings/remediate-switch"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    if why := missing():
        could_not_run(why, "make apiserver (Go, about 7 minutes once a machine), and Debian's etcd-server")
    with running(tmp_path_factory.mktemp("remediate")) as found:
        yield found


@pytest.fixture
def place(server: ApiServer, tmp_path: Path) -> Iterator[Place]:
    with placed(server, tmp_path) as one:
        yield one


def ready(name: str) -> dict[str, Any]:
    (found,) = yaml.safe_load((ROOT / "functions" / "remediate" / "hooks" / f"{name}.yaml").read_text())["hooks"]
    return dict(found)


WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
NODE = "/api/v1/nodes/worker-3"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"
BROKEN = ObjectRef(api_version="v1", kind="Node", name="worker-3", uid="worker-3")
FAILED = ObjectRef(api_version="batch/v1", kind="Job", namespace="shop", name="nightly-29")


def test_the_shipped_hooks_act_by_the_shipped_rights(place: Place) -> None:
    lab = place.lab(*map(ready, HOOKS), **SWITCH)
    results = lab.tell(
        lab.problem("web-7d4-x"),
        lab.problem("worker-3", object=BROKEN, condition="kernel-deadlock"),
        lab.problem("nightly-29", object=FAILED, condition="job-failed"),
    )
    assert names(results) == ["Done", "Done", "Done"]
    web = place.get(WEB)
    assert web["spec"]["template"]["metadata"]["annotations"].keys() == {"kubectl.kubernetes.io/restartedAt"}
    assert web["metadata"]["generation"] == 2, "the Deployment's controller rolls it out"
    assert "restart-crash-loop" in web["metadata"]["annotations"][MARK]
    assert "tidings-remediate" in {one["manager"] for one in web["metadata"]["managedFields"]}
    assert place.get(NODE)["spec"]["unschedulable"] is True
    (made,) = [one for one in place.get(JOBS)["items"] if one["metadata"]["name"] != "nightly-29"]
    assert made["metadata"]["ownerReferences"][0]["name"] == "nightly"
    assert made["metadata"]["labels"]["app"] == "nightly"
    assert names(lab.tell(lab.problem("web-7d4-x"))) == ["Duplicate"]
    assert place.get(WEB)["metadata"]["generation"] == 2


def test_a_dry_run_asks_for_all_rights_and_changes_nothing(place: Place) -> None:
    before = place.get(WEB)["metadata"]["resourceVersion"]
    lab = place.lab(*map(ready, HOOKS), REMEDIATE="dry-run", **SWITCH)
    results = lab.tell(lab.problem("web-7d4-x"), lab.problem("nightly-29", object=FAILED, condition="job-failed"))
    assert [report(one)["result"] for one in results] == ["shadow", "shadow"]
    assert place.get(WEB)["metadata"]["resourceVersion"] == before
    assert len(place.get(JOBS)["items"]) == 1
    missing_right = place.lab(hook(dry_run=True, do="evict", only={"kinds": ["Pod"], "namespaces": ["shop"]}))
    (result,) = missing_right.tell(missing_right.problem("web-7d4-x"))
    wanted = "RBAC: a Role must grant: create pods/eviction in the namespace shop"
    assert result.outcome == Rejected("kubernetes", wanted)


def test_what_the_hooks_allow_and_rbac_does_not_is_named(place: Place) -> None:
    lab = place.lab(hook(only={"kinds": ["Deployment"], "namespaces": ["other"]}))
    (result,) = lab.tell(lab.problem("web-7d4-x", namespace="other"))
    assert result.outcome == Rejected("kubernetes", "RBAC: a Role must grant: get pods in the namespace other")


def test_admission_is_told_from_rbac(place: Place) -> None:
    place.applier.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none", "namespace": "shop"},
            "spec": {"hard": {"count/jobs.batch": "0"}},
        }
    )
    path = "/api/v1/namespaces/shop/resourcequotas/none/status"  # which a controller writes, and none runs here
    status = {"hard": {"count/jobs.batch": "0"}, "used": {"count/jobs.batch": "0"}}
    place.applier.ask("PATCH", path, {"status": status}, "application/merge-patch+json")
    job = {"metadata": {"name": "any"}, "spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}}}
    try:
        patiently_refused(place, f"{JOBS}?dryRun=All", job)
        lab = place.lab(ready("rerun-failed-job"))
        (result,) = lab.tell(lab.problem("nightly-29", object=FAILED, condition="job-failed"))
        assert isinstance(result.outcome, Rejected)
        assert result.outcome.reason.startswith("admission refuses it: create jobs.batch in the namespace shop")
    finally:
        place.applier.ask("DELETE", "/api/v1/namespaces/shop/resourcequotas/none")


def test_the_switch_stops_it_and_may_be_read_and_nothing_else_of_its_kind(place: Place) -> None:
    path = "/api/v1/namespaces/tidings/configmaps/remediate-switch"
    place.applier.ask("PATCH", path, {"data": {"stop": "ask Kim"}}, "application/merge-patch+json")
    lab = place.lab(*map(ready, HOOKS), **SWITCH)
    (result,) = lab.tell(lab.problem("web-7d4-x"))
    assert "the switch tidings/remediate-switch is off" in report(result)["reason"]
    assert place.get(WEB)["metadata"]["generation"] == 1
    (shipped,) = yaml.safe_load_all((ROOT / "knative" / "components" / "remediate" / "switch.yaml").read_text())
    place.applier.apply(shipped)
    assert "stop" in place.get(path)["data"], "an apply does not take it back"
    place.applier.ask("PATCH", path, {"data": {"stop": None}}, "application/merge-patch+json")
    named = {"verb": "get", "resource": "configmaps", "namespace": "tidings", "name": "remediate-switch"}
    assert place.applier.may(USER, named)
    assert not place.applier.may(USER, {**named, "name": "nats"})
    assert not place.applier.may(USER, {**named, "verb": "patch"})


@pytest.mark.parametrize(
    ("what", "allowed"),
    [
        ("patch deployments apps shop", True),
        ("patch deployments apps other", False),
        ("patch deployments apps tidings", False),
        ("delete deployments apps shop", False),
        ("create jobs batch shop", True),
        ("create jobs batch tidings", False),
        ("delete pods - shop", False),
        ("patch nodes - -", True),
        ("delete nodes - -", False),
        ("get secrets - shop", False),
    ],
)
def test_it_may_do_what_its_hooks_take_and_no_more(place: Place, what: str, *, allowed: bool) -> None:
    verb, resource, group, namespace = what.replace("-", "").split(" ")
    action = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    assert place.applier.may(USER, action) is allowed


def test_doctor_says_which_right_each_hook_lacks(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = place.folder / "hooks.yaml"
    wide = hook(name="wide", only={"kinds": ["Deployment"], "namespaces": ["shop", "team-*"]})
    evict = hook(name="evict", do="evict", only={"kinds": ["Pod"], "namespaces": ["shop"]})
    hooks.write_text(written(*map(ready, HOOKS), wide, evict))
    for name, value in SWITCH.items() | {
        ("REMEDIATE", "dry-run"),
        ("REMEDIATE_HOOKS", str(hooks)),
        ("KUBECONFIG", str(place.kubeconfig)),
    }:
        monkeypatch.setenv(name, value)
    ended = CliRunner().invoke(app, ["doctor", "-o", "json"])
    assert ended.exit_code == 1
    said = [(one["state"], one["finding"]) for one in json.loads(ended.stdout) if one["system"] == "remediate"]
    assert said == [
        ("good", "5 hooks, REMEDIATE is dry-run, for problems of the cluster `lab` alone (CLUSTER)"),
        ("good", "the switch tidings/remediate-switch is on"),
        ("good", "restart-crash-loop: has the 6 rights that it takes"),
        ("good", "cordon-bad-node: has the 2 rights that it takes"),
        ("good", "rerun-failed-job: has the 3 rights that it takes"),
        ("unseen", "wide: it names namespaces by a star: whether each has a Role is not looked at"),
        ("bad", "evict: a Role must grant: create pods/eviction in the namespace shop"),
    ]
    monkeypatch.setenv("REMEDIATE_SWITCH", "tidings/none")
    hooks.write_text(written(hook(do="reboot")))
    ended = CliRunner().invoke(app, ["doctor", "-o", "json"])
    (one,) = [one for one in json.loads(ended.stdout) if one["system"] == "remediate"]
    assert one["state"] == "bad"
    assert "`do` cannot be `reboot`" in one["finding"]


def patiently_refused(place: Place, path: str, body: dict[str, Any]) -> None:
    """Wait until admission knows of what was made a moment ago."""
    end = time.monotonic() + 20
    while place.applier.ask("POST", path, body)[0] != 403:
        assert time.monotonic() < end
        time.sleep(0.1)


def by_admin(place: Place, *hooks: dict[str, Any]) -> Lab:
    return Lab(place.folder, lambda: from_kubeconfig(place.admin_config), *hooks)


def test_a_pod_is_evicted_unless_a_disruption_budget_says_no(place: Place) -> None:
    evict = hook(do="evict", only={"kinds": ["Pod"], "namespaces": ["shop", "other"]})
    budget = {"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    place.make("/apis/policy/v1/namespaces/other/poddisruptionbudgets", budget)
    label = {"metadata": {"labels": {"app": "web"}}}
    for namespace in ("shop", "other"):
        path = f"/api/v1/namespaces/{namespace}/pods/web-7d4-x"
        place.applier.ask("PATCH", path, label, "application/merge-patch+json")
        place.applier.ask("PATCH", f"{path}/status", {"status": {"phase": "Running"}}, "application/merge-patch+json")
    lab = by_admin(place, evict)
    done, held = lab.tell(lab.problem("web-7d4-x"), lab.problem("web-7d4-x", namespace="other"))
    assert names([done]) == ["Done"]
    assert isinstance(held.outcome, Retry)
    gone = place.get("/api/v1/namespaces/shop/pods/web-7d4-x")
    assert gone is None or "deletionTimestamp" in gone["metadata"]
    assert place.get("/api/v1/namespaces/other/pods/web-7d4-x") is not None
    place.applier.ask("DELETE", "/apis/policy/v1/namespaces/other/poddisruptionbudgets/web")


def test_a_workload_is_scaled_and_a_node_opened_again(place: Place) -> None:
    lab = by_admin(place, hook(do="scale", scale={"by": 2, "up_to": 3}))
    assert names(lab.tell(lab.problem("web-7d4-x"))) == ["Done"]
    assert place.get(WEB)["spec"]["replicas"] == 3
    nodes = {"when": {"condition": "kernel-deadlock"}, "only": {"kinds": ["Node"]}}
    lab = by_admin(place, hook(name="cordon", do="cordon", **nodes))
    one = lab.problem("worker-3", object=BROKEN, condition="kernel-deadlock")
    assert names(lab.tell(one)) == ["Done"]
    lab = by_admin(place, hook(name="uncordon", do="uncordon", cooldown="1m", **{**nodes, "while": "resolved"}))
    lab.clock.now += 600
    over = one.model_copy(update={"revision": 2, "state": "resolved", "transition": "resolved"})
    assert names(lab.tell(over)) == ["Done"]
    assert "unschedulable" not in place.get(NODE)["spec"]


def test_a_node_that_people_opened_and_closed_again_stays_closed(place: Place) -> None:
    nodes = {"when": {"condition": "kernel-deadlock"}, "only": {"kinds": ["Node"]}}
    lab = by_admin(place, hook(name="cordon", do="cordon", **nodes))
    one = lab.problem("worker-3", object=BROKEN, condition="kernel-deadlock")
    assert names(lab.tell(one)) == ["Done"]
    for closed in (None, True):
        patch = {"spec": {"unschedulable": closed}}
        assert place.applier.ask("PATCH", NODE, patch, "application/merge-patch+json")[0] == 200
    lab = by_admin(place, hook(name="uncordon", do="uncordon", cooldown="1m", **{**nodes, "while": "resolved"}))
    lab.clock.now += 600
    over = one.model_copy(update={"revision": 2, "state": "resolved", "transition": "resolved"})
    assert "somebody else cordoned it" in report(lab.tell(over)[0])["reason"]
    assert place.get(NODE)["spec"]["unschedulable"] is True


def test_a_patch_finds_out_where_its_kind_is_served(place: Place) -> None:
    target = {"kind": "autoscaling/v2/HorizontalPodAutoscaler", "namespace": "shop", "name": "web"}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
    place.make(path, {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": reference, "maxReplicas": 3}})
    patch = {"spec": {"maxReplicas": 6}}
    lab = by_admin(place, hook(do="patch", only=None, target=target, patch=patch))
    assert names(lab.tell(lab.problem("web-7d4-x"))) == ["Done"]
    assert place.get(f"{path}/web")["spec"]["maxReplicas"] == 6
    lab = by_admin(place, hook(name="less", do="patch", only=None, target=target, patch={"spec": {"maxReplicas": -1}}))
    lab.clock.now += 7200
    (result,) = lab.tell(lab.problem("web-7d4-x"))
    assert isinstance(result.outcome, Rejected)
    assert "invalid (422)" in result.outcome.reason
    place.applier.ask("DELETE", f"{path}/web")
    none = {**target, "kind": "example.com/v1/Oddity"}
    lab = by_admin(place, hook(do="patch", only=None, target=none, patch=patch))
    assert lab.tell(lab.problem("web-7d4-x"))[0].outcome == Rejected(
        "hooks", "the cluster has no example.com/v1/Oddity"
    )


def test_f52_an_event_in_the_cluster_restarts_its_deployment_once(place: Place) -> None:
    """F52, as a whole: `tidings up` watches the cluster, acts on it, sees its own change, and leaves it at that."""
    hooks = place.folder / "hooks.yaml"
    hooks.write_text(written(hook()))
    settings = {"REMEDIATE": "on", "REMEDIATE_HOOKS": str(hooks)}
    with up(ROOT, place.folder, "--kubeconfig", str(place.admin_config), **settings) as address:
        for number in (1, 2):
            place.make("/api/v1/namespaces/shop/events", crash(f"web.{number}", number * 10))
            wait(lambda: place.get(WEB)["metadata"]["generation"] == 2)
            wait(lambda: any(one["destination"] == "remediate" for one in listed(address, "deliveries")))
        wait(lambda: any(one.get("kind") == "Deployment" for one in listed(address, "events")))
        time.sleep(2)
        assert place.get(WEB)["metadata"]["generation"] == 2
        assert listed(address, "dead-letters") == []


def crash(name: str, count: int) -> dict[str, Any]:
    thing = {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-7d4-x"}
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "involvedObject": {**thing, "fieldPath": "spec.containers{web}"},
        "reason": "BackOff",
        "message": "Back-off restarting failed container web in pod web-7d4-x_shop",
        "type": "Warning",
        "count": count,
        "source": {"component": "kubelet", "host": "worker-3"},
        "lastTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def listed(address: str, view: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(f"{address}/api/v1/{view}?limit=100")["items"]
    return found


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_token_that_is_none_is_said(place: Place) -> None:
    wrong = base64.b64encode(b"nobody").decode()
    lab = Lab(place.folder, lambda: place.access().__class__(**{**_fields(place.access()), "token": wrong}))
    (result,) = lab.tell(lab.problem("web-7d4-x"))
    assert result.outcome == Retry("the API server refuses the token", refused=True)


def _fields(access: Access) -> dict[str, Any]:
    return {name: getattr(access, name) for name in access.__dataclass_fields__}
